package hostile_test

import (
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	sandbox "github.com/cerberus-host/cerberus/host/runtime"
	"github.com/cerberus-host/cerberus/internal/hostile/trial"
)

// TestHeartbeatBesideHostileGuests is group 27: while twice as many hostile guests as there
// are cores run, garbage is collected, heartbeats come, and a cluster of three in the same
// process keeps its leader.
func TestHeartbeatBesideHostileGuests(t *testing.T) {
	during := 2 * time.Second
	if all {
		during = 20 * time.Second
	}
	cluster := newCluster(t)
	leader, term := cluster.leader(t)
	beats, err := trial.Beside(t.Context(), trial.Config{
		Sandbox: sandbox.Config{RunTimeout: 200 * time.Millisecond}, Now: time.Now,
	}, 2*runtime.GOMAXPROCS(0), during)
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d beats, p99 %v, longest %v", len(beats), beats.P99(), beats.Worst())
	if beats.P99() > beatMax {
		t.Errorf("a heartbeat of 100 waited %v", beats.P99())
	}
	again, now := cluster.leader(t)
	switch {
	case again == leader && now == term:
	case testing.Short(): // under the race detector everything takes many times longer
		t.Logf("%s led in term %d, %s leads in term %d", leader, term, again, now)
	default:
		t.Errorf("%s led in term %d, %s leads in term %d", leader, term, again, now)
	}
}

// cluster is three voters in memory, with the raft library's own timeouts of a second.
type cluster []*raft.Raft

func newCluster(t *testing.T) cluster {
	t.Helper()
	const voters = 3
	var servers []raft.Server
	var transports []*raft.InmemTransport
	for i := range voters {
		address, transport := raft.NewInmemTransport("")
		servers = append(servers, raft.Server{
			ID: raft.ServerID(fmt.Sprint(i)), Address: address,
		})
		transports = append(transports, transport)
	}
	var c cluster
	for i, transport := range transports {
		for k, other := range transports {
			if k != i {
				transport.Connect(servers[k].Address, other)
			}
		}
		config := raft.DefaultConfig()
		config.LocalID = servers[i].ID
		config.LeaderLeaseTimeout = config.HeartbeatTimeout
		config.Logger = hclog.New(&hclog.LoggerOptions{Output: io.Discard})
		store := raft.NewInmemStore()
		snapshots := raft.NewInmemSnapshotStore()
		if err := raft.BootstrapCluster(config, store, store, snapshots, transport,
			raft.Configuration{Servers: servers}); err != nil {
			t.Fatal(err)
		}
		node, err := raft.NewRaft(config, &raft.MockFSM{}, store, store, snapshots, transport)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := node.Shutdown().Error(); err != nil {
				t.Error(err)
			}
		})
		c = append(c, node)
	}
	return c
}

// leader waits for a leader that a command has made sure of, and returns it and its term.
func (c cluster) leader(t *testing.T) (raft.ServerID, uint64) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		for _, node := range c {
			if node.State() == raft.Leader && node.VerifyLeader().Error() == nil {
				_, id := node.LeaderWithID()
				return id, node.CurrentTerm()
			}
		}
		<-tick.C
	}
	t.Fatal("nobody leads")
	return "", 0
}
