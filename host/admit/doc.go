// Package admit decides whether a module may be given to the WebAssembly runtime, and in
// which form.
//
// [Admit] takes a module through three steps before the runtime sees any of it:
//
//  1. A walk from the first byte to the last. Every count is checked against the bytes that
//     are left and against a limit, so reading costs time and memory in proportion to the
//     file, never to a number in it. What passes has the exports that the ABI asks for,
//     imports host functions with the table's signatures and nothing else, and cannot make
//     the runtime's compiler slow or large: see limits.go, each limit with the module that it
//     stops.
//  2. Validation of the file as it is, by package validate, so that no change of ours can
//     make an invalid module valid.
//  3. Rewriting. The runtime is given [Module.Code], not the file: custom sections are gone,
//     data segments that nothing can name are joined (data.go), and package meter has put in
//     what counts gas and the depth of calls, makes computed NaNs canonical and exports the
//     globals of the module. The result is validated again.
//
// Package wasm reads the binary format for all of them.
//
// # Caveats
//
// Limits are start values; raising one is safe, lowering one can refuse modules that are
// registered already.
//
// # What it is not
//
// It gives no opinion on what a module computes: a hostile module that passes is still
// hostile, and the host functions treat it so.
package admit
