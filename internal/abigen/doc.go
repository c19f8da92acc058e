// Command abigen writes what follows from the table of host functions in package abi: the
// Go SDK's host interface, import stubs and constants, and the reference page docs/ABI.md.
//
// The host side needs no generated code, because it registers the table's rows at run time
// by name. Run it with `go generate ./internal/abigen`; a test fails while a generated file
// is out of date.
//
// It is not a general binding generator: it knows the shapes of parameters that the table
// uses ([arguments]) and stops at any other.
package main
