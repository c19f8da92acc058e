// Command sentiment-large is a Brain: a module that cerberus runs on encrypted data. It tells
// whether a film review is favourable, by a linear model over the terms of a public
// dictionary. README.md says how the weights were made and what they are worth.
package main

import (
	_ "embed"

	"github.com/cerberus-host/cerberus/plugins/sentiment/scorer"
	brain "github.com/cerberus-host/cerberus/sdk-wasm/go"
)

// vectorLength is the length of the encrypted vector: sixteen ciphertexts.
const vectorLength = 16 * 8192

//go:embed dictionary.txt
var dictionary string

//go:embed dictionary.index
var index string

func newBrain() scorer.Scorer {
	return scorer.Scorer{Dictionary: dictionary, Index: index, Length: vectorLength}
}

func init() { brain.Serve(newBrain()) }

func main() {}
