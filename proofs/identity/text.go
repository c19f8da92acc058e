package identity

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
)

// String returns the kind's name.
func (k Kind) String() string {
	names := [...]string{
		KindInput: "input", KindOutput: "output", KindConstant: "constant", KindKey: "key",
		KindDigit: "digit", KindModDown: "moddown", KindRescale: "rescale", KindValue: "value",
		KindQuotient: "quotient",
	}
	if int(k) < len(names) && names[k] != "" {
		return names[k]
	}
	return fmt.Sprintf("kind(%d)", k)
}

// String says what the polynomial is, with all that its kind uses.
func (p Poly) String() string {
	var out string
	switch p.Kind {
	case KindInput, KindOutput:
		out = fmt.Sprintf("%d component %d limb %d", p.Index, p.Component, p.Limb)
	case KindConstant:
		out = fmt.Sprintf("%d limb %d", p.Index, p.Limb)
	case KindKey:
		out = fmt.Sprintf("%d digit %d component %d limb %d", p.Galois, p.Index, p.Component,
			p.Limb)
	case KindDigit:
		out = fmt.Sprintf("%d part %d of step %d", p.Index, p.Limb, p.Step)
	case KindModDown:
		out = fmt.Sprintf("component %d part %d of step %d", p.Component, p.Limb, p.Step)
	case KindRescale:
		out = fmt.Sprintf("component %d of step %d", p.Component, p.Step)
	case KindValue:
		out = fmt.Sprintf("r%d component %d limb %d at step %d", p.Index, p.Component, p.Limb,
			p.Step)
	case KindQuotient:
		out = fmt.Sprintf("%d part %d of group %d", p.Index, p.Limb, p.Step)
	}
	committed := ""
	if p.Committed {
		committed = " committed"
	}
	return fmt.Sprintf("%s %s bound %d%s", p.Kind, out, p.Bound, committed)
}

// appendTo appends coefficient and factors: "+3*p4^5(7)" is 3 times polynomial 4, turned by
// X -> X^5 and scaled by 7.
func (t Term) appendTo(out []byte) []byte {
	if t.Coef >= 0 {
		out = append(out, '+')
	}
	out = strconv.AppendInt(out, t.Coef, 10)
	for _, f := range t.Factors {
		out = append(out, "*p"...)
		out = strconv.AppendInt(out, int64(f.Poly), 10)
		if f.Galois != 1 {
			out = append(out, '^')
			out = strconv.AppendUint(out, f.Galois, 10)
		}
		if f.Scale != 1 {
			out = append(out, '(')
			out = strconv.AppendUint(out, f.Scale, 10)
			out = append(out, ')')
		}
	}
	return out
}

// String lists polynomials, identities and groups, one a line. It is canonical: what
// [System.Digest] is made of.
func (s *System) String() string {
	var w strings.Builder
	fmt.Fprintf(&w, "cerberus system 1\nplan %s\ncommitted keys %t\nwires %d quotients %d\n",
		s.Plan.Digest(), s.Options.CommittedKeys, s.Wires, s.Quotients)
	for i, p := range s.Polys {
		fmt.Fprintf(&w, "p%d %s\n", i, p)
	}
	var line []byte
	for i, id := range s.Identities {
		line = fmt.Appendf(line[:0], "identity %d modulo %d:", i, s.Prime(id.Prime))
		for _, t := range id.Terms {
			line = t.appendTo(append(line, ' '))
		}
		w.Write(append(line, '\n'))
	}
	for i, g := range s.Groups {
		fmt.Fprintf(&w, "group %d modulo %d rounds %d bits %d identities %v quotients %v\n", i,
			s.Prime(g.Prime), g.Rounds, g.Bits, g.Identities, g.Quotients)
	}
	fmt.Fprintf(&w, "views %v\n", s.Views)
	for i, f := range s.Claims {
		t := Term{Coef: 1, Factors: []Factor{f}}
		w.Write(append(t.appendTo(fmt.Appendf(line[:0], "claim %d ", i)), '\n'))
	}
	fmt.Fprintf(&w, "blocks %d\n", s.HBlocks)
	return w.String()
}

// Digest names the System: everything that the layout of a transcript depends on.
func (s *System) Digest() abi.Digest {
	return abi.LabelledDigest("cerberus/system/v1", []byte(s.String()))
}
