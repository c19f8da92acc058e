package main

import "github.com/cerberus-host/cerberus/plugins/medical/features"

// settings are what is chosen rather than learned.
type settings struct {
	// kind is how columns that are no categories are standardised.
	kind features.Kind
	// units is the number of hidden units of one net, nets the number of nets: together
	// at most features.Length units.
	units, nets int
	// curve is the weight of a unit's square, penalty that of the weights' squares.
	curve, penalty float64
}

const (
	// foldsCount is the number of folds of the cross-validation.
	foldsCount = 10
	// repeats is how many dealings into folds are averaged: a single one moves by a point.
	repeats = 5
)

func settingsOf(exam string) settings {
	if exam == "heart" {
		return settings{kind: features.Number, units: 4, nets: 4, curve: 0.3, penalty: 16}
	}
	return settings{kind: features.Quantity, units: 4, nets: 4, curve: 0.3, penalty: 8}
}

// grid is what -tune tries, around an exam's settings.
func grid(base settings) []settings {
	out := []settings{base}
	vary := func(change func(*settings)) {
		s := base
		change(&s)
		if s != base {
			out = append(out, s)
		}
	}
	for _, kind := range []features.Kind{features.Number, features.Quantity} {
		for _, curve := range []float64{0.1, 0.3} {
			for _, penalty := range []float64{1, 2, 4, 8, 12, 16, 24} {
				vary(func(s *settings) { s.kind, s.curve, s.penalty = kind, curve, penalty })
			}
		}
	}
	vary(func(s *settings) { s.units, s.nets = 8, 2 })
	vary(func(s *settings) { s.units, s.nets = 16, 1 })
	vary(func(s *settings) { s.units, s.nets = 8, 4 })
	return out
}
