package hostcall_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/hostcall"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// initializing is a guest in _initialize that has read the clock and 32 random bytes into
// its memory.
func initializing(t *testing.T, module abi.Digest) *guest {
	t.Helper()
	g := newGuest(t, hostcall.NewInitialize(module, w.Manifest()))
	if g.call("clock_time_get", 0, 0, 0) != 0 || g.call("random_get", 8, 32) != 0 {
		t.Fatal("the system interface does not answer")
	}
	return g
}

// TestInitializeSeesTheModuleAlone: what _initialize can put into memory is a function of
// the module's digest.
func TestInitializeSeesTheModuleAlone(t *testing.T) {
	a := initializing(t, abi.Digest{1})
	if !bytes.Equal(a.memory, initializing(t, abi.Digest{1}).memory) {
		t.Error("the same module sees something else the second time")
	}
	if bytes.Equal(a.memory, initializing(t, abi.Digest{2}).memory) {
		t.Error("another module sees the same random bytes")
	}
	for _, b := range must(hostcall.Bindings()) {
		stack := make([]uint64, len(b.Params)+1)
		switch b.Call(a.run, a.memory, stack); {
		case b.Module != abi.ImportModule, b.Name == "log", b.Name == "fail":
		case int32(uint32(stack[0])) != -int32(abi.ErrnoPhase):
			t.Errorf("%s = %d in _initialize", b.Name, int32(uint32(stack[0])))
		}
	}
	if err := a.run.Err(); !errors.Is(err, hostcall.ErrGuest) {
		t.Errorf("after fail the error is %v", err)
	}
}

func must(b []hostcall.Binding, err error) []hostcall.Binding {
	if err != nil {
		panic(err)
	}
	return b
}

// TestContinue: a run goes on where _initialize has stopped, except for random bytes, and
// any number of runs can.
func TestContinue(t *testing.T) {
	before := initializing(t, abi.Digest{1})
	before.put(100, "hello")
	before.want(abi.ErrnoNone, "log", 100, 5)
	done := before.run.Initialized()
	for _, text := range []string{"first", "other"} {
		g := newInfer(t)
		fresh := newInfer(t)
		g.run.Continue(done)
		if g.run.Calls() != 3 || g.run.Charged() != before.run.Charged() {
			t.Errorf("%d calls for %d units", g.run.Calls(), g.run.Charged())
		}
		g.put(100, text)
		g.want(abi.ErrnoNone, "log", 100, 5)
		if log, dropped := g.run.Log(); log != "hello\n"+text+"\n" || dropped != 0 {
			t.Errorf("log %q", log)
		}
		g.call("clock_time_get", 0, 0, 0)
		if binary.LittleEndian.Uint64(g.memory) <= binary.LittleEndian.Uint64(before.memory) {
			t.Error("the clock went back")
		}
		g.call("random_get", 8, 32)
		fresh.call("random_get", 8, 32)
		if !bytes.Equal(g.memory[8:40], fresh.memory[8:40]) {
			t.Error("the random bytes depend on _initialize")
		}
	}
	if log, _ := before.run.Log(); log != "hello\n" {
		t.Errorf("the log of _initialize became %q", log)
	}
}
