package fhe

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe/rns"
)

// keySetMagic begins a key-set blob.
const keySetMagic = "CBKS"

// keySetFixed is the length of the header of a key-set blob without name and elements.
const keySetFixed = magicBytes + 2 + 1 + SeedBytes + 4

// KeySetPrefixMax is how many bytes of a key-set blob [KeySetParams] looks at, at most.
const KeySetPrefixMax = magicBytes + 2 + 1 + paramsMax

// KeySetParams returns the name of the parameter set of a key-set blob that begins with head:
// [KeySetPrefixMax] bytes, or all that there are. Errors are [*FormatError] values. It says
// nothing about the rest of the blob.
func KeySetParams(head []byte) (string, error) {
	c := cursor{data: head}
	name := c.named(keySetMagic)
	if c.err != nil {
		return "", c.err
	}
	return name, nil
}

// KeySetBytes returns the length of the blob of a key set with that many keys.
func KeySetBytes(p *Params, keys int) int64 {
	perKey := int64(p.Digits(p.MaxLevel())) * int64(PolyBytes(p.N(), p.ModuliQP()))
	return int64(keySetFixed+len(p.Name())) + int64(keys)*(8+perKey)
}

// WriteKeySet writes the canonical blob of a key set, in pieces of at most one limb. It
// returns [ErrFormat] if the set is not canonical ([KeySet.Check]); by then a part may have
// been written.
func WriteKeySet(w io.Writer, k *KeySet) error {
	if err := k.checkHeader(); err != nil {
		return err
	}
	header, err := appendPrefix(nil, keySetMagic, k.Params)
	if err != nil {
		return err
	}
	header = append(header, k.Seed[:]...)
	header = binary.LittleEndian.AppendUint32(header, uint32(len(k.Keys)))
	for _, key := range k.Keys {
		header = binary.LittleEndian.AppendUint64(header, key.Galois)
	}
	if _, err := w.Write(header); err != nil {
		return fmt.Errorf("write key set: %w", err)
	}
	moduli := k.Params.ModuliQP()
	var buffer []byte
	for _, key := range k.Keys {
		for d, b := range key.B {
			if err := b.Check(k.Params.N(), moduli); err != nil {
				return keyError(key.Galois, d, err)
			}
			for i, q := range moduli {
				if buffer, err = rns.AppendPacked(buffer[:0], b.Limbs[i], q); err != nil {
					return keyError(key.Galois, d, limbError(i, err))
				}
				if _, err := w.Write(buffer); err != nil {
					return fmt.Errorf("write key set: %w", err)
				}
			}
		}
	}
	return nil
}

// ReadKeySet reads a blob that [WriteKeySet] wrote for this parameter set, up to the end of
// r: what follows the last key is an error. Errors that are not r's own are [*FormatError]
// values that name the field. Memory is allocated as its content arrives, at most one limb
// ahead; the caller bounds the length of r ([KeySetBytes]).
func ReadKeySet(r io.Reader, p *Params) (*KeySet, error) {
	in := bufio.NewReader(r)
	k := &KeySet{Params: p}
	elements, err := readKeySetHeader(in, k)
	if err != nil {
		return nil, err
	}
	moduli := p.ModuliQP()
	buffer := make([]byte, rns.PackedBytes(p.N(), 1<<rns.MaxPrimeBits))
	for _, g := range elements {
		key := EvalKey{Galois: g}
		for d := range p.Digits(p.MaxLevel()) {
			b := Poly{}
			for i, q := range moduli {
				packed := buffer[:rns.PackedBytes(p.N(), q)]
				if err := readField(in, fmt.Sprintf("key %d", g), packed); err != nil {
					return nil, err
				}
				limb := make([]uint64, p.N())
				if err := rns.Unpack(packed, limb, q); err != nil {
					return nil, keyError(g, d, limbError(i, err))
				}
				b.Limbs = append(b.Limbs, limb)
			}
			key.B = append(key.B, b)
		}
		k.Keys = append(k.Keys, key)
	}
	switch _, err := in.ReadByte(); {
	case err == nil:
		return nil, formatError("payload", "trailing bytes")
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("read key set: %w", err)
	}
	return k, nil
}

// readKeySetHeader fills in the seed and returns the list of keys.
func readKeySetHeader(in *bufio.Reader, k *KeySet) ([]uint64, error) {
	p := k.Params
	head := make([]byte, keySetFixed+len(p.Name()))
	// A blob of another set may have a shorter name and end early, which must not hide the
	// better error.
	n, err := io.ReadFull(in, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read key set: %w", err)
	}
	c := cursor{data: head[:n]}
	c.prefix(keySetMagic, p)
	copy(k.Seed[:], c.take("seed", SeedBytes))
	count := c.u32("count")
	if c.err != nil {
		return nil, c.err
	}
	if count > KeySetKeysMax {
		return nil, formatError("count", "%d keys, at most %d", count, KeySetKeysMax)
	}
	list := make([]byte, 8*count)
	if err := readField(in, "elements", list); err != nil {
		return nil, err
	}
	elements := make([]uint64, count)
	for i := range elements {
		elements[i] = binary.LittleEndian.Uint64(list[8*i:])
	}
	return elements, checkElements(p, elements)
}

// readField fills dst and turns an early end into an error that names the field.
func readField(r io.Reader, field string, dst []byte) error {
	n, err := io.ReadFull(r, dst)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return formatError(field, "truncated: %d bytes left, %d needed", n, len(dst))
	}
	if err != nil {
		return fmt.Errorf("read key set: %w", err)
	}
	return nil
}

// Digest returns the digest of the set's blob, which names it.
func (k *KeySet) Digest() (abi.Digest, error) {
	h := sha256.New()
	if err := WriteKeySet(h, k); err != nil {
		return abi.Digest{}, err
	}
	var d abi.Digest
	h.Sum(d[:0])
	return d, nil
}

func keyError(galois uint64, digit int, err error) error {
	return &FormatError{
		Field:  fmt.Sprintf("key %d, digit %d", galois, digit),
		Reason: err.Error(), kind: ErrFormat,
	}
}
