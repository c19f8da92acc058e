package raftstore_test

import (
	"context"
	"errors"
	"fmt"
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
	if err == nil {
		err = bootstrapTwice(dir, abi.Address{1})
	}
	if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
		fmt.Println(err)
	}
	// Output:
	// applied before: false error: <nil>
	// applied before: true error: <nil>
	// cluster example, roles [admin node]
}

func bootstrapTwice(dir string, self abi.Address) (err error) {
	node, err := raftstore.Open(raftstore.Config{
		Dir: dir, NodeID: self, Now: time.Now,
		OnFatal: func(err error) { fmt.Println("must be restarted:", err) },
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	ctx := context.Background()
	if err := node.WaitReady(ctx); err != nil {
		return err
	}
	cmd, err := state.NewCommand(state.Request{
		Signer: self, Nonce: []byte("used only once!!"),
		ExpiryMS: time.Now().Add(time.Minute).UnixMilli(),
	}, &raftlogv1.Bootstrap{ClusterId: "example", Admin: self[:], Node: self[:]})
	if err != nil {
		return err
	}
	for range 2 {
		resp, err := node.Propose(ctx, cmd)
		fmt.Println("applied before:", resp.Replayed, "error:", err)
	}
	return node.Read(ctx, func(v *state.View) error {
		fmt.Printf("cluster %s, roles %v\n", v.ClusterID(), v.Roles(self).List())
		return nil
	})
}
