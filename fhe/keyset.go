package fhe

import (
	"fmt"
	"slices"
)

// KeySetKeysMax bounds the keys of a key set.
const KeySetKeysMax = 4096

// evalKeyDomain separates the polynomials of keys from those of ciphertexts.
const evalKeyDomain = "cerberus/evaluation-key/v1"

// RelinElement stands for the relinearisation key where Galois elements name keys.
const RelinElement uint64 = 0

// EvalKey is a gadget ciphertext, the key-switching key from s' to t: for digit d,
// B[d] = -A[d]*t + e + P*g_d*s' over all primes of Q and P, where g_d is 1 modulo the
// primes of digit d and 0 modulo the other primes of Q. The relinearisation key switches
// from s' = s^2 to t = s. The key of Galois element g switches from s' = s to the image t
// of s under X -> X^(1/g): a rotation switches keys first and applies X -> X^g last, so that
// the rotations of one ciphertext share its digits. A[d] is not stored: it is expanded from
// the key set's seed ([KeySet.ExpandA]).
type EvalKey struct {
	// Galois names the key; [RelinElement] stands for the relinearisation key.
	Galois uint64
	// B has one polynomial per digit, limbs ordered q_0..q_L, p_0..p_k.
	B []Poly
}

// KeySet is a client's public evaluation keys for one parameter set: content-addressed,
// never containing a secret. Keys are sorted by Galois element, the relinearisation key
// (element 0) first if present.
type KeySet struct {
	Params *Params
	Seed   [SeedBytes]byte
	Keys   []EvalKey
}

// Key returns the key of that Galois element (0: relinearisation).
func (k *KeySet) Key(galois uint64) (EvalKey, bool) {
	i, ok := slices.BinarySearchFunc(k.Keys, galois, func(e EvalKey, g uint64) int {
		switch {
		case e.Galois < g:
			return -1
		case e.Galois > g:
			return 1
		default:
			return 0
		}
	})
	if !ok {
		return EvalKey{}, false
	}
	return k.Keys[i], true
}

// ExpandA returns the polynomial A of a digit of the key of that Galois element, limbs
// ordered as in [EvalKey.B].
func (k *KeySet) ExpandA(galois uint64, digit int) (Poly, error) {
	return ExpandEvalKey(k.Params, k.Seed, galois, digit)
}

// ExpandEvalKey returns the polynomial A of a digit of a key in a key set with that seed.
func ExpandEvalKey(p *Params, seed [SeedBytes]byte, galois uint64, digit int) (Poly, error) {
	if digit < 0 || digit >= p.Digits(p.MaxLevel()) {
		return Poly{}, fmt.Errorf("%w: digit %d", ErrRange, digit)
	}
	return expandPoly(p.N(), p.ModuliQP(), seed, evalKeyDomain, galois, uint64(digit))
}

// Check returns nil if the set is complete and canonical: known parameters, keys ascending
// without repetition, every polynomial of the right shape with reduced residues.
func (k *KeySet) Check() error {
	if err := k.checkHeader(); err != nil {
		return err
	}
	moduli := k.Params.ModuliQP()
	for _, key := range k.Keys {
		for d, b := range key.B {
			if err := b.Check(k.Params.N(), moduli); err != nil {
				return fmt.Errorf("key %d, digit %d: %w", key.Galois, d, err)
			}
		}
	}
	return nil
}

func (k *KeySet) checkHeader() error {
	if k.Params == nil {
		return fmt.Errorf("%w: a key set needs one", ErrParams)
	}
	elements := make([]uint64, len(k.Keys))
	digits := k.Params.Digits(k.Params.MaxLevel())
	for i, key := range k.Keys {
		elements[i] = key.Galois
		if len(key.B) != digits {
			return formatError("keys", "key %d has %d digits instead of %d", key.Galois,
				len(key.B), digits)
		}
	}
	return checkElements(k.Params, elements)
}

// checkElements holds the list of keys of a set to its rules.
func checkElements(p *Params, elements []uint64) error {
	if len(elements) > KeySetKeysMax {
		return formatError("count", "%d keys, at most %d", len(elements), KeySetKeysMax)
	}
	for i, g := range elements {
		if i > 0 && g <= elements[i-1] {
			return formatError("elements", "%d follows %d, must ascend", g, elements[i-1])
		}
		if g == RelinElement {
			continue
		}
		if err := p.CheckGalois(g); err != nil {
			return formatError("elements", "%d is no Galois element of %s", g, p)
		}
	}
	return nil
}

// KeyNeed lists evaluation keys by name.
type KeyNeed struct {
	// Relin asks for the relinearisation key.
	Relin bool
	// Galois lists the Galois elements of rotation keys, ascending.
	Galois []uint64
}

// KeyNeed returns the keys that a run of the Plan needs.
func (p *Plan) KeyNeed() KeyNeed { return KeyNeed{Relin: p.Relin, Galois: slices.Clone(p.Galois)} }

// Elements returns the names of the keys in a new slice, ascending, [RelinElement] first.
func (n KeyNeed) Elements() []uint64 {
	var elements []uint64
	if n.Relin {
		elements = append(elements, RelinElement)
	}
	elements = append(elements, n.Galois...)
	slices.Sort(elements)
	return slices.Compact(elements)
}

// IsEmpty reports whether no key is needed.
func (n KeyNeed) IsEmpty() bool { return !n.Relin && len(n.Galois) == 0 }

// String lists the keys for an error message, the first few of many.
func (n KeyNeed) String() string {
	const shown = 8
	text := ""
	if n.Relin {
		text = "relinearisation"
	}
	for i, g := range n.Galois {
		if text != "" {
			text += ", "
		}
		if i == shown {
			return text + fmt.Sprintf("and %d more", len(n.Galois)-shown)
		}
		text += fmt.Sprintf("Galois %d", g)
	}
	return text
}

// Missing returns the keys of need that the set lacks. A nil set lacks all of them.
func (k *KeySet) Missing(need KeyNeed) KeyNeed {
	has := func(g uint64) bool {
		if k == nil {
			return false
		}
		_, ok := k.Key(g)
		return ok
	}
	missing := KeyNeed{Relin: need.Relin && !has(RelinElement)}
	for _, g := range need.Galois {
		if !has(g) {
			missing.Galois = append(missing.Galois, g)
		}
	}
	return missing
}
