// Package brain is the Go SDK for Brains: the WebAssembly modules that cerberus runs on
// encrypted data.
//
// A Brain is a type with three methods, each run in a sandbox:
//
//   - Encode runs on the client: it turns the request into the numbers of the input
//     vectors, which the client then encrypts;
//   - Infer runs on the host: it records a Program, the graph of operations on vectors
//     that nobody but the client can read. A [Vector] is a name for a node of that graph;
//     there is no value behind it, so Infer cannot look at data, only say what to do;
//   - Decode runs on the client: it turns the decrypted output vectors into an answer.
//
// The whole of a Brain that scores three numbers against public weights:
//
//	package main
//
//	import brain "github.com/cerberus-host/cerberus/sdk-wasm/go"
//
//	type scorer struct{}
//
//	func (scorer) Encode(req *brain.Request, enc *brain.Encoder) error {
//		for i, key := range []string{"age", "dose", "pressure"} {
//			if v, ok := req.NumberIn("features", key); ok {
//				enc.Put("x", i, []float64{v / 100})
//			}
//		}
//		return nil
//	}
//
//	func (scorer) Infer(g *brain.Graph) error {
//		x := g.Input("x")
//		w := g.Model("weights", 0, 3)
//		g.Output("score", g.Add(g.Dot(x, w), g.Model("bias", 0, 1)))
//		return nil
//	}
//
//	func (scorer) Decode(res *brain.Result, ans *brain.Answer) error {
//		score := res.Values("score")
//		if len(score) == 0 {
//			return nil // the error is kept by the run and reported by the host
//		}
//		label := "low"
//		if score[0] > 0 {
//			label = "high"
//		}
//		ans.Label(label)
//		ans.Number("score", score[0])
//		return nil
//	}
//
//	func init() { brain.Serve(scorer{}) }
//
//	func main() {}
//
// Beside the code lies manifest.json, which names the request's fields, the input and
// output vectors, the labels and the model; `cerberus brain build DIR` compiles the folder
// and attaches the manifest. The compile step is plain Go:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -trimpath -buildvcs=false \
//		-ldflags=-buildid= .
//
// # Errors
//
// The methods of [Request], [Encoder], [Graph], [Result] and [Answer] return no errors. The
// first one is kept in the run, later calls do nothing, and the run fails with it when the
// entry point returns, so that a Brain's code stays straight. [Call.Err] tells whether it
// has happened. An error that the entry point itself returns comes before it.
//
// # Caveats
//
// Serve must be called from an init function or a package variable: main never runs in a
// module that is built with -buildmode=c-shared.
//
// Infer must depend on nothing but the public arguments ([Call.Arg]): the host runs it at
// registration and again for every task, and refuses a Program that differs.
//
// Importing fmt adds 0.7 MB to a module of 1.8 MB; this package does without it.
//
// # What it is not
//
// It holds no cryptography and no numbers of a model: weights lie in a blob beside the
// module and a Program names ranges of it. Package braintest, beside this module, runs a
// Brain natively in `go test`.
package brain
