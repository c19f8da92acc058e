package hostcall_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/hostcall"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

const (
	badFile = 8
	fault   = 21
	invalid = 28
)

func TestRandomBytesAreAFunctionOfTheRun(t *testing.T) {
	read := func(module abi.Digest, a abi.Args) []byte {
		run, err := hostcall.NewInfer(module, w.Manifest(), a)
		if err != nil {
			t.Fatal(err)
		}
		g := newGuest(t, run)
		if n := g.call("random_get", 0, 32); n != 0 {
			t.Fatalf("random_get = %d", n)
		}
		return bytes.Clone(g.memory[:32])
	}
	other, err := abi.NewArgs([]abi.Arg{{Name: "mode", Value: "other"}})
	if err != nil {
		t.Fatal(err)
	}
	a := read(abi.Digest{1}, args(t))
	if !bytes.Equal(a, read(abi.Digest{1}, args(t))) {
		t.Error("two runs of the same module and arguments differ")
	}
	if bytes.Equal(a, read(abi.Digest{2}, args(t))) || bytes.Equal(a, read(abi.Digest{1}, other)) {
		t.Error("another module or other arguments give the same bytes")
	}
}

func TestClock(t *testing.T) {
	g := newInfer(t)
	read := func() uint64 {
		if n := g.call("clock_time_get", 0, 0, 0); n != 0 {
			t.Fatalf("clock_time_get = %d", n)
		}
		return binary.LittleEndian.Uint64(g.memory)
	}
	a, b := read(), read()
	if b <= a {
		t.Errorf("the clock went from %d to %d", a, b)
	}
	// One hour, relative, then a wait until a time long ago.
	binary.LittleEndian.PutUint64(g.memory[100+24:], 3600e9)
	if n := g.call("poll_oneoff", 100, 200, 1, 300); n != 0 || g.memory[300] != 1 {
		t.Errorf("poll_oneoff = %d, events %d", n, g.memory[300])
	}
	if c := read(); c < b+3600e9 || c > b+3601e9 {
		t.Errorf("after an hour the clock shows %d, from %d", c, b)
	}
	g.memory[100+40] = 1
	c := read()
	g.call("poll_oneoff", 100, 200, 1, 300)
	if d := read(); d < c {
		t.Errorf("the clock went back from %d to %d", c, d)
	}
	if n := g.call("clock_time_get", 2, 0, 0); n != invalid {
		t.Errorf("process clock = %d", n)
	}
}

func TestWriteGoesToTheLog(t *testing.T) {
	g := newInfer(t)
	g.put(0, "one two")
	vector := func(at int, ptr, n uint32) {
		binary.LittleEndian.PutUint32(g.memory[at:], ptr)
		binary.LittleEndian.PutUint32(g.memory[at+4:], n)
	}
	vector(100, 0, 4)
	vector(108, 4, 3)
	if n := g.call("fd_write", 2, 100, 2, 200); n != 0 || g.memory[200] != 7 {
		t.Errorf("fd_write = %d, wrote %d", n, g.memory[200])
	}
	if text, _ := g.run.Log(); text != "one two" {
		t.Errorf("log %q", text)
	}
	vector(108, 4, math.MaxUint32)
	for want, params := range map[int64][]uint64{
		badFile: {3, 100, 1, 200}, fault: {1, 100, 2, 200}, invalid: {1, 100, 1025, 200},
	} {
		if n := g.call("fd_write", params...); n != want {
			t.Errorf("fd_write%v = %d, want %d", params, n, want)
		}
	}
	if n := g.call("fd_write", 1, 100, 1, 1<<16-3); n != fault {
		t.Errorf("result outside: %d", n)
	}
}

func TestNoFilesNoStrings(t *testing.T) {
	g := newInfer(t)
	if n := g.call("fd_prestat_get", 3, 0); n != badFile {
		t.Errorf("fd_prestat_get = %d", n)
	}
	g.memory[0], g.memory[4] = 9, 9
	if n := g.call("environ_sizes_get", 0, 4); n != 0 || g.memory[0] != 0 || g.memory[4] != 0 {
		t.Errorf("environ_sizes_get = %d", n)
	}
	if n := g.call("random_get", 0, 1<<16+1); n != invalid {
		t.Errorf("random_get = %d", n)
	}
	g.call("proc_exit", 3)
	if err := g.run.Err(); !errors.Is(err, hostcall.ErrGuest) || !g.run.Exited() ||
		!strings.Contains(err.Error(), "code 3") {
		t.Errorf("error %v", err)
	}
}

// TestRandomCalls calls everything with numbers near the edges: no panic, memory within
// bounds, and what comes out is valid.
func TestRandomCalls(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	edges := []uint64{
		0, 1, 2, 4, 8, 16, 63, 64, 65, 1<<16 - 9, 1<<16 - 8, 1<<16 - 1, 1 << 16, 1 << 20,
		math.MaxInt32, math.MaxUint32 - 7, math.MaxUint32, math.MaxInt64, math.MaxUint64,
	}
	for _, g := range []*guest{newEncode(t), newInfer(t), newDecode(t, 1)} {
		g.put(0, "xynotemodef")
		names := make([]string, 0, len(g.bindings))
		for name := range g.bindings {
			names = append(names, name)
		}
		slices.Sort(names)
		handles := []uint64{0}
		for range 20_000 {
			name := names[rng.IntN(len(names))]
			params := make([]uint64, len(g.bindings[name].Params))
			for i := range params {
				switch rng.IntN(3) {
				case 0:
					params[i] = handles[rng.IntN(len(handles))]
				case 1:
					params[i] = uint64(rng.IntN(16))
				default:
					params[i] = edges[rng.IntN(len(edges))]
				}
			}
			if n := g.call(name, params...); n > 1<<32 {
				handles = append(handles, uint64(n))
			}
		}
		if errors.Is(g.run.Err(), hostcall.ErrInternal) {
			t.Errorf("%s: %v", g.run.Phase(), g.run.Err())
		}
	}
}
