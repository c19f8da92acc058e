// Package api serves the public API of cerberus.v1 over Connect, gRPC and gRPC-Web.
//
// [New] builds one http.Handler out of four backends that this package declares ([Nodes],
// [Blobs], [Brains], [Tasks]): the services, health checks and reflection, behind limits on
// size, time and number of requests. [NewServer] gives the handler an http.Server with
// every timeout set.
//
// A request passes, from the outside in: a cap on requests in flight and on body bytes, the
// caller's authentication (see package identity; it runs before anything is decoded), the
// conversion of errors, validation against the schema, and the handler, which refuses
// anonymous callers where a signature is needed and hands over to a backend.
//
// # Errors
//
// A backend refuses with an [*Error], whose reason is one of [Reasons]; the table there is
// the one map from reasons to Connect codes, and docs/ERRORS.md shows it. Every error that
// leaves carries a cerberus.v1.ErrorDetail. Any other error is answered as "internal"
// without its text and goes to the log.
//
// # What it is not
//
// It holds no state, knows no roles and runs no task: who may do what is decided by the
// backends.
package api
