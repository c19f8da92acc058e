package bench

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/cerberus-host/cerberus/internal/figures"
)

// samples are the durations of repetitions of one thing.
type samples []time.Duration

// timed returns how long f took.
func timed(f func() error) (time.Duration, error) {
	start := time.Now()
	err := f()
	return time.Since(start), err
}

// worked returns how long f took and its processor time, of all cores; where that is not
// known, the time that it took.
func worked(f func() error) (took, work time.Duration, err error) {
	before := processorTime()
	took, err = timed(f)
	if work = processorTime() - before; work == 0 {
		work = took
	}
	return took, work, err
}

// repeat runs f at least low times, and on until the budget is spent.
func repeat(
	ctx context.Context, low int, budget time.Duration, f func() error,
) (samples, error) {
	var s samples
	for start := time.Now(); len(s) < low || time.Since(start) < budget; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		d, err := timed(f)
		if err != nil {
			return nil, err
		}
		s = append(s, d)
	}
	return s, nil
}

// rank returns the sample below which the fraction p lies, by the nearest-rank method; 0
// without samples.
func (s samples) rank(p float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	at := int(math.Ceil(p*float64(len(sorted)))) - 1
	return sorted[min(max(at, 0), len(sorted)-1)]
}

func (s samples) median() time.Duration { return s.rank(0.5) }

func (s samples) least() time.Duration { return s.rank(0) }

// millis is a duration in milliseconds.
func millis(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// spread tells the least and the 95th percentile of samples, in milliseconds.
func (s samples) spread() string {
	return fmt.Sprintf("least %.3g, p95 %.3g, of %d", millis(s.least()), millis(s.rank(0.95)),
		len(s))
}

// addMillis adds the median of samples as a row in milliseconds.
func addMillis(f *figures.File, figure string, s samples, asked string) {
	f.Add(figures.Row{
		Figure: figure + ": p50", Value: millis(s.median()), Unit: "ms", Asked: asked,
		Reference: s.spread(),
	})
}
