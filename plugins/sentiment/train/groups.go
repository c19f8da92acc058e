package main

import (
	"bytes"
	"slices"
)

// foldsCount is the number of folds of the cross-validation.
const foldsCount = 5

// testTokensMin is the length of the sentences that a fold is judged on: shorter whole
// phrases are titles and leftovers, which the dev set does not have.
const testTokensMin = 5

// group finds the phrases that are part of no longer one, which are the whole sentences,
// deals them into folds and tells every other phrase in which folds its sentences are.
func group(examples []example) {
	frequency := make(map[string]int)
	for _, e := range examples {
		for _, t := range e.tokens {
			frequency[string(t)]++
		}
	}
	order := make([]int, len(examples))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return len(examples[b].tokens) - len(examples[a].tokens)
	})
	// Whole sentences by token: a phrase is looked for where its rarest token occurs.
	sentences := make(map[string][]int)
	count := 0
	for _, i := range order {
		e := &examples[i]
		if len(e.tokens) == 0 {
			continue
		}
		rarest := slices.MinFunc(e.tokens, func(a, b []byte) int {
			return frequency[string(a)] - frequency[string(b)]
		})
		for _, s := range sentences[string(rarest)] {
			if contains(examples[s].tokens, e.tokens) {
				e.folds |= examples[s].folds
			}
		}
		if e.folds != 0 {
			continue
		}
		e.whole, e.folds = true, 1<<(count%foldsCount)
		count++
		for k, t := range e.tokens {
			same := func(u []byte) bool { return bytes.Equal(t, u) }
			if !slices.ContainsFunc(e.tokens[:k], same) {
				sentences[string(t)] = append(sentences[string(t)], i)
			}
		}
	}
}

// contains reports whether phrase is a run of sentence's tokens.
func contains(sentence, phrase [][]byte) bool {
	for i := 0; i+len(phrase) <= len(sentence); i++ {
		if slices.EqualFunc(sentence[i:i+len(phrase)], phrase, bytes.Equal) {
			return true
		}
	}
	return false
}

// split returns the examples to train on for a fold and the sentences to judge by.
func split(examples []example, fold int) (train, test []int) {
	for i, e := range examples {
		switch {
		case e.folds != 1<<fold:
			train = append(train, i)
		case e.whole && len(e.tokens) >= testTokensMin:
			test = append(test, i)
		}
	}
	return train, test
}
