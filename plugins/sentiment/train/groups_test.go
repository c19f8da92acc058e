package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/plugins/sentiment/features"
)

func examplesOf(texts ...string) []example {
	out := make([]example, len(texts))
	for i, s := range texts {
		out[i] = example{tokens: features.Tokens(s), text: s}
	}
	return out
}

func TestPhrasesFollowTheirSentences(t *testing.T) {
	e := examplesOf(
		"a fine film",                   // of the first sentence
		"it is a fine film after all",   // whole
		"the film is not fine at all",   // whole
		"film",                          // of both
		"fine film after",               // of the first
		"film fine",                     // of neither: the order counts
		"it is a fine film after all",   // the first again
		"and the film is not fine at a", // whole: its last token differs
	)
	group(e)
	first, second := e[1].folds, e[2].folds
	for i, want := range []uint{
		first, first, second, first | second | e[5].folds | e[7].folds,
		first, e[5].folds, first, e[7].folds,
	} {
		if e[i].folds != want {
			t.Errorf("%q is in folds %b, want %b", e[i].text, e[i].folds, want)
		}
	}
	for i, want := range []bool{false, true, true, false, false, true, false, true} {
		if e[i].whole != want {
			t.Errorf("%q: whole is %v", e[i].text, e[i].whole)
		}
	}
}

// TestNoFoldTrainsOnItsTest makes sentences at random and looks for a training phrase of a
// tested sentence that no other sentence has.
func TestNoFoldTrainsOnItsTest(t *testing.T) {
	var texts []string
	for i := range 40 {
		words := make([]string, 8)
		for k := range words {
			words[k] = string(rune('a' + (i*7+k*k*3)%23))
		}
		texts = append(texts, strings.Join(words, " "), strings.Join(words[2:5], " "), words[3])
	}
	e := examplesOf(texts...)
	group(e)
	for fold := range foldsCount {
		train, test := split(e, fold)
		if len(test) == 0 {
			t.Fatalf("fold %d tests nothing", fold)
		}
		for _, i := range train {
			elsewhere := slices.ContainsFunc(e, func(o example) bool {
				return o.whole && o.folds != 1<<fold && contains(o.tokens, e[i].tokens)
			})
			if !elsewhere {
				t.Errorf("fold %d trains on %q, which only its own sentences have", fold, e[i].text)
			}
		}
	}
}

func TestRowIsWhatTheClientMakes(t *testing.T) {
	e := examplesOf("not a good film but a fine one", "a fine film", "one good film")
	s := settings{c: 1, countMin: 1, length: 64, lengthPower: 0.5}
	for i := range e {
		e[i].positive = i > 0
	}
	c := newCorpus(e, s)
	m, err := train(c, []int{0, 1, 2}, s)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.terms) == 0 || !slices.IsSorted(m.terms) {
		t.Fatalf("%d terms", len(m.terms))
	}
	column := make([]int32, len(c.names))
	for i, name := range c.names {
		column[i] = int32(slices.Index(m.terms, name))
	}
	ones := slices.Repeat([]float64{1}, len(m.terms))
	got, err := m.scores(e)
	if err != nil {
		t.Fatal(err)
	}
	for i := range e {
		want := m.bias + row(c.bags[i], column, ones).Dot(m.weights)
		if d := got[i] - want; d > 1e-12 || d < -1e-12 {
			t.Errorf("%q scores %v, in training %v", e[i].text, got[i], want)
		}
	}
}
