package client

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/proofs/attest"
	"github.com/cerberus-host/cerberus/proofs/bundle"
	"github.com/cerberus-host/cerberus/proofs/keyset"
)

// commitmentsFolder holds key commitments that this client compared with their key sets.
const commitmentsFolder = "keycommitments"

// commitKeys completes materials with the key commitments that a statement names. Whoever
// made them, they are compared with the key set, once: what is in the client's folder was.
func (c *Client) commitKeys(
	ctx context.Context, m *bundle.Materials, st *attest.Statement, sources []Source,
) error {
	if st.KeyCommitments.IsZero() || st.KeySet != m.KeySet || m.Keys == nil {
		return nil // what is wrong then is said when the statement is checked
	}
	file := path.Join(commitmentsFolder, hexName(st.KeyCommitments))
	known, err := c.knownCommitments(file, m, st)
	if known != nil || err != nil {
		m.KeyCommitments = known
		return err
	}
	data, err := c.find(st.KeyCommitments, keyset.BytesMax, sources)
	if err != nil {
		return fmt.Errorf("find key commitments: %w", err)
	}
	c.event(Event{Phase: "check key commitments"})
	made, err := keyset.Parse(data)
	if err == nil {
		m.KeyCommitments, err = made.Check(ctx, m.Keys, m.KeySet, m.Setup)
	}
	switch {
	case err == nil:
		return c.store.Write(file, data)
	case ctx.Err() != nil:
		return fmt.Errorf("check key commitments: %w", ctx.Err())
	default:
		return fmt.Errorf("%w: %w: %w", ErrVerification, ErrAttestation, err)
	}
}

// knownCommitments returns commitments that were compared before, nil if there are none. A
// damaged file counts as none.
func (c *Client) knownCommitments(
	file string, m *bundle.Materials, st *attest.Statement,
) (*keyset.Checked, error) {
	data, err := c.store.Read(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // not known is no error
	}
	if err != nil {
		return nil, err
	}
	if !abi.SumDigest(data).Equal(st.KeyCommitments) {
		return nil, nil //nolint:nilnil // damaged
	}
	known, err := keyset.Restore(m.Keys.Params, data)
	if err != nil || known.KeySet() != m.KeySet || known.Setup() != m.Setup.Digest() {
		return nil, nil //nolint:nilerr,nilnil // not of this key set under this setup
	}
	return known, nil
}
