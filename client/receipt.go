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

const (
	receiptFolder   = "receipts"
	receiptBytesMax = 64 << 10
)

// NamedDigest is the digest of an input or output of a task.
type NamedDigest struct {
	Name   string     `json:"name"`
	Digest abi.Digest `json:"digest"`
}

// Receipt is what the client keeps of a task that it submitted: what it asked for, in its
// own words. A later verification holds an attestation against it.
type Receipt struct {
	// Task is the task's id in hex.
	Task    string     `json:"task"`
	Cluster string     `json:"cluster"`
	Brain   string     `json:"brain"`
	Module  abi.Digest `json:"module"`
	// Arguments are the public arguments, as abi.Args prints them.
	Arguments string        `json:"arguments"`
	Plan      abi.Digest    `json:"plan"`
	Inputs    []NamedDigest `json:"inputs"`
	// KeySet is zero if the Plan needs no keys.
	KeySet abi.Digest `json:"key_set"`
	// Setup is the setup that a proof was asked for under; zero if none was asked for.
	Setup abi.Digest `json:"setup"`
}

func receiptName(task string) string { return receiptFolder + "/" + task + ".json" }

// keepReceipt writes a task's receipt before its result is waited for.
func (c *Client) keepReceipt(r *Receipt) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write receipt: %w", err)
	}
	return c.store.Write(receiptName(r.Task), append(raw, '\n'))
}

// Receipt returns what the client kept of a task that it submitted. The error wraps
// fs.ErrNotExist for any other task, and [ErrStore] if the receipt is damaged.
func (c *Client) Receipt(id abi.TaskID) (*Receipt, error) {
	raw, err := c.store.Read(receiptName(id.String()))
	if err != nil {
		return nil, err
	}
	r := new(Receipt)
	dec := json.NewDecoder(io.LimitReader(bytes.NewReader(raw), receiptBytesMax))
	dec.DisallowUnknownFields()
	if err := dec.Decode(r); err != nil || r.Task != id.String() {
		return nil, errors.Join(fmt.Errorf("%w: the receipt of task %s is damaged", ErrStore, id), err)
	}
	return r, nil
}

// receiptIfAny is [Client.Receipt]; nil for a task of somebody else.
func (c *Client) receiptIfAny(id abi.TaskID) (*Receipt, error) {
	r, err := c.Receipt(id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // to have none is normal, and no error
	}
	return r, err
}
