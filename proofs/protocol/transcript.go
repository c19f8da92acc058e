package protocol

import (
	"crypto/sha256"
	"encoding/binary"
	"math/big"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

// Transcript turns messages into challenges: a chain of SHA-256 over labelled and
// length-prefixed items. It is not safe for concurrent use.
type Transcript struct {
	state [sha256.Size]byte
}

// NewTranscript begins a transcript for one purpose.
func NewTranscript(label string) *Transcript {
	t := &Transcript{}
	t.Append("transcript", []byte(label))
	return t
}

// Append absorbs one item.
func (t *Transcript) Append(label string, data []byte) {
	h := sha256.New()
	h.Write(t.state[:])
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(label)))
	h.Write(length[:])
	h.Write([]byte(label))
	binary.BigEndian.PutUint64(length[:], uint64(len(data)))
	h.Write(length[:])
	h.Write(data)
	h.Sum(t.state[:0])
}

// Seed draws 32 bytes.
func (t *Transcript) Seed(label string) [32]byte {
	t.Append("challenge", []byte(label))
	return sha256.Sum256(append([]byte("cerberus/seed/v1"), t.state[:]...))
}

// Scalar draws a field element: 48 bytes modulo the field's modulus, so that its
// distribution is within 2^-128 of uniform.
func (t *Transcript) Scalar(label string) fr.Element {
	seed := t.Seed(label)
	first := sha256.Sum256(append([]byte{0}, seed[:]...))
	second := sha256.Sum256(append([]byte{1}, seed[:]...))
	var out fr.Element
	out.SetBigInt(new(big.Int).SetBytes(append(first[:], second[:16]...)))
	return out
}
