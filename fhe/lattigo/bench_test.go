package lattigo_test

import (
	"context"
	"testing"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
)

// benchmarkPlan runs a Plan again and again.
func benchmarkPlan(b *testing.B, s *bench, m *fhetest.PlanBuilder, in ...fhe.Ciphertext) {
	b.Helper()
	plan := s.load(b, m)
	for b.Loop() {
		if _, err := fhe.Execute(context.Background(), plan, s.loaded, in, fhe.RunOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

// The operations include what a run adds to them: checks, transforms of inputs and results.
func BenchmarkSteps(tb *testing.B) {
	for _, name := range []string{"ckks-13", "ckks-14"} {
		p := named(tb, name)
		b := newBench(tb, p, 1)
		level := p.MaxLevel()
		x, y := b.uniform(tb, level, 40, 1), b.uniform(tb, level, 40, 2)
		for op, build := range map[string]func(m *fhetest.PlanBuilder, x, y fhe.Reg) fhe.Reg{
			"none": func(m *fhetest.PlanBuilder, x, y fhe.Reg) fhe.Reg {
				return m.Do(fhe.Step{Op: fhe.StepAdd, A: x, B: y})
			},
			"mulrelin": func(m *fhetest.PlanBuilder, x, y fhe.Reg) fhe.Reg {
				return m.Do(fhe.Step{Op: fhe.StepRelin, A: m.Do(fhe.Step{
					Op: fhe.StepTensor, A: x, B: y,
				})})
			},
			"rotate": func(m *fhetest.PlanBuilder, x, _ fhe.Reg) fhe.Reg {
				return m.Do(fhe.Step{Op: fhe.StepRotate, A: x, B: fhe.NoReg, Galois: 5})
			},
			"mulrelin-rescale": func(m *fhetest.PlanBuilder, x, y fhe.Reg) fhe.Reg {
				r := m.Do(fhe.Step{Op: fhe.StepTensor, A: x, B: y})
				return m.Do(fhe.Step{Op: fhe.StepRescale, A: m.Do(fhe.Step{
					Op: fhe.StepRelin, A: r,
				})})
			},
		} {
			m := newPlan(p)
			m.Output(build(m, m.Input(level, 40), m.Input(level, 40)))
			tb.Run(op+"/"+name, func(tb *testing.B) { benchmarkPlan(tb, b, m, x, y) })
		}
	}
}

// BenchmarkDot is the shape of the sentiment Brain: six ciphertexts of one limb.
func BenchmarkDot(tb *testing.B) {
	p := named(tb, "ckks-13")
	b := newBench(tb, p)
	weights := make([]int64, 6*p.N())
	for i := range weights {
		weights[i] = int64(i%601) - 300
	}
	m := dotPlan(tb, p, weights, 26)
	cts, err := lattigo.EncryptVector(b.secret, m.Plan.Inputs[0], make([]float64, len(weights)),
		stream(3))
	if err != nil {
		tb.Fatal(err)
	}
	blob, err := fhe.EncodeCiphertexts(p, cts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Run("execute", func(tb *testing.B) { benchmarkPlan(tb, b, m, cts...) })
	tb.Run("parse", func(tb *testing.B) {
		for tb.Loop() {
			if _, err := fhe.ParseInput(p, m.Plan.Inputs[0], blob); err != nil {
				tb.Fatal(err)
			}
		}
		tb.ReportMetric(float64(len(blob)), "blob-bytes")
	})
	tb.Run("encrypt", func(tb *testing.B) {
		values := make([]float64, len(weights))
		for tb.Loop() {
			if _, err := lattigo.EncryptVector(b.secret, m.Plan.Inputs[0], values, stream(3)); err != nil {
				tb.Fatal(err)
			}
		}
	})
}

// BenchmarkKeys makes, writes and loads one rotation key.
func BenchmarkKeys(tb *testing.B) {
	for _, name := range []string{"ckks-13", "ckks-14"} {
		p := named(tb, name)
		s, err := lattigo.GenerateSecret(p, stream(1))
		if err != nil {
			tb.Fatal(err)
		}
		ctx, engine := context.Background(), lattigo.New()
		var set *fhe.KeySet
		tb.Run("generate/"+name, func(tb *testing.B) {
			for tb.Loop() {
				if set, err = lattigo.GenerateKeys(ctx, s, true, nil, stream(2), nil); err != nil {
					tb.Fatal(err)
				}
			}
			tb.ReportMetric(float64(fhe.KeySetBytes(p, 1)), "blob-bytes")
		})
		tb.Run("load/"+name, func(tb *testing.B) {
			for tb.Loop() {
				if _, err := engine.LoadKeys(ctx, set); err != nil {
					tb.Fatal(err)
				}
			}
		})
		tb.Run("secret/"+name, func(tb *testing.B) {
			for tb.Loop() {
				if _, err := lattigo.GenerateSecret(p, stream(1)); err != nil {
					tb.Fatal(err)
				}
			}
		})
	}
}
