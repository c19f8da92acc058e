// Package hostile is a collection of modules that try to hurt the host that runs them: to
// kill it, to freeze it, to take its memory, to outlive their deadline, to see or to leave
// what is not theirs.
//
// [Cases] lists them, each a [Case] with its group, what it does in words, and how it must
// end. The groups are those of docs/SANDBOX.md; [Groups] names all of them, also those that
// no module can play alone, such as a damaged cache. Package trial runs cases against the
// sandbox and measures what they cost; docs/SANDBOX.md shows what they do to other hosts.
//
//	for _, c := range hostile.Cases() {
//		fmt.Println(c.Group, c.Name, c.Want)
//	}
//
// Every module is assembled from parts by a few lines of Go, so that a reader sees what is
// wrong with it; there is no binary in this package.
//
// # Caveats
//
// The modules do what they say. Given to a WebAssembly runtime as they are, some end the
// process and some take all memory: run them in a child process with limits.
//
// # What it is not
//
// It is not the tests of the validator or the rewriter, which have their own tables and fuzz
// targets; a case here goes through the whole sandbox.
package hostile
