package brain

import "errors"

// This package and its generated files are for the same version of the ABI, or this line
// does not compile.
const _ = generatedForABIv1

// Brain is what an author writes. All three methods run alone, one at a time, in an
// instance that is thrown away afterwards; nothing that one run stores is seen by another.
type Brain interface {
	// Encode fills the input vectors of one request; elements never put are zero.
	Encode(req *Request, enc *Encoder) error
	// Infer records the Program for the run's public arguments.
	Infer(g *Graph) error
	// Decode makes the answer from the decrypted output vectors.
	Decode(res *Result, ans *Answer) error
}

// ErrNotServed is returned by the entry points of a module that never called [Serve].
var ErrNotServed = errors.New("no Brain: call brain.Serve from an init function, " +
	"main does not run in a c-shared module")

// served is the module's Brain. It is written once, while the module initialises, because
// the exports that the host calls have no parameters to carry it.
var served Brain //nolint:gochecknoglobals // see above

// Serve makes b the Brain of this module; the last call counts. Call it from an init
// function or a package variable.
func Serve(b Brain) { served = b }

// Served returns what [Serve] was last given, nil if it was never called.
func Served() Brain { return served }

// RunEncode runs b's Encode against a host. Authors have no use for it: the module's
// exports and package braintest call it.
func RunEncode(h Host, b Brain) error {
	c := newCall(h)
	return c.finish(b, func() error { return b.Encode(&Request{c}, &Encoder{c}) })
}

// RunInfer runs b's Infer against a host, as [RunEncode] does for Encode.
func RunInfer(h Host, b Brain) error {
	c := newCall(h)
	return c.finish(b, func() error { return b.Infer(&Graph{c}) })
}

// RunDecode runs b's Decode against a host, as [RunEncode] does for Encode.
func RunDecode(h Host, b Brain) error {
	c := newCall(h)
	return c.finish(b, func() error { return b.Decode(&Result{c}, &Answer{c}) })
}
