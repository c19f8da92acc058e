// Package validate type-checks WebAssembly modules: [Module] returns nil for exactly the
// modules that the specification calls valid, Core 2.0 without later proposals, within the
// limits of limits.go.
//
// It is the validation algorithm of the specification's appendix: a stack of the types of
// operands, polymorphic behind operators that never return, and a stack of the blocks that
// are open. Every index is compared with its space, constant expressions are held to
// constants and imported globals, references to functions to declared ones, segments to the
// data count, limits to their order and to the 65,536 pages of a memory.
//
// # Costs
//
// The module is read once. Time grows with its bytes, at most times [ArityMax]; memory is
// that of the entries other than code and data, a small multiple of their bytes, and of two
// stacks with limits of their own. Locals are never expanded beyond the bytes of the body
// that uses them.
//
// # Caveats
//
// Validity says nothing about time or memory of a run or of a compiler. Package admit holds
// the limits for those, narrower than the ones here, and looks before this package does.
//
// # What it is not
//
// It changes nothing and keeps nothing: whoever rewrites a module validates it twice, before
// and after, since indices that are out of range before could be in range after.
package validate
