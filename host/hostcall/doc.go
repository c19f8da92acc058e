// Package hostcall is the host's side of the ABI: what happens when a guest calls a host
// function. It knows no WebAssembly runtime; host/runtime binds it to one.
//
// A [Run] is the state of one entry point's run: made by [NewEncode], [NewInfer] or
// [NewDecode], changed by the functions that [Bindings] lists, and asked for its result at
// the end ([Run.Inputs], [Run.Program], [Run.Answer]). [ParseRequest] checks a client's
// request against the manifest's schema, and [PublicArgs] copies the public fields out of
// it: code of the guest has no part in either.
//
// A module that exports _initialize is run through it first, with a Run of its own
// ([NewInitialize]) that knows the module and nothing else: neither entry point nor arguments.
// There the guest may use the system interface, log and fail; every other function answers
// that this is not its phase. So what _initialize leaves in memory is the same for all runs,
// and the host may keep a copy instead of running it again.
//
// Everything that a guest can observe is a fixed function of the module, the public
// arguments and, on the client, its own request: handles, error codes, the clock, random
// numbers. So infer records the same Program on every machine.
//
// # The system interface
//
// Language runtimes expect a few calls of wasi_snapshot_preview1. The shim in wasi.go
// answers these: the clock starts at a fixed time, moves when it is read, and goes on from
// where _initialize left it; random bytes come from a seed, for _initialize that of the module,
// for an entry point one of module, arguments and phase; what is written to standard output
// and error goes to the run's log; arguments and environment are empty; waiting returns at
// once; there is no file.
//
// # Prices
//
// Every call has a [Price] and is charged to the run's [Meter] before its work: a base, and
// units for each byte of the lengths that the guest passes. A refused charge leaves no trace,
// and the guest must not go on ([Run.Stopped]). What the recorded steps will cost an engine is
// counted apart ([Run.Recorded]) and has a limit of its own. [PricesDigest] names the table.
//
// # Caveats
//
// A Run belongs to one goroutine. Memory that a guest passes is read or copied within the
// call and never kept.
//
// The clock and the random bytes carry no information and are not secure.
package hostcall
