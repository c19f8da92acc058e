// Package host puts a node together: identity, blob store, replicated log, sandbox,
// registry, worker, scheduler and API. Its subpackages know nothing of each other but what
// their imports say; node.go is the only place where they are wired.
//
// [Open] makes a [Node] out of [Options], [Node.Start] lets it serve and work,
// [Node.WaitReady] waits until it takes tasks, [Node.Wait] returns when it has to stop, and
// [Node.Close] stops it in order.
//
//	node, err := host.Open(ctx, opts)
//	…
//	err = errors.Join(node.Start(ctx), node.Wait(ctx), node.Close())
//
// The other files are the glue between the API's backends and the parts: cluster.go,
// blobs.go, brains.go and tasks.go answer the four services, queue.go and runner.go feed
// scheduler and worker, chores.go collects what nobody needs any more.
//
// # Caveats
//
// A data directory belongs to one process. A failed fsync stops the node for good: Wait
// returns the reason, and the process must be restarted.
//
// This version runs one voter: its log is its own majority.
//
// # What it is not
//
// It is no command line; package cmd/cerberus reads configuration and signals.
package host
