package blob

import (
	"bytes"
	"errors"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
)

func FuzzParseSidecar(f *testing.F) {
	u := Upload{Digest: abi.Digest{1}, Bytes: ChunkBytes + 1, Kind: 3, Owner: abi.Address{2}}
	f.Add(u.sidecar())
	f.Add(u.header())
	f.Add([]byte(sidecarMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		up, chunks, err := parseSidecar(b)
		if err != nil {
			if !errors.Is(err, ErrLayout) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		again := up.header()
		for _, d := range chunks {
			again = append(again, d[:]...)
		}
		if !bytes.Equal(again, b) {
			t.Fatal("another form of the same sidecar is accepted")
		}
	})
}
