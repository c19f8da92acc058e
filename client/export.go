package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/proofs/attest"
	"github.com/cerberus-host/cerberus/proofs/keyset"
)

// Export fetches the bundle of a task that was proven. What a verification needs beside it
// is fetched into the store where it is not there yet; if full is set, it is in the pack
// too, with the setup's verifying key, so that the pack can be verified anywhere. Export
// does not verify: [Client.Verify] does.
func (c *Client) Export(ctx context.Context, id abi.TaskID, full bool) (*Pack, error) {
	task, err := c.Task(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := hasProof(task); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	raw, err := c.fetchBundle(ctx, task)
	if err != nil {
		return nil, err
	}
	b, err := parseBundle(raw)
	if err != nil {
		return nil, err
	}
	if b.Statement.Task != id {
		return nil, fmt.Errorf("%w: %w: asked for task %s, the bundle is about %x", ErrVerification,
			ErrAttestation, id, b.Statement.Task)
	}
	blobs, err := c.collect(ctx, b.Statement)
	if err != nil {
		return nil, err
	}
	p := &Pack{Bundle: raw}
	if !full {
		return p, nil
	}
	key, err := c.fetchSetup(ctx, b.Statement.Setup, SetupBytesMax)
	if err != nil {
		return nil, err
	}
	p.blobs = make(map[abi.Digest][]byte, len(blobs)+1)
	for _, data := range append(blobs, key) {
		p.blobs[abi.SumDigest(data)] = data
	}
	return p, nil
}

// collect returns what a statement names: module, model, inputs, key set and commitments to
// it, from the store or the node. They are in the store afterwards.
func (c *Client) collect(ctx context.Context, st *attest.Statement) ([][]byte, error) {
	module, err := c.cached(ctx, st.Module, abi.ModuleBytesMax)
	if err != nil {
		return nil, wrapRPC("fetch module", err)
	}
	m, err := abi.ModuleManifest(module)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrVerification, err)
	}
	blobs := [][]byte{module}
	if m.Model != nil {
		model, err := c.cached(ctx, m.Model.Digest, m.Model.Bytes)
		if err != nil {
			return nil, wrapRPC("fetch model", err)
		}
		blobs = append(blobs, model)
	}
	for _, in := range st.Inputs {
		data, err := c.cached(ctx, in.Digest, cipherBytesMax)
		if err != nil {
			return nil, wrapRPC("fetch input "+clean(in.Name), err)
		}
		blobs = append(blobs, data)
	}
	if st.KeySet.IsZero() {
		return blobs, nil
	}
	keySet, err := c.findKeySet(st.KeySet, nil)
	if errors.Is(err, ErrMissing) {
		keySet, err = c.cached(ctx, st.KeySet, keySetBytesMax)
	}
	if err != nil {
		return nil, wrapRPC("fetch key set", err)
	}
	blobs = append(blobs, keySet)
	if st.KeyCommitments.IsZero() {
		return blobs, nil
	}
	commitments, err := c.cached(ctx, st.KeyCommitments, keyset.BytesMax)
	if err != nil {
		return nil, wrapRPC("fetch key commitments", err)
	}
	return append(blobs, commitments), nil
}
