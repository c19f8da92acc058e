// Package wasmtest assembles small WebAssembly modules in tests: valid Brains with bodies of
// a few operators, and the hostile ones that no toolchain would make.
//
// [Module] is a module in terms of the binary format; [Brain] gives one that passes
// admission, for a test to change. [Section] makes sections that claim what they do not
// hold.
//
// # Caveats
//
// Nothing is checked: a Module is written as it stands, valid or not.
package wasmtest
