// Package features turns a review into the numbers that the sentiment Brains encrypt.
//
// It runs on the client, inside the Brain's module, and again in the program that trains
// the weights, so both see the same numbers. The way there has three steps: [Tokens] cuts
// the text, [Walk] names its terms (words, pairs, triples, pieces of words, negated
// words), and [Dictionary.Vector] puts their weights at the places that the public
// dictionary gives them.
//
// A [Dictionary] is plain text, one term a line, sorted by bytes: whoever wants to know
// what a Brain looks at reads the file. It says nothing about the weights of a term.
//
// # Caveats
//
// The package is compiled into a WebAssembly guest: it must not import fmt,
// encoding/json, reflect, regexp, os or unicode, which would double the module.
//
// The rules are made for English film reviews in the style of the Stanford Sentiment
// Treebank, which is tokenised already; [Tokens] brings ordinary text into that form.
//
// # What it is not
//
// It holds no weights and makes no judgement: the score is computed on ciphertexts by
// the host.
package features
