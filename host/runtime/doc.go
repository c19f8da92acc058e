// Package runtime runs the three entry points of an admitted module in a sandbox. It is the
// only place that knows the WebAssembly runtime.
//
// [New] makes a [Runtime]; [Runtime.Load] admits and compiles a module file; the [Module]
// it returns runs [Module.RunEncode], [Module.RunInfer] and [Module.RunDecode]. Every run
// has a fresh instance, so nothing that one run leaves behind is seen by another.
//
// Compiling happens in a process of its own if [Config.Compiler] names one, with limits on
// its time and memory; whatever becomes of it, this process has to do with one file that it
// leaves, and checks that.
//
// Compiled code is kept in memory up to a number of bytes, least recently used out first,
// never while a run needs it; and on disk, if a directory is given, where loading it takes
// a seventh of compiling. It is native code: the directory must belong to this process
// alone, and its files must never come from another machine.
//
// # Stopping a guest
//
// A run has a deadline. The runtime looks at it where a loop begins, and package admit has
// put loops without a body wherever a guest could run long without passing one; so a
// hostile guest holds its thread for some milliseconds at most, and Go's garbage collector,
// which waits for native code, with it. BenchmarkHeartbeat measures that.
//
// # Caveats
//
// Time is the only fence around computing; counting instructions is not done here. A
// deadline depends on the machine's load: whether a slow run ends is not deterministic,
// what it returns when it ends is.
//
// The depth of calls is limited by the native stack in compiled code and by a number of
// frames in the interpreter, so a guest that recurses without end fails in both, but not at
// the same depth.
package runtime
