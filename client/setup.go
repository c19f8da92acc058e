package client

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/proofs/opening"
)

const (
	setupFolder = "setups"
	// pinSuffix marks a setup as trusted; setupSuffix is its verifying key, which may come
	// later and from anywhere, since the pin names its digest.
	pinSuffix   = ".pin"
	setupSuffix = ".vk"
	// SetupBytesMax bounds a setup's verifying key.
	SetupBytesMax = 8 << 20
)

// Setup is a proving setup that this client trusts.
type Setup struct {
	Digest abi.Digest `json:"digest"`
	// Kind is "development", "ceremony" or "transparent"; empty while the verifying key is
	// not at hand, which [Client.TrustSetupDigest] leaves for later.
	Kind string `json:"kind"`
	// Size is the number of elements of a committed vector; 0 while the key is not at hand.
	Size int `json:"size"`
}

// ReadSetup tells what a verifying key says about itself, and trusts nothing.
func ReadSetup(key []byte) (Setup, error) {
	v, err := readSetup(key)
	if err != nil {
		return Setup{}, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	return setupOf(v), nil
}

// TrustSetup pins the setup whose verifying key this is, and keeps the key. Whoever knows
// the secrets of a setup can forge attestations under it: trust a ceremony that you took
// part in or checked, or one whose digest you got from somebody who did.
func (c *Client) TrustSetup(key []byte) (Setup, error) {
	v, err := readSetup(key)
	if err != nil {
		return Setup{}, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	if err := c.keepSetup(v.Digest(), key); err != nil {
		return Setup{}, err
	}
	return setupOf(v), c.pinTrust(v.Digest())
}

// TrustSetupDigest pins a setup by its digest. Its verifying key is taken from the first
// node, pack or folder that has it.
func (c *Client) TrustSetupDigest(d abi.Digest) error { return c.pinTrust(d) }

// RemoveSetup ends the trust in a setup and forgets its verifying key.
func (c *Client) RemoveSetup(d abi.Digest) error {
	trusted, err := c.TrustsSetup(d)
	if err != nil {
		return err
	}
	if !trusted {
		return fmt.Errorf("%w: setup %s is not trusted: see `cerberus setup list`", ErrUsage, d)
	}
	return errors.Join(c.store.Remove(setupName(d, pinSuffix)),
		c.store.Remove(setupName(d, setupSuffix)))
}

// Setups lists the setups that are trusted, ordered by digest.
func (c *Client) Setups() ([]Setup, error) {
	files, err := c.store.List(setupFolder)
	if err != nil {
		return nil, err
	}
	var out []Setup
	for _, f := range files {
		name, ok := strings.CutSuffix(strings.TrimPrefix(f, setupFolder+"/"), pinSuffix)
		if !ok {
			continue
		}
		d, err := abi.ParseDigest("sha256:" + name)
		if err != nil {
			return nil, fmt.Errorf("%w: %s names no digest: remove it", ErrStore, f)
		}
		s := Setup{Digest: d}
		v, err := c.findSetup(d, nil)
		switch {
		case err == nil:
			s = setupOf(v)
		case !errors.Is(err, ErrMissing):
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// SetupKey returns the verifying key of a trusted setup, to hand it on.
func (c *Client) SetupKey(d abi.Digest) ([]byte, error) {
	raw, err := c.store.Read(setupName(d, setupSuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: the verifying key of setup %s is not in the store", ErrMissing, d)
	}
	return raw, err
}

// TrustsSetup reports whether a setup is trusted.
func (c *Client) TrustsSetup(d abi.Digest) (bool, error) {
	_, err := c.store.Read(setupName(d, pinSuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// trustedSetup returns the verifier of a setup, if this client trusts it and may use it.
func (c *Client) trustedSetup(d abi.Digest, sources []Source) (opening.Verifier, error) {
	trusted, err := c.TrustsSetup(d)
	if err != nil {
		return nil, err
	}
	if !trusted {
		return nil, fmt.Errorf("%w: %w: you do not trust setup %s; if somebody you trust told you "+
			"this digest, run `cerberus setup trust %s`", ErrVerification, ErrSetup, d, d)
	}
	v, err := c.findSetup(d, sources)
	if err != nil {
		return nil, err
	}
	return v, c.allowed(v)
}

// allowed refuses a development setup to a client that was not told to take one.
func (c *Client) allowed(v opening.Verifier) error {
	if v.Kind() != opening.SetupDevelopment || c.development {
		return nil
	}
	return fmt.Errorf("%w: %w: %s is a development setup: whoever made it can forge attestations; "+
		"to try things out, repeat with --allow-development-setup", ErrVerification, ErrSetup,
		v.Digest())
}

// findSetup looks for a verifying key in the store, then in sources; what a source had is
// kept if the setup is trusted.
func (c *Client) findSetup(d abi.Digest, sources []Source) (opening.Verifier, error) {
	own := func(abi.Digest, int64) ([]byte, error) {
		return c.store.Read(setupName(d, setupSuffix))
	}
	for i, s := range append([]Source{own}, sources...) {
		key, err := s(d, SetupBytesMax)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		v, err := readSetup(key)
		if err != nil || !v.Digest().Equal(d) {
			continue // damaged, or another one: the digest decides, not the place
		}
		if trusted, err := c.TrustsSetup(d); i > 0 && (trusted || err != nil) {
			return v, errors.Join(err, c.keepSetup(d, key))
		}
		return v, nil
	}
	return nil, fmt.Errorf("%w: the verifying key of setup %s is neither in the client's store, nor "+
		"beside the bundle, nor in a --with folder", ErrMissing, d)
}

func (c *Client) pinTrust(d abi.Digest) error {
	return c.store.Write(setupName(d, pinSuffix), []byte(d.String()+"\n"))
}

func (c *Client) keepSetup(d abi.Digest, key []byte) error {
	return c.store.Write(setupName(d, setupSuffix), key)
}

func setupName(d abi.Digest, suffix string) string {
	return setupFolder + "/" + hexName(d) + suffix
}

// readSetup reads a verifying key, all of it.
func readSetup(key []byte) (opening.Verifier, error) {
	v, err := opening.ParseVerifier(key)
	if err != nil {
		return nil, fmt.Errorf("read verifying key: %w", err)
	}
	return v, nil
}

func setupOf(v opening.Verifier) Setup {
	return Setup{Digest: v.Digest(), Kind: string(v.Kind()), Size: v.Size()}
}
