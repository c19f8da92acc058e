package identity_test

import (
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/prooftest"
)

// TestSpool: a witness in a file is the one in memory, whatever stays there, and leaves
// nothing behind.
func TestSpool(t *testing.T) {
	r := record(t, shape{4, 5, 2}, 3)
	want, err := r.collect()
	if err != nil {
		t.Fatal(err)
	}
	for _, polys := range []int64{0, 1, 5, 1 << 20} {
		dir := t.TempDir()
		c := identity.NewCollector(r.system)
		c.Spool(dir, polys*8*int64(r.system.Plan.Params.N()))
		for _, w := range r.tape.Wires {
			if err := c.Record(w); err != nil {
				t.Fatal(err)
			}
		}
		w, err := c.Witness(r.public)
		if err != nil {
			t.Fatal(err)
		}
		inMemory := int64(0)
		for at := r.system.Wires; at < r.system.Quotients; at++ {
			if w.Coeffs(at) != nil {
				inMemory++
			}
			got, err := w.Read(at)
			if err != nil || !slices.Equal(got, want.Coeffs(at)) {
				t.Fatalf("%s differs, error %v", r.system.Polys[at], err)
			}
		}
		if inMemory != min(polys, int64(r.system.Quotients-r.system.Wires)) {
			t.Errorf("%d wires in memory instead of %d", inMemory, polys)
		}
		if err := identity.CheckExact(r.system, r.public, w); !errors.Is(err, identity.ErrPublic) {
			t.Errorf("without outputs: %v", err) // everything else was read
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if left := prooftest.FilesIn(t, dir); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	for _, at := range []int{r.system.Wires - 1, r.system.Quotients} {
		if _, err := want.Read(at); !errors.Is(err, identity.ErrWitness) {
			t.Errorf("wire %d: error %v", at, err)
		}
	}
	c := identity.NewCollector(r.system)
	c.Spool(t.TempDir()+"/nowhere", 0)
	for _, w := range r.tape.Wires {
		if err = c.Record(w); err != nil {
			break
		}
	}
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: error %v", err)
	}
}

// TestCloseCollector: whoever has no Witness has the file to remove, after a run that failed
// on its way and after one that was no run in the end; a Witness keeps its own.
func TestCloseCollector(t *testing.T) {
	r := record(t, shape{4, 5, 2}, 3)
	dir := t.TempDir()
	spooled := func(wires int) *identity.Collector {
		c := identity.NewCollector(r.system)
		c.Spool(dir, 0)
		for _, w := range r.tape.Wires[:wires] {
			if err := c.Record(w); err != nil {
				t.Fatal(err)
			}
		}
		if len(prooftest.FilesIn(t, dir)) == 0 {
			t.Fatal("there is no file")
		}
		return c
	}
	all := len(r.tape.Wires)
	failed, short, good := spooled(all/2), spooled(all/2), spooled(all)
	if _, err := short.Witness(r.public); !errors.Is(err, identity.ErrWitness) {
		t.Errorf("half of the wires: error %v", err)
	}
	w, err := good.Witness(r.public)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, c := range []*identity.Collector{failed, short, good} {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := w.Read(r.system.Wires); err != nil {
		t.Errorf("the file went with the collector: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if left := prooftest.FilesIn(t, dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
