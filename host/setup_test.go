package host

import (
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

// TestReplaces: a node's setup never takes the place of another node's, nor a development
// setup that of a ceremony.
func TestReplaces(t *testing.T) {
	key := abi.SumDigest([]byte("key"))
	development := state.Setup{Digest: key, Kind: state.SetupDevelopment, Key: key}
	ceremony := state.Setup{Digest: key, Kind: state.SetupCeremony, Key: key}
	for _, c := range []struct {
		has   state.Setup
		kind  opening.SetupKind
		nodes int
		want  bool
	}{
		{state.Setup{}, opening.SetupDevelopment, 1, true},
		{state.Setup{}, opening.SetupCeremony, 3, true},
		{development, opening.SetupDevelopment, 1, true},
		{development, opening.SetupCeremony, 1, true},
		{ceremony, opening.SetupCeremony, 1, true},
		{ceremony, opening.SetupDevelopment, 1, false},
		{development, opening.SetupDevelopment, 2, false},
		{development, opening.SetupCeremony, 2, false},
	} {
		if got := replaces(c.has, c.kind, c.nodes); got != c.want {
			t.Errorf("%s over %s of %d nodes: %t", c.kind, c.has.Kind, c.nodes, got)
		}
	}
}

// TestProofsAtOnce: at least one, one for every eight cores, and never more than share the
// memory.
func TestProofsAtOnce(t *testing.T) {
	for cores, want := range map[int]int{1: 1, 2: 1, 8: 1, 15: 1, 16: 2, 64: 8, 256: 8} {
		if got := proofsAtOnce(cores); got != want {
			t.Errorf("%d proofs at once on %d cores, not %d", got, cores, want)
		}
	}
}
