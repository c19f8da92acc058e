package identity

import (
	"fmt"
	"strings"
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

// String lists polynomials, identities and groups, one a line: the canonical text.
func (s *System) String() string {
	var w strings.Builder
	fmt.Fprintf(&w, "cerberus system 1\nplan %s\ncommitted keys %t\nwires %d quotients %d\n",
		s.Plan.Digest(), s.Options.CommittedKeys, s.Wires, s.Quotients)
	for i, p := range s.Polys {
		fmt.Fprintf(&w, "p%d %s step %d index %d component %d limb %d galois %d bound %d\n", i,
			p.Kind, p.Step, p.Index, p.Component, p.Limb, p.Galois, p.Bound)
	}
	for i, id := range s.Identities {
		fmt.Fprintf(&w, "identity %d modulo %d:", i, s.Prime(id.Prime))
		for _, t := range id.Terms {
			fmt.Fprintf(&w, " %+d", t.Coef)
			for _, f := range t.Factors {
				fmt.Fprintf(&w, "*p%d", f.Poly)
				if f.Galois != 1 {
					fmt.Fprintf(&w, "^%d", f.Galois)
				}
				if f.Scale != 1 {
					fmt.Fprintf(&w, "(%d)", f.Scale)
				}
			}
		}
		w.WriteByte('\n')
	}
	for i, g := range s.Groups {
		fmt.Fprintf(&w, "group %d modulo %d rounds %d bits %d identities %v quotients %v\n", i,
			s.Prime(g.Prime), g.Rounds, g.Bits, g.Identities, g.Quotients)
	}
	fmt.Fprintf(&w, "views %v\nclaims %v\nblocks %d\n", s.Views, s.Claims, s.HBlocks)
	return w.String()
}
