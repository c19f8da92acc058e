package main

import (
	"bytes"
	"crypto/rand"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/identity"
	"github.com/cerberus-host/cerberus/proofs/ceremony"
)

// party is an identity that contributes.
type party struct{ *identity.Key }

func (p party) Sign(d abi.Digest) [identity.SignatureBytes]byte { return p.Key.Sign(d) }

// TestCeremonyEndsInASetup: three parties, two phases and two beacons give a setup whose
// digest everybody computes, and whose key can be trusted as a ceremony's.
func TestCeremonyEndsInASetup(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "talk")
	parties := make([]party, ceremony.ContributionsMin)
	for i := range parties {
		key, err := identity.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		parties[i] = party{key}
	}
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	g := &globals{streams: streams{out: &out, err: &out}}
	err := g.beginCeremony(t.Context(), folder, ceremonyFlags{
		rules:     ceremony.Rules{Size: 16, Beacon: "a public value"},
		operators: []string{parties[0].Address().String()},
		end1:      "2026-01-02T00:00:00Z", end2: "2026-01-03T00:00:00Z",
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, p := range parties {
			if _, err := ceremony.Contribute(t.Context(), folder, p, clock); err != nil {
				t.Fatal(err)
			}
		}
		clock = clock.Add(24 * time.Hour)
		err := g.finishCeremony(t.Context(), folder, strings.Repeat("5a", 32), clock)
		if err != nil {
			t.Fatal(err)
		}
	}
	home := t.TempDir()
	key := filepath.Join(folder, "setup", "setup.vk")
	for _, args := range [][]string{
		{"ceremony", "verify", folder}, {"setup", "trust", key}, {"setup", "list"},
	} {
		code := run(t.Context(), append(args, "--home", home), streams{out: &out, err: &out})
		if code != exitOK {
			t.Fatalf("%v: %d\n%s", args, code, &out)
		}
	}
	text := out.String()
	_, digest, ok := strings.Cut(text, "the ceremony has ended: setup ")
	if !ok {
		t.Fatalf("no setup:\n%s", text)
	}
	digest, _, _ = strings.Cut(digest, "\n")
	for _, want := range []string{
		"phase 1 has ended, phase 2 is open", "ended, setup " + digest, "5a ended phase 2",
		"setup " + digest + ", kind ceremony, vectors of 16",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}
