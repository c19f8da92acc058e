package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/admit"
	"github.com/cerberus-host/cerberus/host/runtime"
	"github.com/cerberus-host/cerberus/host/wasmtest"
	"github.com/cerberus-host/cerberus/internal/figures"
)

// measureAdmit measures what a module costs before the runtime sees it: for the largest Brain
// and for modules of the largest size that a file may have.
func (b *bench) measureAdmit(ctx context.Context, f *figures.File) error {
	largest := b.brains[0]
	for _, brain := range b.brains {
		if len(brain.module) > len(largest.module) {
			largest = brain
		}
	}
	files := []struct {
		figure string
		module []byte
	}{{largest.name, largest.module}}
	for _, l := range largeModules() {
		file, err := abi.AttachManifest(l.module.Bytes(), wasmtest.Manifest())
		if err != nil {
			return fmt.Errorf("%s: %w", l.figure, err)
		}
		files = append(files, struct {
			figure string
			module []byte
		}{l.figure, file})
	}
	for _, file := range files {
		var admitted *admit.Module
		var refused error
		s, err := repeat(ctx, 3, runBudget, func() error {
			admitted, refused = admit.Admit(file.module)
			return nil
		})
		if err != nil {
			return err
		}
		note := s.spread()
		if refused != nil {
			note += "; refused: " + refused.Error()
		} else {
			note += fmt.Sprintf("; %s become %s", megabytes(len(file.module)),
				megabytes(len(admitted.Code)))
		}
		f.Add(figures.Row{
			Figure: file.figure + ": validate and rewrite: p50", Value: millis(s.median()), Unit: "ms",
			Asked: "<= 1000 ms", Reference: note,
		})
	}
	return nil
}

// largeModule is a module near the largest size of a file.
type largeModule struct {
	figure string
	module *wasmtest.Module
}

// largeModules are full of operators that are cheap to write and dear to check or rewrite.
func largeModules() []largeModule {
	const (
		bodyBytes = admit.BodyBytesMax - 64
		fileBytes = abi.ModuleBytesMax - 64<<10
		drop      = 0x1a
	)
	fill := func(piece []byte) *wasmtest.Module {
		m := wasmtest.Brain(nil, nil, nil)
		body := wasmtest.Repeat(piece, bodyBytes/len(piece))
		for total := 0; total+len(body) < fileBytes; total += len(body) + 8 {
			m.Functions = append(m.Functions, wasmtest.Function{Body: body})
		}
		return m
	}
	one := wasmtest.I32Const(1)
	zero := append([]byte{0x44}, make([]byte, 8)...)
	return []largeModule{
		{"8 MB of constants", fill(wasmtest.Cat(one, []byte{drop}))},
		{"8 MB of calls", fill(wasmtest.Call(0))},
		{"8 MB of float operators", fill(wasmtest.Cat(zero, zero, wasmtest.Repeat(
			wasmtest.Cat([]byte{0xa0}, zero), 10), []byte{0xa0, drop}))},
		{"8 MB of memory fills", fill(wasmtest.Cat(one, one, one, []byte{0xfc, 11, 0}))},
	}
}

// measureLoad compiles each Brain anew, in a process of its own as a node does, and loads it
// from the disk cache.
func (b *bench) measureLoad(ctx context.Context, f *figures.File) error {
	for _, file := range b.brains {
		var compile, cached samples
		for i := range 3 {
			dir := filepath.Join(b.scratch, fmt.Sprintf("code-%s-%d", file.name, i))
			for _, s := range []*samples{&compile, &cached} {
				d, err := b.loadOnce(ctx, dir, file.module)
				if err != nil {
					return fmt.Errorf("%s: %w", file.name, err)
				}
				*s = append(*s, d)
			}
		}
		addMillis(f, file.name+": compile in a process, "+megabytes(len(file.module)), compile,
			"<= 5000 ms")
		addMillis(f, file.name+": load from the disk cache", cached, "")
	}
	return nil
}

func megabytes(n int) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

func (b *bench) loadOnce(
	ctx context.Context, dir string, module []byte,
) (d time.Duration, err error) {
	sandbox, err := runtime.New(ctx, runtime.Config{CacheDir: dir, Compiler: b.compiler})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, sandbox.Close(context.WithoutCancel(ctx))) }()
	return timed(func() error {
		_, err := sandbox.Load(ctx, module)
		return err
	})
}
