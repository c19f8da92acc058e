package features

import (
	"math"
	"strings"
)

const (
	// TermsMax bounds a dictionary, and with it a vector.
	TermsMax = 1<<18 - 1
	// restartEvery is how many lines lie between two places that a search can land on.
	restartEvery = 16
)

// Dictionary gives terms their places. It keeps the text that it was parsed from and is
// never changed afterwards, so it can be used concurrently.
type Dictionary struct {
	text string
	// restarts are the offsets of every restartEvery-th line.
	restarts []uint32
	terms    int
}

// ParseDictionary reads a list of terms: one a line, each line ended by a line feed,
// sorted by bytes, none empty and none twice, at most [TermsMax] of them.
func ParseDictionary(text string) (*Dictionary, error) {
	d := &Dictionary{text: text, restarts: make([]uint32, 0, len(text)/(restartEvery*8)+1)}
	last := ""
	for at := 0; at < len(text); {
		term, next := line(text, at)
		if next == 0 || term <= last || d.terms == TermsMax {
			return nil, ErrDictionary
		}
		if d.terms%restartEvery == 0 {
			d.restarts = append(d.restarts, uint32(at))
		}
		last, at = term, next
		d.terms++
	}
	return d, nil
}

// Terms returns the number of terms.
func (d *Dictionary) Terms() int { return d.terms }

// Find returns the line of a term, from 0 on; false means that it has none.
func (d *Dictionary) Find(term []byte) (int, bool) {
	// The last restart whose line is not behind the term: lines lo to hi are undecided.
	lo, hi := 0, len(d.restarts)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if at, _ := line(d.text, int(d.restarts[mid])); at <= string(term) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return 0, false
	}
	first := (lo - 1) * restartEvery
	at := int(d.restarts[lo-1])
	for i := first; i < min(first+restartEvery, d.terms); i++ {
		entry, next := line(d.text, at)
		if entry == string(term) {
			return i, true
		}
		at = next
	}
	return 0, false
}

// line returns the line at an offset and the offset of the next; 0 means that no line
// feed ends it.
func line(text string, at int) (string, int) {
	if n := strings.IndexByte(text[at:], '\n'); n >= 0 {
		return text[at : at+n], at + n + 1
	}
	return text[at:], 0
}

// Vector returns the numbers of a text as a vector of that length: element 0 is the
// constant 1, which carries the bias of a model, element 1+i belongs to the term on line i.
// Each term that occurs has its largest weight; these elements are then scaled to Euclidean
// length one, so that no element is outside [0, 1] and long texts do not shout. The error
// is [ErrLength] or [ErrUnknown].
func (d *Dictionary) Vector(text string, length int) ([]float64, error) {
	if length < d.terms+1 {
		return nil, ErrLength
	}
	x := make([]float64, length)
	Walk(Tokens(text), func(term []byte, weight float64) {
		if i, ok := d.Find(term); ok && x[1+i] < weight {
			x[1+i] = weight
		}
	})
	var square float64
	for _, v := range x {
		square += float64(v * v) // the conversion forbids a fused operation
	}
	if square == 0 {
		return nil, ErrUnknown
	}
	norm := math.Sqrt(square)
	for i, v := range x {
		if v != 0 {
			x[i] = v / norm
		}
	}
	x[0] = 1
	return x, nil
}

// Confidence returns the probability, 0.5 to 1, that a calibrated score gives to its label:
// positive above zero, negative otherwise.
func Confidence(score float64) float64 { return 1 / (1 + math.Exp(-math.Abs(score))) }
