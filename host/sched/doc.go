// Package sched decides which queued tasks this node runs, and when.
//
// [Scheduler.Run] takes tasks from a [Queue] in the order of their submission, leases each
// for as long as one attempt may take, and hands it to a [Runner], a bounded number at once
// and within a bound of memory. [Scheduler.Cancel] ends the attempt at one task.
//
// # Caveats
//
// A lease is a promise of the replicated log: its number, the fence, is what a late result
// is refused by. The scheduler never decides that a task is finished.
//
// A task that needs more memory than is left waits, and those behind it wait with it, so
// that large tasks are not starved by small ones. One that needs more than there is runs
// alone.
//
// # What it is not
//
// It keeps no queue of its own and survives nothing: after a restart the queue is read
// again.
package sched
