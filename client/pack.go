package client

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/cerberus-host/cerberus/abi"
)

const (
	// packBundle is the name of a pack's first entry, the bundle; all others are named by
	// their digests in hex.
	packBundle = "bundle"
	// PackBytesMax bounds a pack.
	PackBytesMax = 2 << 30
	// packEntriesMax bounds the entries of a pack: a bundle, module, model, key set, setup
	// and a task's inputs.
	packEntriesMax = 32
	// tarMagicAt is where a tar archive has its magic; a header takes a block, a file whole
	// blocks, and two empty ones are the end.
	tarMagicAt  = 257
	tarBlock    = 512
	tarEndBytes = 2 * tarBlock
)

// Pack is an attestation's bundle with whatever of module, model, key set, inputs and
// setup travels with it. Nothing in it is trusted: blobs are found by the digests that the
// bundle's statement names, the setup by a digest that the reader pinned before.
type Pack struct {
	// Bundle is the encoded bundle.
	Bundle []byte

	blobs map[abi.Digest][]byte
}

// Source finds the blobs that travel with the bundle.
func (p *Pack) Source() Source {
	return func(d abi.Digest, limit int64) ([]byte, error) {
		data, ok := p.blobs[d]
		if !ok || int64(len(data)) > limit {
			return nil, fmt.Errorf("look for %s in the pack: %w", d.Short(), fs.ErrNotExist)
		}
		return data, nil
	}
}

// Len is the number of blobs beside the bundle.
func (p *Pack) Len() int { return len(p.blobs) }

// Encode returns the file that [ParsePack] reads: the bundle alone, or, with blobs, a tar
// archive with fixed metadata, so that the same pack is the same file everywhere.
func (p *Pack) Encode() ([]byte, error) {
	if len(p.blobs) == 0 {
		return p.Bundle, nil
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	put := func(name string, data []byte) error {
		err := w.WriteHeader(&tar.Header{
			Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(data)),
			ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR,
		})
		if err == nil {
			_, err = w.Write(data)
		}
		return err
	}
	if err := put(packBundle, p.Bundle); err != nil {
		return nil, fmt.Errorf("write pack: %w", err)
	}
	for _, d := range sortedDigests(p.blobs) {
		if err := put(hexName(d), p.blobs[d]); err != nil {
			return nil, fmt.Errorf("write pack: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("write pack: %w", err)
	}
	return buf.Bytes(), nil
}

// ParsePack reads a bundle, alone or with what travels with it. It looks at the bundle no
// further; every blob has the digest that names it. Errors wrap [ErrVerification].
func ParsePack(data []byte) (*Pack, error) {
	if len(data) > PackBytesMax {
		return nil, fmt.Errorf("%w: the file has %d bytes, more than %d", ErrVerification, len(data),
			PackBytesMax)
	}
	p := &Pack{blobs: make(map[abi.Digest][]byte)}
	if len(data) < tarMagicAt+5 || string(data[tarMagicAt:tarMagicAt+5]) != "ustar" {
		p.Bundle = data
		return p, nil
	}
	if err := p.readAll(data); err != nil {
		return nil, fmt.Errorf("%w: this is no whole pack: %w", ErrVerification, err)
	}
	return p, nil
}

// readAll takes in an archive that has nothing behind its end.
func (p *Pack) readAll(data []byte) error {
	r := tar.NewReader(bytes.NewReader(data))
	end := tarEndBytes
	for n := 0; ; n++ {
		head, err := r.Next()
		switch {
		case errors.Is(err, io.EOF) && n > 0 && end == len(data):
			return nil
		case errors.Is(err, io.EOF):
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		case n == packEntriesMax:
			return fmt.Errorf("more than %d entries", packEntriesMax)
		}
		if err := p.read(r, head, n == 0); err != nil {
			return err
		}
		end += tarBlock + int(head.Size+tarBlock-1)/tarBlock*tarBlock
	}
}

// read takes in one entry; the first one is the bundle.
func (p *Pack) read(r io.Reader, head *tar.Header, first bool) error {
	if head.Typeflag != tar.TypeReg || head.Format&tar.FormatUSTAR == 0 ||
		first != (head.Name == packBundle) {
		return fmt.Errorf("entry %.80q does not belong here", head.Name)
	}
	data, err := io.ReadAll(r) // no more than the archive holds
	if err != nil {
		return err
	}
	if first {
		p.Bundle = data
		return nil
	}
	d := abi.SumDigest(data)
	if _, twice := p.blobs[d]; twice || head.Name != hexName(d) {
		return fmt.Errorf("entry %.80q is not what its name says, or is there twice", head.Name)
	}
	p.blobs[d] = data
	return nil
}

func sortedDigests(blobs map[abi.Digest][]byte) []abi.Digest {
	return slices.SortedFunc(maps.Keys(blobs), func(a, b abi.Digest) int {
		return bytes.Compare(a[:], b[:])
	})
}
