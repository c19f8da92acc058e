package fhe_test

import (
	"bytes"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

// FuzzParseCiphertexts asserts that whatever is accepted is canonical.
func FuzzParseCiphertexts(f *testing.F) {
	p := tinyParams(f, 1)
	for _, cts := range [][]fhe.Ciphertext{
		sampleVector(f, p, abi.PackSlots, 3, false), sampleVector(f, p, abi.PackSlots, 8, true),
		sampleVector(f, p, abi.PackCoeffs, 40, true), sampleVector(f, p, abi.PackCoeffs, 1, false),
	} {
		data, err := fhe.EncodeCiphertexts(p, cts)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cts, err := fhe.ParseCiphertexts(p, data)
		if err != nil {
			return
		}
		again, err := fhe.EncodeCiphertexts(p, cts)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("accepted %d bytes, encoded again as %d bytes, %v", len(data), len(again), err)
		}
	})
}

// FuzzReadKeySet asserts that whatever is accepted is canonical.
func FuzzReadKeySet(f *testing.F) {
	p := tinyParams(f, 1)
	k := sampleKeySet(f, p)
	f.Add(keySetBytes(f, k))
	k.Keys = k.Keys[:0]
	f.Add(keySetBytes(f, k))
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := fhe.ReadKeySet(bytes.NewReader(data), p)
		if err != nil {
			return
		}
		if again := keySetBytes(t, k); !bytes.Equal(again, data) {
			t.Fatalf("accepted %d bytes, encoded again as %d bytes", len(data), len(again))
		}
	})
}
