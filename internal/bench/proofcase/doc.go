// Package proofcase puts a proof and all that it is checked against into one file, so that
// another program, on another kind of machine, can time the check: package bench writes
// [Case] values, and its program jsverify reads them under js/wasm.
//
// # What it is not
//
// It is no format to keep or to exchange: writer and reader are of one build, and what the
// file says is believed. Attestations travel as package proofs/bundle has them.
package proofcase
