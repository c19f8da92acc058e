// Package trial runs the cases of package hostile against the sandbox and tells how each
// ended and what it cost the process around it.
//
// [New] makes a [Trial] with sandboxes of its own; [Trial.Run] runs one case and returns a
// [Result]: how it ended, how long it took and how much later than its deadline, how long a
// heartbeat beside it waited, how much memory the process took for it. A case
// that ends otherwise than it must is an error in the Result, not a panic.
//
// # Caveats
//
// Durations are wall-clock times and depend on the machine's load. The memory is that of the
// whole process, so cases run one after the other; it is 0 where the system does not tell.
//
// # What it is not
//
// A trial runs in the process that calls it, where a sandbox that fails takes the caller
// with it: that is how a test finds out. Other hosts are tried in processes of their own.
package trial
