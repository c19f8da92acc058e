package meter_test

import (
	"context"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// TestGoGuest: a Go guest computes the same after rewriting, and for the same gas in
// compiler and interpreter.
func TestGoGuest(t *testing.T) {
	ctx := context.Background()
	plain := goModule(t)
	r := rewrite(t, plain)
	reference := newEngine(t, "plain", wazero.NewRuntimeConfigCompiler(), 0)
	wasi_snapshot_preview1.MustInstantiate(ctx, reference)
	original := reference.start(t, plain)
	gas := map[string]int64{}
	for _, e := range engines(t, 1<<60) {
		wasi_snapshot_preview1.MustInstantiate(ctx, e)
		m := e.start(t, r.Code)
		for _, w := range works {
			argument := w.argument / 20
			want, err := original.ExportedFunction(w.name).Call(ctx, argument)
			if err != nil {
				t.Fatal(err)
			}
			before := e.used(m)
			got, err := m.ExportedFunction(w.name).Call(ctx, argument)
			if err != nil {
				t.Fatalf("%s: %s: %v", e.name, w.name, err)
			}
			if got[0] != want[0] {
				t.Errorf("%s: %s: %x, before rewriting %x", e.name, w.name, got[0], want[0])
			}
			used := e.used(m) - before
			if other, ok := gas[w.name]; ok && other != used {
				t.Errorf("%s: %s: %d units, the other engine %d", e.name, w.name, used, other)
			}
			gas[w.name] = used
			if d := depth(m); d != 0 {
				t.Errorf("%s: %s: depth %d after the call", e.name, w.name, d)
			}
		}
	}
	t.Log(gas)
}
