package fhetest

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

// knownText lists the known answers of the reference engine: a line each of case, digest of
// the results, digest of the wires.
//
//go:embed known.txt
var knownText string

// ErrAnswer is returned when an engine's result is not the known answer: it must not be
// used.
var ErrAnswer = errors.New("not the known answer")

// answer is what a case must yield.
type answer struct {
	results, wires abi.Digest
}

// known returns the known answer of a case.
func known(name string) (answer, error) {
	for line := range strings.Lines(knownText) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[0] != name {
			continue
		}
		results, err := abi.ParseDigest(fields[1])
		if err != nil {
			return answer{}, fmt.Errorf("known answer of %s: %w", name, err)
		}
		wires, err := abi.ParseDigest(fields[2])
		if err != nil {
			return answer{}, fmt.Errorf("known answer of %s: %w", name, err)
		}
		return answer{results: results, wires: wires}, nil
	}
	return answer{}, fmt.Errorf("%w: none for %s", ErrAnswer, name)
}

// KnownAnswers runs every kind of step on the small rings and on the parameter set
// ckks-13 and compares the results with committed digests, which takes about a second with
// the reference engine. It returns [ErrAnswer] for a wrong result, or the engine's error. A
// parameter set that the engine does not support is left out.
func KnownAnswers(ctx context.Context, e fhe.Engine) error {
	sets, err := SuiteParams()
	if err != nil {
		return err
	}
	smallest, err := fhe.ParamsByName("ckks-13")
	if err != nil {
		return err
	}
	ran := 0
	for _, p := range append(sets, smallest) {
		err := KnownAnswersFor(ctx, e, p)
		switch {
		case errors.Is(err, fhe.ErrUnsupported):
		case err != nil:
			return err
		default:
			ran++
		}
	}
	if ran == 0 {
		return fmt.Errorf("%w: %s supports no parameter set that has one", ErrAnswer, e.Name())
	}
	return nil
}

// KnownAnswersFor does the same for one parameter set, by name any of [fhe.ParamsNames]: a
// node calls it for those that it serves. The largest take some seconds and some hundred
// megabytes.
func KnownAnswersFor(ctx context.Context, e fhe.Engine, p *fhe.Params) error {
	if err := e.Supports(p); err != nil {
		return err
	}
	for _, level := range knownLevels(p) {
		c, err := StepsCase(p, level)
		if err != nil {
			return err
		}
		want, err := known(c.Name)
		if err != nil {
			return err
		}
		got, err := c.Execute(ctx, e, fhe.RunOptions{})
		if err != nil {
			return fmt.Errorf("%s on %s: %w", e.Name(), c.Name, err)
		}
		digest, err := ResultsDigest(p, got)
		if err != nil {
			return err
		}
		if digest != want.results {
			return fmt.Errorf("%w: %s on %s", ErrAnswer, e.Name(), c.Name)
		}
	}
	return nil
}

// knownLevels are the levels with known answers: the top, where all digits are in use, and
// one in the middle where the last digit is not full if digits have several primes.
func knownLevels(p *fhe.Params) []int {
	if p.MaxLevel() < 2 {
		return []int{p.MaxLevel()}
	}
	return []int{p.MaxLevel(), p.Alpha() * (p.MaxLevel() / 2 / p.Alpha())}
}

// Execute loads a case into an engine and runs it.
func (c Case) Execute(ctx context.Context, e fhe.Engine, opts fhe.RunOptions,
) ([]fhe.Ciphertext, error) {
	plan, err := e.LoadPlan(ctx, c.Compiled)
	if err != nil {
		return nil, fmt.Errorf("load plan: %w", err)
	}
	var keys fhe.LoadedKeys
	if c.Keys != nil {
		if keys, err = e.LoadKeys(ctx, c.Keys); err != nil {
			return nil, fmt.Errorf("load keys: %w", err)
		}
	}
	return fhe.Execute(ctx, plan, keys, c.Inputs, opts)
}

// ResultsDigest returns a digest over the blobs of results, in order.
func ResultsDigest(p *fhe.Params, results []fhe.Ciphertext) (abi.Digest, error) {
	var parts [][]byte
	for i, ct := range results {
		blob, err := fhe.EncodeCiphertexts(p, []fhe.Ciphertext{ct})
		if err != nil {
			return abi.Digest{}, fmt.Errorf("result %d: %w", i, err)
		}
		parts = append(parts, blob)
	}
	return abi.LabelledDigest("cerberus/fhetest/results", parts...), nil
}
