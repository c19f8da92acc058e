package client

import (
	"errors"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
)

const (
	clusterA = "aa00000000000000000000000000000000000000000000000000000000000000"
	clusterB = "bb00000000000000000000000000000000000000000000000000000000000000"
)

// pinner is a client that can do no more than pin.
func pinner() *Client { return &Client{node: "http://node", store: NewMemStore()} }

func TestPinsHoldUntilAccepted(t *testing.T) {
	one, two := abi.SumDigest([]byte("1")), abi.SumDigest([]byte("2"))
	c := pinner()
	for i, step := range []struct {
		digest  abi.Digest
		cluster string
		accept  bool
		changed bool
	}{
		{one, clusterA, false, false},
		{one, clusterA, false, false},
		{two, clusterA, false, true},
		{one, clusterA, false, false}, // the refusal changed nothing
		{two, clusterB, false, false}, // another cluster has its own pins
		{two, clusterA, true, false},
		{two, clusterA, false, false},
		{one, clusterA, false, true},
	} {
		err := c.pinModule(step.cluster, "brain", step.digest, step.accept)
		if errors.Is(err, ErrChanged) != step.changed || errors.Is(err, ErrRefused) != step.changed {
			t.Errorf("step %d: %v", i, err)
		}
		if err != nil && !strings.Contains(err.Error(), "--accept-new") {
			t.Errorf("step %d: no way out: %v", i, err)
		}
	}
	// Name and number are different things to type, and so different pins.
	if err := c.pinModule(clusterA, "7", one, false); err != nil {
		t.Error(err)
	}
}

func TestClusterIsPinnedByAddress(t *testing.T) {
	c := pinner()
	for i, step := range []struct {
		cluster         string
		accept, changed bool
	}{
		{clusterA, false, false},
		{clusterA, false, false},
		{clusterB, false, true},
		{clusterB, true, false},
		{clusterB, false, false},
	} {
		err := c.pinCluster(step.cluster, step.accept)
		if errors.Is(err, ErrChanged) != step.changed {
			t.Errorf("step %d: %v", i, err)
		}
	}
	other := &Client{node: "http://another", store: c.store}
	if err := other.pinCluster(clusterA, false); err != nil {
		t.Errorf("another address: %v", err)
	}
}

func TestDamagedLockIsNoFreshStart(t *testing.T) {
	digest := abi.SumDigest(nil).String()
	for name, text := range map[string]string{
		"empty":           "",
		"half":            `{"clusters":{},"brains":{`,
		"no sections":     `{}`,
		"one section":     `{"clusters":{}}`,
		"null section":    `{"clusters":{},"brains":null}`,
		"unknown section": `{"clusters":{},"brains":{},"other":{}}`,
		"no digest":       `{"clusters":{},"brains":{"a/b":"sha256:12"}}`,
		"upper case":      `{"clusters":{},"brains":{"a/b":"` + strings.ToUpper(digest) + `"}}`,
		"trailing":        `{"clusters":{},"brains":{}} {}`,
		"array":           `[]`,
	} {
		c := pinner()
		if err := c.store.Write(lockFile, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := c.pinModule(clusterA, "b", abi.SumDigest(nil), true); !errors.Is(err, ErrStore) {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := c.store.Read(lockFile); err != nil || string(left) != text {
			t.Errorf("%s: the file was changed: %q, %v", name, left, err)
		}
	}
}

func FuzzReadLock(f *testing.F) {
	f.Add([]byte(`{"clusters":{"http://a":"00"},"brains":{"a/b":"` +
		abi.SumDigest(nil).String() + `"}}`))
	f.Add([]byte(`{"clusters":{},"brains":{"":""}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c := pinner()
		if err := c.store.Write(lockFile, text); err != nil {
			t.Fatal(err)
		}
		l, err := c.readLock()
		if err != nil {
			if !errors.Is(err, ErrStore) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		// What was read is what is written.
		if err := c.writeLock(l); err != nil {
			t.Fatal(err)
		}
		again, err := c.readLock()
		if err != nil || len(again.Brains) != len(l.Brains) || len(again.Clusters) != len(l.Clusters) {
			t.Fatalf("%v, %v, %v", l, again, err)
		}
	})
}

func FuzzParseEvalRow(f *testing.F) {
	f.Add([]byte(`{"request":{"a":1},"label":"x"}`))
	f.Add([]byte(`{"request":"text","label":"x"}`))
	f.Add([]byte(`{"request":null,"label":"x"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		row, err := parseEvalRow(line)
		if err != nil && !errors.Is(err, ErrUsage) {
			t.Fatalf("untyped error %v", err)
		}
		if err == nil && row.Label == "" {
			t.Fatal("a row without a label")
		}
	})
}

func TestParseRef(t *testing.T) {
	zero := "sha256:" + strings.Repeat("0", 64)
	for ref, ok := range map[string]bool{
		"mood": true, "7": true, "1024": true, "mood@" + zero: true,
		"": false, "@" + zero: false, "0": false, "1025": false, "a/b": false, "mood@": false,
		"mood@12": false, "mood@" + strings.ToUpper(zero): false, "a\x1b": false,
		strings.Repeat("a", abi.NameBytesMax+1): false, "99999999999999999999999": true,
	} {
		name, pin, err := parseRef(ref)
		if (err == nil) != ok || err != nil && !errors.Is(err, ErrUsage) {
			t.Errorf("%q: %v", ref, err)
		}
		if err == nil && (pin != nil) != strings.Contains(ref, "@") {
			t.Errorf("%q: name %q, pin %v", ref, name, pin)
		}
	}
}

func TestKeyNamesStayInTheirFolder(t *testing.T) {
	for _, name := range []string{
		"", "..", "a/b", `a\b`, "a.b", "a b", "c:", strings.Repeat("a", 65),
	} {
		if _, err := secretName(name, "ckks-13"); !errors.Is(err, ErrUsage) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if got, err := secretName("my-key_2", "ckks-13"); err != nil ||
		got != "keys/my-key_2/ckks-13.secret" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestClusterKeepsItsSetup: a cluster that proved its results goes on doing so, under the
// same setup, until the client accepts otherwise.
func TestClusterKeepsItsSetup(t *testing.T) {
	var none abi.Digest
	one, two := abi.SumDigest([]byte("1")), abi.SumDigest([]byte("2"))
	c := pinner()
	for i, step := range []struct {
		setup           abi.Digest
		accept, changed bool
	}{
		{none, false, false},
		{one, false, false}, // it may begin to prove
		{one, false, false},
		{two, false, true},
		{none, false, true},
		{one, false, false}, // the refusals changed nothing
		{two, true, false},
		{one, false, true},
		{none, true, false},
		{none, false, false},
		{one, false, false},
	} {
		err := c.pinSetup(clusterA, step.setup, step.accept)
		if errors.Is(err, ErrChanged) != step.changed || errors.Is(err, ErrRefused) != step.changed {
			t.Errorf("step %d: %v", i, err)
		}
		if err != nil && !strings.Contains(err.Error(), "--accept-new") {
			t.Errorf("step %d: no way out: %v", i, err)
		}
	}
	if err := c.pinSetup(clusterB, two, false); err != nil {
		t.Errorf("another cluster: %v", err)
	}
}
