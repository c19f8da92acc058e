package raftstore_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
	"github.com/cerberus-host/cerberus/raftstore"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

// A node on an empty directory becomes a cluster of its own; the first command names it.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	self := abi.Address{1}
	node, err := raftstore.Open(raftstore.Config{
		Dir: dir, NodeID: self, Now: time.Now,
		OnFatal: func(err error) { log.Fatal(err) },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = node.Close() }()
	ctx := context.Background()
	if err := node.WaitReady(ctx); err != nil {
		log.Fatal(err)
	}
	cmd, err := state.NewCommand(state.Request{
		Signer: self, Nonce: []byte("used only once!!"),
		ExpiryMS: time.Now().Add(time.Minute).UnixMilli(),
	}, &raftlogv1.Bootstrap{ClusterId: "example", Admin: self[:], Node: self[:]})
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		resp, err := node.Propose(ctx, cmd)
		fmt.Println("applied before:", resp.Replayed, "error:", err)
	}
	err = node.Read(ctx, func(v *state.View) error {
		fmt.Println("cluster:", v.ClusterID(), "roles:", v.Roles(self).List())
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// applied before: false error: <nil>
	// applied before: true error: <nil>
	// cluster: example roles: [admin node]
}
