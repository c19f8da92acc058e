package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
)

// DefaultKey is the name of the key that is used, and made, when none is named.
const DefaultKey = "default"

const (
	secretFolder = "keys"
	keySetFolder = "keysets"
	secretSuffix = ".secret"
	// secretLabel separates the marks of secret keys from every other digest.
	secretLabel = "cerberus client secret mark v1"
)

// KeyInfo describes one secret key in the store.
type KeyInfo struct {
	Name   string `json:"name"`
	Params string `json:"params"`
	// KeySets counts the public key sets made from it so far.
	KeySets int `json:"key_sets"`
}

// keys is the key material for one Plan. It is not changed after it was made.
type keys struct {
	secret *lattigo.SecretKey
	// set is the encoded key set, nil when the Plan needs none.
	set    []byte
	digest abi.Digest
}

// keysFor returns the secret key of that name for the Plan's parameter set and the key set
// that the Plan needs, making what is missing.
func (c *Client) keysFor(ctx context.Context, name string, plan *fhe.Plan) (*keys, error) {
	c.keysMu.Lock()
	defer c.keysMu.Unlock()
	if c.keys == nil {
		return nil, ErrClosed
	}
	held := fmt.Sprintf("%s %s", name, keyList(plan))
	if k, ok := c.keys[held]; ok {
		return k, nil
	}
	secret, mark, err := c.secret(name, plan.Params)
	if err != nil {
		return nil, err
	}
	k := &keys{secret: secret}
	if plan.Relin || len(plan.Galois) > 0 {
		if err := c.keySet(ctx, k, keySetName(name, mark, plan), plan); err != nil {
			secret.Wipe()
			return nil, err
		}
	}
	c.keys[held] = k
	return k, nil
}

// wipeKeys overwrites and forgets the keys in memory. The caller holds keysMu.
func (c *Client) wipeKeys() {
	for _, k := range c.keys {
		k.secret.Wipe()
	}
	clear(c.keys)
}

// secret loads a secret key, or makes it. mark tells keys apart and does not reveal them.
func (c *Client) secret(
	name string, params *fhe.Params,
) (_ *lattigo.SecretKey, mark abi.Digest, err error) {
	file, err := secretName(name, params.Name())
	if err != nil {
		return nil, mark, err
	}
	raw, err := c.store.Read(file)
	if errors.Is(err, fs.ErrNotExist) {
		// Another process may be faster; then its key is the one.
		if err = c.newSecret(file, params); err == nil || errors.Is(err, fs.ErrExist) {
			raw, err = c.store.Read(file)
		}
	}
	if err != nil {
		return nil, mark, err
	}
	defer clear(raw)
	secret, err := lattigo.ParseSecret(params, raw)
	if err != nil {
		return nil, mark, fmt.Errorf("%w: %s: %w", ErrStore, file, err)
	}
	return secret, abi.LabelledDigest(secretLabel, raw), nil
}

// newSecret makes a secret key and stores it; an error wraps fs.ErrExist if there is one.
func (c *Client) newSecret(file string, params *fhe.Params) error {
	c.event(Event{Phase: "make secret key", Detail: params.Name()})
	secret, err := lattigo.GenerateSecret(params, c.rand)
	if err != nil {
		return fmt.Errorf("make secret key: %w", err)
	}
	defer secret.Wipe()
	raw := secret.Bytes()
	defer clear(raw)
	return c.store.Create(file, raw)
}

// keySet loads the key set that the Plan needs into k, or makes it. The file ends with the
// digest of what is before it; a damaged one is made again.
func (c *Client) keySet(ctx context.Context, k *keys, file string, plan *fhe.Plan) error {
	raw, err := c.store.Read(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if n := len(raw) - abi.DigestBytes; n > 0 {
		if d := abi.SumDigest(raw[:n]); bytes.Equal(d[:], raw[n:]) {
			k.set, k.digest = raw[:n:n], d
			return nil
		}
	}
	set, err := lattigo.GenerateKeys(ctx, k.secret, plan.Relin, plan.Galois, c.rand,
		func(done, total int) {
			c.event(Event{Phase: "make evaluation keys", Done: int64(done), Total: int64(total)})
		})
	if err != nil {
		return fmt.Errorf("make evaluation keys: %w", err)
	}
	var buf bytes.Buffer
	if err := fhe.WriteKeySet(&buf, set); err != nil {
		return fmt.Errorf("make evaluation keys: %w", err)
	}
	n := buf.Len()
	k.digest = abi.SumDigest(buf.Bytes())
	buf.Write(k.digest[:])
	k.set = buf.Bytes()[:n:n]
	return c.store.Write(file, buf.Bytes())
}

// keyList tells which keys a Plan needs.
func keyList(plan *fhe.Plan) string {
	return fmt.Sprintf("%s relin=%t galois=%v", plan.Params.Name(), plan.Relin, plan.Galois)
}

// keySetName binds a key set to the secret key, by its mark, and to the list of keys that
// it holds: a key that was replaced must not meet the sets of the one before.
func keySetName(name string, mark abi.Digest, plan *fhe.Plan) string {
	d := abi.LabelledDigest("cerberus client key list v1", []byte(keyList(plan)), mark[:])
	return path.Join(keySetFolder, name, plan.Params.Name()+"-"+d.Short())
}

func secretName(name, params string) (string, error) {
	for _, part := range []string{name, params} {
		if part == "" || len(part) > abi.NameBytesMax || strings.ContainsAny(part, `/\.: `) {
			return "", fmt.Errorf("%w: %.80q is no key name: use letters, digits, - and _",
				ErrUsage, part)
		}
	}
	return path.Join(secretFolder, name, params+secretSuffix), nil
}

// NewKey makes a secret key for a parameter set under a name that is not taken yet.
func (c *Client) NewKey(name, params string) error {
	p, err := c.params(params)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUsage, err)
	}
	file, err := secretName(name, params)
	if err != nil {
		return err
	}
	c.keysMu.Lock()
	defer c.keysMu.Unlock()
	if err := c.newSecret(file, p); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return fmt.Errorf("%w: key %s for %s is already there", ErrUsage, name, params)
}

// Keys lists the secret keys in the store.
func (c *Client) Keys() ([]KeyInfo, error) {
	files, err := c.store.List(secretFolder)
	if err != nil {
		return nil, err
	}
	sets, err := c.store.List(keySetFolder)
	if err != nil {
		return nil, err
	}
	var out []KeyInfo
	for _, f := range files {
		name, file := path.Split(strings.TrimPrefix(f, secretFolder+"/"))
		params, ok := strings.CutSuffix(file, secretSuffix)
		if !ok {
			continue
		}
		k := KeyInfo{Name: path.Clean(name), Params: params}
		prefix := path.Join(keySetFolder, k.Name, params+"-")
		for _, s := range sets {
			k.KeySets += count(strings.HasPrefix(s, prefix))
		}
		out = append(out, k)
	}
	return out, nil
}

// ExportKey returns the secret key's bytes, for a caller that encrypts them at once under
// a passphrase. The caller clears them.
func (c *Client) ExportKey(name, params string) ([]byte, error) {
	file, err := secretName(name, params)
	if err != nil {
		return nil, err
	}
	raw, err := c.store.Read(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: there is no key %s for %s: see `cerberus keys list`", ErrUsage,
			name, params)
	}
	return raw, err
}

// ImportKey stores the bytes of an exported secret key under a name that is not taken yet.
func (c *Client) ImportKey(name, params string, raw []byte) error {
	p, err := fhe.ParamsByName(params)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUsage, err)
	}
	secret, err := lattigo.ParseSecret(p, raw)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUsage, err)
	}
	secret.Wipe() // it was made to check raw only
	file, err := secretName(name, params)
	if err != nil {
		return err
	}
	c.keysMu.Lock()
	defer c.keysMu.Unlock()
	if err := c.store.Create(file, raw); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return fmt.Errorf("%w: key %s for %s is already there; remove it first", ErrUsage, name,
		params)
}

// RemoveKey deletes a secret key and the key sets made from it. Results that were encrypted
// under it can never be read again.
func (c *Client) RemoveKey(name, params string) error {
	file, err := secretName(name, params)
	if err != nil {
		return err
	}
	c.keysMu.Lock()
	defer c.keysMu.Unlock()
	raw, err := c.store.Read(file)
	clear(raw)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: there is no key %s for %s: see `cerberus keys list`", ErrUsage, name,
			params)
	}
	sets, err := c.store.List(path.Join(keySetFolder, name))
	if err != nil {
		return err
	}
	sets = slices.DeleteFunc(sets, func(s string) bool {
		return !strings.HasPrefix(path.Base(s), params+"-")
	})
	for _, f := range append(sets, file) {
		if err := c.store.Remove(f); err != nil {
			return err
		}
	}
	c.wipeKeys()
	return nil
}
