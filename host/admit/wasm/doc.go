// Package wasm reads the binary format of WebAssembly: sections, their entries and the
// operators of function bodies, as Core 2.0 has them.
//
// [Sections] walks the sections of a module; a [Reader] reads the entries of one, a value at
// a time; [Reader.Instruction] reads an operator with its immediates, and [Info] tells what
// is known of it without its module. There is one table of operators, and whoever checks,
// counts or rewrites code shares it.
//
// # Strictness
//
// Numbers are LEB128 within the bytes that the specification allows and with its rules about
// unused bits; longer spellings of small numbers are allowed, because linkers leave them.
// Names are UTF-8. Reserved bytes are zero. Sections other than custom ones come once and in
// order. Every count is compared with the bytes that are left, and nothing is allocated for
// a count: memory in use does not grow with any number in the file, except for the targets
// of one br_table, which are there as bytes.
//
// # Caveats
//
// A Reader knows no types and no indices: what it has read is well formed, not valid. That is
// the business of package validate. Limits on sizes are the business of package admit.
//
// # What it is not
//
// It is not a decoder of proposals beyond Core 2.0: threads, exceptions, tail calls, garbage
// collection, relaxed SIMD, several memories and 64-bit memories are errors. It builds no
// tree of a module, and it writes nothing.
package wasm
