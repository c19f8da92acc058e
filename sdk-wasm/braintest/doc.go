// Package braintest runs a Brain natively in `go test`: no WebAssembly, no encryption, the
// same host functions.
//
// [New] reads the manifest and the model beside it; [Bench.Ask] takes a request all the way
// to an answer: encode, infer, the clear twin of the recorded Program, decode. A test of a
// Brain looks like this:
//
//	func TestPraise(t *testing.T) {
//		bench := braintest.New(t, sentiment{}, "manifest.json")
//		bench.Golden("testdata/program.golden", *update)
//		if got := bench.Ask(`{"text": "a fine film"}`); got.Label != "positive" {
//			t.Errorf("got %s", got.Label)
//		}
//	}
//
// # Caveats
//
// The Brain runs in the test's own process: it is not stopped when it loops, and a panic
// fails the test. Its variables live on from run to run, which they do not in a module, so
// [Bench] runs infer twice and compares.
//
// # What it is not
//
// The answer is the clear twin's: an encrypted one differs by noise. The client's tests and
// `cerberus eval` compare the two.
package braintest
