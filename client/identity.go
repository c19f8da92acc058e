package client

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/identity"
)

// identityFile is the client's signing key in the store.
const identityFile = "identity.key"

// loadIdentity reads the client's signing key, or makes it.
func (c *Client) loadIdentity() (*identity.Key, error) {
	raw, err := c.store.Read(identityFile)
	if errors.Is(err, fs.ErrNotExist) {
		raw, err = c.newIdentity()
	}
	if err != nil {
		return nil, err
	}
	key, err := identity.ParseKey(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrStore, identityFile, err)
	}
	return key, nil
}

// newIdentity makes the signing key, unless another process was faster, and returns the
// file's content.
func (c *Client) newIdentity() ([]byte, error) {
	key, err := identity.GenerateKey(c.rand)
	if err != nil {
		return nil, fmt.Errorf("make signing key: %w", err)
	}
	raw := key.Marshal()
	if err := c.store.Create(identityFile, raw); !errors.Is(err, fs.ErrExist) {
		return raw, err
	}
	return c.store.Read(identityFile)
}

// Sign signs a digest with the client's identity, as package identity does. What is signed
// must be a digest under a label of its own, never one that somebody else chose.
func (c *Client) Sign(digest abi.Digest) [identity.SignatureBytes]byte {
	return c.identity.Sign(digest)
}

// UseIdentity makes a store's client sign with this key; a store that has one already keeps
// it and is refused. A node in the same process registers Brains with its own key so.
func UseIdentity(store Store, key *identity.Key) error {
	err := store.Create(identityFile, key.Marshal())
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: the store has an identity already", ErrUsage)
	}
	return err
}
