// Package runtime runs the three entry points of an admitted module in a sandbox. It is the
// only place that knows the WebAssembly runtime.
//
// [New] makes a [Runtime]; [Runtime.Load] admits and compiles a module file; the [Module]
// it returns runs [Module.RunEncode], [Module.RunInfer] and [Module.RunDecode]. What is known
// about a run beside its result is in a [Report], which [Config] or [Module.Observed] ask for.
//
// # Compiling
//
// A compiler may be brought down by what it compiles. So it has a process of its own if
// [Config.Compiler] names one ([CompileChild] is that process's side), with limits on its
// memory and time. Whatever becomes of it, this process has to do with one file that it
// leaves: that is read without following links, its frame is compared with the module, it is
// written anew where the child could not write, and it can then only be loaded: nothing is
// compiled here because something is missing in it.
//
// Compiled code is kept in memory up to a number of bytes, least recently used out first,
// never while a run needs it; and on disk, if a directory is given, where loading it takes
// a seventh of compiling. It is native code: the directory must belong to this process
// alone, and its files must never come from another machine.
//
// # Stopping a guest
//
// Nothing in the runtime stops native code, and Go's collector waits for it, and with that
// the whole process. The code that package meter puts into a module does: it counts gas, and
// when a slice of a million units is used up, it calls the host, which grants another one or
// ends the run, and lets other goroutines have the thread.
//
//   - A run may use [abi.GasMax] of its phase ([ErrGas]), host calls included, which are
//     charged before their work; and it may nest calls up to a weight ([ErrDepth]). Both are
//     counts: a run ends within them on every machine or on none, whatever its engine.
//   - A run has a deadline, and its context can end ([ErrDeadline]). That depends on the
//     machine, so no result may depend on it.
//
// BenchmarkHeartbeat measures how long other goroutines wait for a hostile guest.
//
// # Instances
//
// No run finds anything of another. A module without _initialize has a new instance in every
// run. With one, as built by languages that have a runtime of their own, the memory and the
// globals that _initialize leaves are kept, and an instance is put back into that state after
// each run: before the run returns, so nothing of a user waits in the pool. The state cannot
// depend on who asked for it, since _initialize sees neither arguments nor phase (package
// hostcall); its gas, calls and log count for every run. An instance whose memory has grown,
// or that has not returned, is dropped, and modules that could change what is not put back
// (tables, segments, references) have none that are kept.
//
// # Caveats
//
// Where the child process, or this one where there is none, is given a module that its
// compiler gets wrong, native code does what the compiler wrote. A process is no protection
// from that.
//
// The garbage of grown memories is collected as Go sees fit, so that a process can hold more
// than the bounds of its guests for some time.
package runtime
