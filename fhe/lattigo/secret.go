package lattigo

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"github.com/tuneinsight/lattigo/v5/ring"
	"github.com/tuneinsight/lattigo/v5/ring/ringqp"
	"github.com/tuneinsight/lattigo/v5/schemes/ckks"

	"github.com/cerberus-host/cerberus/fhe"
)

const (
	// secretMagic begins a secret-key file.
	secretMagic = "CBSK"
	// secretVersion is the version of its form.
	secretVersion = 1
	// coeffsPerByte is how many coefficients of two bits a byte holds.
	coeffsPerByte = 4
	// tritsPerByte is how many ternary digits a random byte below tritLimit yields.
	tritsPerByte = 5
	tritLimit    = 243
)

// SecretKey is a client's secret: a ring element with uniform coefficients in {-1, 0, 1}.
// It is safe for concurrent use; see [SecretKey.Wipe] for its end.
type SecretKey struct {
	rings *rings
	// encoder is Lattigo's float encoder; users take a shallow copy.
	encoder *ckks.Encoder

	mu sync.RWMutex
	// coeffs is nil once the key was wiped.
	coeffs []int8
}

// GenerateSecret draws a secret key from rand, which must be a cryptographic source of
// randomness such as that of crypto/rand. It takes up to seconds for the largest rings.
func GenerateSecret(p *fhe.Params, rand io.Reader) (s *SecretKey, err error) {
	defer guard(&err)
	s, err = newSecret(p)
	if err != nil {
		return nil, err
	}
	var buffer [256]byte
	defer clear(buffer[:])
	for filled := 0; filled < len(s.coeffs); {
		if _, err := io.ReadFull(rand, buffer[:]); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrRandom, err)
		}
		for _, b := range buffer {
			// Bytes below 3^5 are five uniform ternary digits, the others are skipped.
			for i := 0; b < tritLimit && i < tritsPerByte && filled < len(s.coeffs); i++ {
				s.coeffs[filled] = int8(b%3) - 1
				filled++
				b /= 3
			}
		}
	}
	return s, nil
}

func newSecret(p *fhe.Params) (*SecretKey, error) {
	r, err := newRings(p)
	if err != nil {
		return nil, err
	}
	return &SecretKey{
		rings: r, encoder: ckks.NewEncoder(r.ckks), coeffs: make([]int8, p.N()),
	}, nil
}

// Params returns the parameter set that the key is for.
func (s *SecretKey) Params() *fhe.Params { return s.rings.params }

// Wipe overwrites the key, after which every use of it fails with [ErrSecret]. Copies that
// the garbage collector or the operating system made earlier are out of its reach.
func (s *SecretKey) Wipe() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.coeffs)
	s.coeffs = nil
}

// transformed returns the key modulo the primes of Q and P, transformed and in Montgomery
// form. The caller wipes it ([wipe]).
func (s *SecretKey) transformed() (ringqp.Poly, error) {
	q, err := s.transformedIn(s.rings.q)
	if err != nil {
		return ringqp.Poly{}, err
	}
	p, err := s.transformedIn(s.rings.p)
	if err != nil {
		wipe(q)
		return ringqp.Poly{}, err
	}
	return ringqp.Poly{Q: q, P: p}, nil
}

// transformedIn is [SecretKey.transformed] modulo the primes of one ring: a ciphertext of a
// low level needs few of them.
func (s *SecretKey) transformedIn(at *ring.Ring) (ring.Poly, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.coeffs == nil {
		return ring.Poly{}, fmt.Errorf("%w: it was wiped", ErrSecret)
	}
	out := at.NewPoly()
	for l, sub := range at.SubRings[:at.Level()+1] {
		for i, c := range s.coeffs {
			// 0, 1 or q-1, without a branch on the secret.
			out.Coeffs[l][i] = uint64(int64(c)) + sub.Modulus&uint64(int64(c>>1))
		}
	}
	at.NTT(out, out)
	at.MForm(out, out)
	return out, nil
}

// wipe overwrites secret polynomials.
func wipe(polys ...ring.Poly) {
	for _, p := range polys {
		for _, limb := range p.Coeffs {
			clear(limb)
		}
	}
}

// Bytes returns the key's canonical bytes, which [ParseSecret] reads, or nil if the key was
// wiped. They are the secret: the caller keeps and clears them.
func (s *SecretKey) Bytes() []byte {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.coeffs == nil {
		return nil
	}
	out := secretHeader(s.rings.params)
	for i := 0; i < len(s.coeffs); i += coeffsPerByte {
		b := byte(0)
		for j, c := range s.coeffs[i : i+coeffsPerByte] {
			// -1 becomes 2.
			b |= byte(c&1|c&2) &^ (byte(c>>1) & 1) << (2 * j)
		}
		out = append(out, b)
	}
	return out
}

func secretHeader(p *fhe.Params) []byte {
	out := make([]byte, 0, len(secretMagic)+3+len(p.Name())+p.N()/coeffsPerByte)
	out = append(out, secretMagic...)
	out = binary.LittleEndian.AppendUint16(out, secretVersion)
	out = append(out, byte(len(p.Name())))
	return append(out, p.Name()...)
}

// ParseSecret reads what [SecretKey.Bytes] returned for a key of that parameter set, and
// nothing else. Errors are [ErrSecret] and say nothing about coefficients. The caller clears
// data.
func ParseSecret(p *fhe.Params, data []byte) (s *SecretKey, err error) {
	defer guard(&err)
	if err := supports(p); err != nil {
		return nil, err
	}
	header := secretHeader(p)
	if len(data) < len(header) || string(data[:len(header)]) != string(header) {
		return nil, fmt.Errorf("%w: not a secret key for %s", ErrSecret, p)
	}
	data = data[len(header):]
	if len(data) != p.N()/coeffsPerByte {
		return nil, fmt.Errorf("%w: %d bytes of coefficients instead of %d", ErrSecret, len(data),
			p.N()/coeffsPerByte)
	}
	for _, b := range data {
		if b&(b>>1)&0x55 != 0 {
			return nil, fmt.Errorf("%w: a coefficient is out of range", ErrSecret)
		}
	}
	if s, err = newSecret(p); err != nil {
		return nil, err
	}
	for i := range s.coeffs {
		code := int8(data[i/coeffsPerByte]>>(2*(i%coeffsPerByte))) & 3
		s.coeffs[i] = code - 3*(code>>1)
	}
	return s, nil
}
