package meter_test

import (
	"context"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/cerberus-host/cerberus/host/admit/meter"
)

// works are exports of testdata/guest with an argument each.
var works = []struct {
	name     string
	argument uint64
}{
	{"hash", 1}, {"order", 20_000}, {"recurse", 22}, {"product", 20_000}, {"words", 2_000},
}

// start makes an instance of a Go guest and initialises it.
func (e *engine) start(tb testing.TB, code []byte) api.Module {
	tb.Helper()
	m := e.instance(tb, code)
	if _, err := m.ExportedFunction("_initialize").Call(context.Background()); err != nil {
		tb.Fatal(err)
	}
	return m
}

// BenchmarkOverhead compares a rewritten Go guest with the plain one, in one run: the same
// calls in turn, the best time of each.
func BenchmarkOverhead(b *testing.B) {
	plain := goModule(b)
	began := time.Now()
	r := rewrite(b, plain)
	b.Logf("rewritten in %v: %d bytes, before %d; %d charges, %d of them look, %d NaN sites",
		time.Since(began), r.BytesAfter, r.BytesBefore, r.Charges, r.Looks, r.NaNSites)
	e := newEngine(b, "compiler", wazero.NewRuntimeConfigCompiler(), 1<<60)
	wasi_snapshot_preview1.MustInstantiate(context.Background(), e)
	began = time.Now()
	before := e.start(b, plain)
	compiled := time.Since(began)
	began = time.Now()
	after := e.start(b, r.Code)
	b.Logf("compiled in %v, before %v", time.Since(began), compiled)
	for _, w := range works {
		b.Run(w.name, func(b *testing.B) {
			best := [2]time.Duration{time.Hour, time.Hour}
			gas := e.used(after)
			for range max(b.N, 10) {
				for k, m := range []api.Module{before, after} {
					began := time.Now()
					if _, err := m.ExportedFunction(w.name).Call(b.Context(), w.argument); err != nil {
						b.Fatal(err)
					}
					best[k] = min(best[k], time.Since(began))
				}
			}
			gas = (e.used(after) - gas) / int64(max(b.N, 10))
			b.ReportMetric(float64(best[0].Nanoseconds()), "ns-plain")
			b.ReportMetric(float64(best[1].Nanoseconds()), "ns-metered")
			b.ReportMetric(float64(best[1])/float64(best[0]), "ratio")
			b.ReportMetric(float64(gas), "gas")
			b.ReportMetric(float64(best[0].Nanoseconds())/float64(gas), "ns/gas")
		})
	}
}

var _ = meter.Version
