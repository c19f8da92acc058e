package hostcall_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/hostcall"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

var update = flag.Bool("update", false, "write the golden files")

// purse is a meter with so many units.
type purse struct {
	left    uint64
	charges []uint64
}

func (p *purse) Charge(units uint64) bool {
	p.charges = append(p.charges, units)
	if units > p.left {
		p.left = 0
		return false
	}
	p.left -= units
	return true
}

func TestPricesGolden(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", hostcall.PricesVersion, hostcall.PricesDigest())
	for _, p := range hostcall.Prices() {
		fmt.Fprintf(&b, "%s\n", p)
	}
	path := filepath.Join("testdata", "prices.golden")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the prices are not those of %s: gas would be another number on nodes of "+
			"another version. Change PricesVersion with them, then run this test with "+
			"-update. Got:\n%s", path, b.String())
	}
}

func TestEveryBindingHasItsPrice(t *testing.T) {
	list, err := hostcall.Bindings()
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range hostcall.Prices() {
		b := list[i]
		if b.Module != p.Module || b.Name != p.Name || b.Price.String() != p.String() || p.Base == 0 {
			t.Errorf("%s.%s has the price %s", b.Module, b.Name, b.Price)
		}
		// Every pointer is followed by a length, and every length must be paid for.
		for k, param := range b.Params {
			counted := slices.ContainsFunc(p.Lengths, func(l hostcall.Length) bool {
				return l.Param == k+1
			})
			if strings.HasSuffix(param.Name, "_ptr") && param.Name != "out_ptr" && !counted {
				t.Errorf("%s does not pay for %s", p.Name, b.Params[k+1].Name)
			}
		}
	}
}

// TestPriceIsAFunctionOfTheParameters: neither memory nor the run's past moves it.
func TestPriceIsAFunctionOfTheParameters(t *testing.T) {
	for name, b := range bindings(t) {
		if name == "fd_write" {
			continue // its buffers' lengths lie in memory
		}
		params := make([]uint64, len(b.Params)+1)
		for i := range params {
			params[i] = uint64(i) * 3
		}
		var seen []uint64
		for _, fill := range []byte{0, 0xff} {
			run := newRun(t, phaseFor(b))
			p := &purse{left: math.MaxUint64}
			run.SetMeter(p)
			for range 2 {
				b.Call(run, memory(bytes.Repeat([]byte{fill}, 1<<16)), slices.Clone(params))
			}
			if name == "proc_exit" {
				seen = append(seen, p.charges[0])
				continue
			}
			seen = append(seen, p.charges...)
		}
		if slices.Min(seen) != slices.Max(seen) || seen[0] < b.Price.Base {
			t.Errorf("%s was charged %v", name, seen)
		}
	}
}

func phaseFor(b hostcall.Binding) abi.Phase {
	for _, phase := range []abi.Phase{abi.PhaseEncode, abi.PhaseInfer} {
		if b.Phases&phase != 0 {
			return phase
		}
	}
	return abi.PhaseDecode
}

// TestRefusedChargeDoesNothing: what cannot be paid for leaves no trace, and nothing after it
// is done or charged.
func TestRefusedChargeDoesNothing(t *testing.T) {
	for _, c := range []struct {
		name   string
		params []uint64
	}{
		{"log", []uint64{0, 8}},
		{"fail", []uint64{0, 8}},
		{"arg", []uint64{0, 4, 100, 100}},
		{"input", []uint64{5, 1}},
		{"random_get", []uint64{100, 8}},
		{"clock_time_get", []uint64{0, 0, 100}},
		{"fd_write", []uint64{1, 200, 1, 100}},
		{"proc_exit", []uint64{1}},
	} {
		g := newInfer(t)
		g.put(0, "mode x")
		before := bytes.Clone(g.memory)
		p := &purse{left: 10}
		g.run.SetMeter(p)
		if got := g.call(c.name, c.params...); got != -int64(abi.ErrnoLimit) && got != 52 &&
			c.name != "proc_exit" {
			t.Errorf("%s = %d", c.name, got)
		}
		g.call(c.name, c.params...)
		text, _ := g.run.Log()
		if !bytes.Equal(before, g.memory) || text != "" || g.run.Exited() || g.run.Recorded() != 0 {
			t.Errorf("%s was done", c.name)
		}
		if !g.run.Stopped() || !errors.Is(g.run.Err(), hostcall.ErrStopped) || len(p.charges) != 1 {
			t.Errorf("%s: stopped %t, error %v, charges %v", c.name, g.run.Stopped(), g.run.Err(),
				p.charges)
		}
	}
}

// TestHostileLengths: no product and no sum of what a guest passes wraps around.
func TestHostileLengths(t *testing.T) {
	for name, b := range bindings(t) {
		params := make([]uint64, len(b.Params)+1)
		for i := range params {
			params[i] = math.MaxUint64
		}
		want := b.Price.Base
		for _, l := range b.Price.Lengths {
			want += math.MaxUint32 * l.Bytes * b.Price.PerByte
		}
		run := newRun(t, phaseFor(b))
		b.Call(run, make(memory, 1<<16), params)
		if run.Charged() != want || errors.Is(run.Err(), hostcall.ErrInternal) {
			t.Errorf("%s was charged %d, want %d; error %v", name, run.Charged(), want, run.Err())
		}
	}
}

// TestFloodsEnd: whatever a guest repeats, ten million units are soon spent.
func TestFloodsEnd(t *testing.T) {
	const units = 10_000_000
	for _, c := range []struct {
		what   string
		calls  int
		name   string
		params []uint64
	}{
		{"calls that do nothing", units / 200, "sched_yield", nil},
		{"lines of a page", 153, "log", []uint64{0, 1 << 16}},
		{"buffers that hold one page often", 1, "fd_write", []uint64{1, 1 << 10, 1024, 0}},
		{"64 MB of random bytes at once", 1, "random_get", []uint64{0, 64 << 20}},
		{"64 MB of random bytes in pages", 39, "random_get", []uint64{0, 1 << 16}},
		{"waiting", 1_879, "poll_oneoff", []uint64{0, 1 << 14, 64, 0}},
		{"a constant of a page", 148, "constant", []uint64{0, 1 << 13, 0}},
	} {
		g := newInfer(t)
		for i := range 1024 { // buffers of 64 KiB each, all the same
			binary.LittleEndian.PutUint32(g.memory[1<<10+8*i+4:], 1<<16-1)
		}
		g.run.SetMeter(&purse{left: units})
		calls := 0
		for !g.run.Stopped() {
			copy(g.memory[1<<14:], make([]byte, 64*48))
			g.call(c.name, c.params...)
			calls++
		}
		if text, _ := g.run.Log(); calls-1 > c.calls || len(text) > 3*abi.LogBytesMax ||
			!errors.Is(g.run.Err(), hostcall.ErrStopped) {
			t.Errorf("%s: %d calls, %d bytes of log, error %v", c.what, calls, len(text),
				g.run.Err())
		}
	}
}

func TestRecordedStepsHaveALimit(t *testing.T) {
	m := w.Manifest()
	m.Params = "ckks-16"
	run, err := hostcall.NewInfer(abi.Digest{1}, m, args(t))
	if err != nil {
		t.Fatal(err)
	}
	g := newGuest(t, run)
	g.put(0, "x")
	x := uint64(g.call("input", 0, 1))
	for i := range 64 {
		binary.LittleEndian.PutUint64(g.memory[1024+8*i:], uint64(i+1))
	}
	c := uint64(g.call("constant", 1024, 64, 0))
	first := run.Recorded()
	g.want(abi.ErrnoNone, "poly", x, c)
	each := run.Recorded() - first
	for range (abi.RecordedGasMax - run.Recorded()) / each {
		g.want(abi.ErrnoNone, "poly", x, c)
	}
	before := run.Recorded()
	g.want(abi.ErrnoLimit, "poly", x, c)
	if run.Recorded() != before || before > abi.RecordedGasMax || run.Err() != nil {
		t.Errorf("recorded %d, then %d, error %v", before, run.Recorded(), run.Err())
	}
	g.want(abi.ErrnoNone, "neg", x) // what is cheap still fits
}

// TestRecordedSteps holds the prices of recorded nodes to the closed forms, worked out by
// hand for ckks-13: N = 8192, four primes of Q, one of P, four digits. Whoever changes a form
// changes stepsForm, which is in the digest of the prices.
func TestRecordedSteps(t *testing.T) {
	const (
		n, transform = 8192, 13 * 4096
		add, product = 8 * n, 8 * n
		moved        = 8 * transform // rescale, input, output
		decompose    = 20*transform + 16*n
		keySwitch    = decompose + 40*n + 10*transform + 8*n
	)
	g := newInfer(t)
	g.put(0, "xy")
	for i := range 64 {
		binary.LittleEndian.PutUint64(g.memory[1024+8*i:], uint64(i+1))
	}
	var at uint64
	step := func(want uint64, name string, params ...uint64) uint64 {
		t.Helper()
		got := g.call(name, params...)
		if units := g.run.Recorded() - at; got < 0 || units != want {
			t.Errorf("%s%v = %d costs %d, want %d", name, params, got, units, want)
		}
		at = g.run.Recorded()
		return uint64(got)
	}
	x := step(moved, "input", 0, 1)
	step(0, "input", 0, 1) // the same node
	c4 := step(0, "constant", 1024, 4, 0)
	c8 := step(0, "constant", 1024, 8, 0)
	c2 := step(0, "constant", 1024, 2, 0)
	step(add, "add", x, x)
	step(add, "sub", c4, x)
	step(add, "neg", x)
	step(16*n+keySwitch+moved, "mul", x, x)
	step(product+moved, "mul_plain", x, c4)
	step(keySwitch, "rotate", x, 1)
	sum := step(2*(keySwitch+add), "sum", x)
	step(product+moved+2*(keySwitch+add), "dot", x, c4)
	// Two diagonals as baby steps of one giant step, and a fold of four columns to two rows.
	step(decompose+(keySwitch-decompose)+2*(product+add)+moved+(keySwitch+add),
		"matvec", c8, x, 2, 4)
	// Degree 1 has no product of ciphertexts, degree 7 no more than 4 baby steps, 2 giant
	// steps and 3 powers.
	step(3*(product+moved+add), "poly", x, c2)
	step(6*(16*n+keySwitch+moved+2*add)+9*(product+moved+add), "poly", x, c8)
	step(moved, "output", 1, 1, sum)
	if g.run.Charged() == 0 {
		t.Error("the calls themselves cost nothing")
	}
}
