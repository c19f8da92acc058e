package fhe_test

import (
	"errors"
	"testing"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/rns"
)

func params(t testing.TB, name string) *fhe.Params {
	t.Helper()
	p, err := fhe.ParamsByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParamsByName(t *testing.T) {
	for _, name := range fhe.ParamsNames() {
		p := params(t, name)
		limit, err := rns.MaxLogQP(p.LogN())
		if err != nil {
			t.Fatal(err)
		}
		if p.Name() != name || p.Secure() != (p.LogQP() <= limit) {
			t.Errorf("%s: named %s, secure %v at %d of %d bits", name, p.Name(), p.Secure(),
				p.LogQP(), limit)
		}
	}
	if _, err := fhe.ParamsByName("ckks-12"); !errors.Is(err, fhe.ErrParams) {
		t.Errorf("unknown set: %v", err)
	}
}

func TestDigitsCoverTheChain(t *testing.T) {
	for _, name := range fhe.ParamsNames() {
		p := params(t, name)
		for level := range p.QCount() {
			next := 0
			for d := range p.Digits(level) {
				lo, hi := p.DigitRange(d, level)
				if lo != next || hi <= lo || hi-lo > p.Alpha() {
					t.Fatalf("%s level %d digit %d: [%d, %d) after %d", name, level, d, lo, hi, next)
				}
				next = hi
			}
			if next != level+1 {
				t.Fatalf("%s level %d: digits end at %d", name, level, next)
			}
		}
	}
}

func TestNewParamsRefusals(t *testing.T) {
	good, err := rns.NamedPrimes("ckks-13")
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(s *rns.PrimeSet){
		"renamed primes":   func(s *rns.PrimeSet) { s.Q = s.Q[:2] },
		"unlisted name":    func(s *rns.PrimeSet) { s.Name = "mine"; s.Q = s.Q[:2] },
		"no special prime": func(s *rns.PrimeSet) { s.Name = "insecure-x"; s.P = nil },
		"no prime":         func(s *rns.PrimeSet) { s.Name = "insecure-x"; s.Q = nil },
		"composite":        func(s *rns.PrimeSet) { s.Name = "insecure-x"; s.Q[1] += 1 << 14 },
		"repeated":         func(s *rns.PrimeSet) { s.Name = "insecure-x"; s.Q[1] = s.Q[2] },
		"degree":           func(s *rns.PrimeSet) { s.Name = "insecure-x"; s.LogN = 3 },
		"scale":            func(s *rns.PrimeSet) { s.Name = "insecure-x"; s.ScaleBits = 0 },
		"digit above P": func(s *rns.PrimeSet) {
			s.Name = "insecure-x"
			s.P[0], s.Q[0] = s.Q[0], s.P[0]
		},
	} {
		set, err := rns.NamedPrimes("ckks-13")
		if err != nil {
			t.Fatal(err)
		}
		change(&set)
		if p, err := fhe.NewParams(set); !errors.Is(err, fhe.ErrParams) {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
	insecure := good
	insecure.Name, insecure.LogN = "insecure-x", 10
	p, err := fhe.NewParams(insecure)
	if err != nil || p.Secure() {
		t.Fatalf("%v, %v", p, err)
	}
	// A secure shape under an insecure name must not pass for secure.
	insecure.LogN = 13
	if p, err = fhe.NewParams(insecure); err != nil || p.Secure() {
		t.Errorf("%v, %v", p, err)
	}
	if p.Equal(params(t, "ckks-13")) || !params(t, "ckks-13").Equal(params(t, "ckks-13")) {
		t.Error("equality of parameter sets is broken")
	}
}

func TestGaloisElements(t *testing.T) {
	p := params(t, "insecure-10-4")
	if g := p.GaloisElement(1); g != 5 {
		t.Errorf("rotation by one: %d", g)
	}
	if a, b := p.GaloisElement(3), p.GaloisElement(-3); a*b%(2*uint64(p.N())) != 1 {
		t.Errorf("%d and %d are not inverse", a, b)
	}
	for _, g := range []uint64{0, 1, 2, 2048, 2049} {
		if err := p.CheckGalois(g); !errors.Is(err, fhe.ErrRange) {
			t.Errorf("%d: %v", g, err)
		}
	}
}
