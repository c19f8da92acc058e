package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/cerberus-host/cerberus/abi"
)

// lockFile is the name of the pins in the store.
const lockFile = "brains.lock"

// Lock is what the client pinned at first use. It is stored as indented JSON, so that
// people can read and review it.
type Lock struct {
	// Clusters maps a node's address, as it was typed, to the cluster's id in hex.
	Clusters map[string]string `json:"clusters"`
	// Brains maps a cluster's id and a Brain's name or number as it was typed, joined by "/",
	// to the module digest.
	Brains map[string]abi.Digest `json:"brains"`
	// Setups maps a cluster's id to the digest of its proving setup. It tells a cluster that
	// changed its setup, or no longer proves; it is no trust in that setup.
	Setups map[string]abi.Digest `json:"setups,omitempty"`
}

func (c *Client) readLock() (*Lock, error) {
	b, err := c.store.Read(lockFile)
	if errors.Is(err, fs.ErrNotExist) {
		return &Lock{Clusters: map[string]string{}, Brains: map[string]abi.Digest{}}, nil
	}
	if err != nil {
		return nil, err
	}
	l := new(Lock)
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(l); err != nil {
		return nil, fmt.Errorf("%w: %s is damaged: %w; remove it to pin anew", ErrStore, lockFile, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: %s is damaged: something follows its end; remove it to pin anew",
			ErrStore, lockFile)
	}
	if l.Clusters == nil || l.Brains == nil {
		return nil, fmt.Errorf("%w: %s lacks a section; remove it to pin anew", ErrStore, lockFile)
	}
	return l, nil
}

func (c *Client) writeLock(l *Lock) error {
	b, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return fmt.Errorf("write pins: %w", err)
	}
	return c.store.Write(lockFile, append(b, '\n'))
}

// pinCluster checks the cluster's id against the one seen first at this node's address.
func (c *Client) pinCluster(id string, acceptNew bool) error {
	c.lockMu.Lock()
	defer c.lockMu.Unlock()
	l, err := c.readLock()
	if err != nil {
		return err
	}
	old, seen := l.Clusters[c.node]
	switch {
	case seen && old == id:
		return nil
	case seen && !acceptNew:
		return fmt.Errorf("%w: %w: the node at %s belongs to cluster %.16s…, not to %.16s… as "+
			"before; if you expected that, repeat with --accept-new",
			ErrRefused, ErrChanged, c.node, id, old)
	}
	l.Clusters[c.node] = id
	return c.writeLock(l)
}

// pinModule checks a Brain's module digest against the one of first use. ref is what the
// user typed: the pin must not depend on a name that the node chooses.
func (c *Client) pinModule(cluster, ref string, module abi.Digest, acceptNew bool) error {
	c.lockMu.Lock()
	defer c.lockMu.Unlock()
	l, err := c.readLock()
	if err != nil {
		return err
	}
	name := cluster + "/" + ref
	old, seen := l.Brains[name]
	switch {
	case seen && old.Equal(module):
		return nil
	case seen && !acceptNew:
		return fmt.Errorf("%w: %w: Brain %s now runs %s, not %s as at first use; look at the "+
			"change, then repeat with --accept-new, or pin a version with %s@sha256:…",
			ErrRefused, ErrChanged, ref, module, old, ref)
	}
	l.Brains[name] = module
	return c.writeLock(l)
}

// pinSetup checks the digest of a cluster's proving setup, zero if it has none, against the
// one of first use: a node must not talk a client out of attestations.
func (c *Client) pinSetup(cluster string, setup abi.Digest, acceptNew bool) error {
	c.lockMu.Lock()
	defer c.lockMu.Unlock()
	l, err := c.readLock()
	if err != nil {
		return err
	}
	old, seen := l.Setups[cluster]
	switch {
	case seen && old.Equal(setup), !seen && setup.IsZero():
		return nil
	case seen && !acceptNew && setup.IsZero():
		return fmt.Errorf("%w: %w: the cluster proved its results under setup %s and now has no "+
			"setup; if you expected that, repeat with --accept-new", ErrRefused, ErrChanged, old)
	case seen && !acceptNew:
		return fmt.Errorf("%w: %w: the cluster now proves under setup %s, not under %s as at first "+
			"use; if you expected that, repeat with --accept-new", ErrRefused, ErrChanged, setup, old)
	}
	if l.Setups == nil {
		l.Setups = make(map[string]abi.Digest)
	}
	l.Setups[cluster] = setup
	if setup.IsZero() {
		delete(l.Setups, cluster)
	}
	return c.writeLock(l)
}
