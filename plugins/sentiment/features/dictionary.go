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

// Dictionary gives terms their places. It keeps the texts that it was made from and is
// never changed afterwards, so it can be used concurrently.
type Dictionary struct {
	text string
	// index holds the offset of every restartEvery-th line, four bytes each, the least
	// significant first. It is read in place: a module starts anew for every request.
	index string
	terms int
}

// ParseDictionary reads a list of terms and checks all of it: one a line, each line ended
// by a line feed, sorted by bytes, none empty and none twice, at most [TermsMax] of them.
func ParseDictionary(text string) (*Dictionary, error) {
	d := &Dictionary{text: text}
	var index []byte
	last := ""
	for at := 0; at < len(text); {
		term, next := line(text, at)
		if next == 0 || term <= last || d.terms == TermsMax {
			return nil, ErrDictionary
		}
		if d.terms%restartEvery == 0 {
			index = append(index, byte(at), byte(at>>8), byte(at>>16), byte(at>>24))
		}
		last, at = term, next
		d.terms++
	}
	d.index = string(index)
	return d, nil
}

// OpenDictionary takes a list of terms that [ParseDictionary] has accepted once, and its
// [Dictionary.Index], without reading the list again. An index that is not of that list is
// an [ErrDictionary] where that is seen at a glance, and otherwise makes terms unfindable.
func OpenDictionary(text, index string) (*Dictionary, error) {
	d := &Dictionary{text: text, index: index}
	if len(index)%4 != 0 || (text == "") != (index == "") ||
		len(index)/4 > TermsMax/restartEvery+1 {
		return nil, ErrDictionary
	}
	last := -1
	for i := range d.restarts() {
		at := d.restart(i)
		if at <= last || at >= len(text) || (at > 0 && text[at-1] != '\n') {
			return nil, ErrDictionary
		}
		last = at
	}
	if d.restarts() == 0 {
		return d, nil
	}
	d.terms = (d.restarts()-1)*restartEvery + strings.Count(text[last:], "\n")
	return d, nil
}

// Index returns what [OpenDictionary] needs beside the list.
func (d *Dictionary) Index() string { return d.index }

func (d *Dictionary) restarts() int { return len(d.index) / 4 }

func (d *Dictionary) restart(i int) int {
	b := d.index[4*i : 4*i+4]
	return int(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24)
}

// Terms returns the number of terms.
func (d *Dictionary) Terms() int { return d.terms }

// Find returns the line of a term, from 0 on; false means that it has none.
func (d *Dictionary) Find(term []byte) (int, bool) {
	// The last restart whose line is not behind the term: lines lo to hi are undecided.
	lo, hi := 0, d.restarts()
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if at, _ := line(d.text, d.restart(mid)); at <= string(term) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return 0, false
	}
	first := (lo - 1) * restartEvery
	at := d.restart(lo - 1)
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
	var found []int
	Walk(Tokens(text), func(term []byte, weight float64) {
		i, ok := d.Find(term)
		if !ok || x[1+i] >= weight {
			return
		}
		if x[1+i] == 0 {
			found = append(found, 1+i)
		}
		x[1+i] = weight
	})
	if len(found) == 0 {
		return nil, ErrUnknown
	}
	var square float64
	for _, i := range found {
		square += float64(x[i] * x[i]) // the conversion forbids a fused operation
	}
	norm := math.Sqrt(square)
	for _, i := range found {
		x[i] /= norm
	}
	x[0] = 1
	return x, nil
}

// Confidence returns the probability, 0.5 to 1, that a calibrated score gives to its label:
// positive above zero, negative otherwise.
func Confidence(score float64) float64 { return 1 / (1 + math.Exp(-math.Abs(score))) }
