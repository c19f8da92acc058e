package ceremony

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/proofs/opening"
)

const (
	// ContributionsMin is the number of contributions that each phase held here needs.
	ContributionsMin = 3
	// ContributionsMax bounds the contributions to a phase.
	ContributionsMax = 256
	// OperatorsMax bounds the operators that rules name.
	OperatorsMax = 256
	// TextBytesMax bounds the texts in the rules.
	TextBytesMax = 500

	rulesMagic    = "cerberus ceremony 1"
	rulesBytesMax = 32 << 10
	contributed   = "contributed"
)

// Rules are fixed before the first contribution.
type Rules struct {
	// Size is the number of elements of a committed vector: see opening.CheckSize.
	Size int
	// Operators are the identities that run nodes of the network, at least one: clients must
	// not have to trust them alone.
	Operators []abi.Address
	// Powers is the digest of imported powers of tau; zero if they are contributed.
	Powers abi.Digest
	// Source says where imported powers come from; empty if they are contributed.
	Source string
	// Beacon says which public random value ends a phase, so that anybody can look it up: the
	// first one published at or after the phase's end.
	Beacon string
	// End1 and End2 are when the phases end, in whole seconds, UTC. End1 is zero if the powers
	// are imported.
	End1, End2 time.Time
}

// imported tells whether phase 1 was held elsewhere.
func (r *Rules) imported() bool { return !r.Powers.IsZero() }

// end is when a phase ends.
func (r *Rules) end(phase int) time.Time {
	if phase == 1 {
		return r.End1
	}
	return r.End2
}

// Check returns [ErrRules] if no ceremony can follow the rules or their text form cannot hold
// them.
func (r *Rules) Check() error {
	if err := opening.CheckSize(r.Size); err != nil {
		return fmt.Errorf("%w: %w", ErrRules, err)
	}
	if n := len(r.Operators); n == 0 || n > OperatorsMax {
		return fmt.Errorf("%w: %d operators; from 1 to %d", ErrRules, n, OperatorsMax)
	}
	for i, a := range r.Operators {
		if a.IsZero() || slices.Contains(r.Operators[:i], a) {
			return fmt.Errorf("%w: operator %s is nobody or named twice", ErrRules, a)
		}
	}
	if err := checkText("beacon", r.Beacon); err != nil {
		return err
	}
	if !validTime(r.End2) {
		return fmt.Errorf("%w: phase 2 has no end", ErrRules)
	}
	if r.imported() {
		if !r.End1.IsZero() {
			return fmt.Errorf("%w: an end of phase 1, whose powers are imported", ErrRules)
		}
		return checkText("source", r.Source)
	}
	if r.Source != "" {
		return fmt.Errorf("%w: a source of powers that are contributed", ErrRules)
	}
	if !validTime(r.End1) || !r.End1.Before(r.End2) {
		return fmt.Errorf("%w: phase 1 must end before phase 2", ErrRules)
	}
	return nil
}

func checkText(name, text string) error {
	if text == "" || len(text) > TextBytesMax || !utf8.ValidString(text) ||
		strings.TrimSpace(text) != text || strings.ContainsFunc(text, unprintable) {
		return fmt.Errorf("%w: %s must be one line of 1 to %d bytes", ErrRules, name, TextBytesMax)
	}
	return nil
}

func unprintable(c rune) bool { return !unicode.IsPrint(c) }

func validTime(t time.Time) bool {
	return t.Unix() > 0 && t.Year() < 10000 && t.Nanosecond() == 0
}

func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Bytes returns the text form, which [ParseRules] reads. The rules must pass [Rules.Check].
func (r *Rules) Bytes() []byte {
	var b strings.Builder
	line := func(key, value string) { b.WriteString(key + " " + value + "\n") }
	b.WriteString(rulesMagic + "\n")
	line("gnark", opening.GnarkVersion)
	line("size", strconv.Itoa(r.Size))
	if r.imported() {
		line("powers", r.Powers.String())
		line("source", r.Source)
	} else {
		line("powers", contributed)
		line("end1", formatTime(r.End1))
	}
	line("beacon", r.Beacon)
	line("end2", formatTime(r.End2))
	for _, a := range r.Operators {
		line("operator", a.String())
	}
	return []byte(b.String())
}

// ParseRules reads what [Rules.Bytes] returns and nothing else.
func ParseRules(text []byte) (*Rules, error) {
	if len(text) > rulesBytesMax {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrRules, rulesBytesMax)
	}
	r := &Rules{}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if err := r.set(key, value); err != nil {
			return nil, fmt.Errorf("%w: line %.40q: %w", ErrRules, line, err)
		}
		if len(r.Operators) > OperatorsMax {
			break
		}
	}
	if err := r.Check(); err != nil {
		return nil, err
	}
	// Order, repetition and every other freedom of the text.
	if string(r.Bytes()) != string(text) {
		return nil, fmt.Errorf("%w: not in the canonical form of this version", ErrRules)
	}
	return r, nil
}

func (r *Rules) set(key, value string) (err error) {
	switch key {
	case "size":
		r.Size, err = strconv.Atoi(value)
	case "powers":
		if value != contributed {
			r.Powers, err = abi.ParseDigest(value)
		}
	case "source":
		r.Source = value
	case "beacon":
		r.Beacon = value
	case "end1":
		r.End1, err = time.Parse(time.RFC3339, value)
	case "end2":
		r.End2, err = time.Parse(time.RFC3339, value)
	case "operator":
		var a abi.Address
		a, err = abi.ParseAddress(value)
		r.Operators = append(r.Operators, a)
	}
	return err
}
