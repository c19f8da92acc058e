package client

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/host/runtime"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
)

// OpenOptions steer [Client.Open].
type OpenOptions struct {
	// AcceptNew accepts a cluster or module that differs from the one of first use.
	AcceptNew bool
	// Key names the secret key to use; empty means "default". It is made when missing.
	Key string
	// Attest says what requests do about attestations.
	Attest AttestMode
}

// Brain is one Brain at one module version, checked and ready to be asked. It is safe for
// concurrent use.
type Brain struct {
	client  *Client
	number  abi.BrainID
	name    string
	keyName string
	module  abi.Digest
	info    *cerberusv1.ModuleVersion
	attest  AttestMode
	cluster [clusterIDBytes]byte
	// setup is the digest of the setup that the cluster proves under; zero if it has none.
	setup abi.Digest

	manifest *abi.Manifest
	sandbox  *runtime.Module
	model    fhe.Model

	mu    sync.Mutex
	plans map[string]*derived
}

// Name returns the Brain's name in its cluster.
func (b *Brain) Name() string { return b.name }

// Module returns the digest of the module version in use.
func (b *Brain) Module() abi.Digest { return b.module }

// Manifest returns the module's manifest, which must not be changed.
func (b *Brain) Manifest() *abi.Manifest { return b.manifest }

// Open resolves a reference, "NAME", "NUMBER" or either with "@sha256:…", checks it
// against the pins, fetches module and model and checks their digests. The context bounds
// the call only.
func (c *Client) Open(ctx context.Context, ref string, opts OpenOptions) (*Brain, error) {
	name, pin, err := parseRef(ref)
	if err != nil {
		return nil, err
	}
	status, err := c.connect(ctx, opts.AcceptNew)
	if err != nil {
		return nil, err
	}
	if err := c.pinSetup(status.cluster, status.setup, opts.AcceptNew); err != nil {
		return nil, err
	}
	found, err := c.brains.GetBrain(ctx, brainKey(name))
	if err != nil {
		return nil, wrapRPC("find Brain "+name, err)
	}
	if err := sameBrain(name, found.GetBrain()); err != nil {
		return nil, err
	}
	info, err := selectVersion(found.GetBrain(), pin)
	if err != nil {
		return nil, err
	}
	digest, err := abi.DigestFromBytes(info.GetModuleDigest())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrVerification, err)
	}
	if pin == nil {
		if err := c.pinModule(status.cluster, name, digest, opts.AcceptNew); err != nil {
			return nil, err
		}
	}
	b := &Brain{
		client: c, number: abi.BrainID(found.GetBrain().GetNumber()),
		name: found.GetBrain().GetName(), keyName: opts.Key, module: digest, info: info,
		attest: opts.Attest, cluster: status.id, setup: status.setup,
		plans: make(map[string]*derived),
	}
	if b.keyName == "" {
		b.keyName = DefaultKey
	}
	if err := b.load(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

// load fetches module and model, from the cache where they are, and checks them.
func (b *Brain) load(ctx context.Context) error {
	module, err := b.client.cached(ctx, b.module, abi.ModuleBytesMax)
	if err != nil {
		return fmt.Errorf("fetch module: %w", err)
	}
	b.manifest, err = abi.ModuleManifest(module)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrVerification, err)
	}
	if b.manifest.Name != b.name {
		return fmt.Errorf("%w: Brain %s runs a module that calls itself %s", ErrVerification,
			clean(b.name), b.manifest.Name)
	}
	if _, err := b.client.params(b.manifest.Params); err != nil {
		return err
	}
	b.sandbox, err = b.client.sandbox.Load(ctx, module)
	if err != nil {
		return fmt.Errorf("%w: load module: %w", ErrRefused, err)
	}
	if b.manifest.Model == nil {
		return nil
	}
	model, err := b.client.cached(ctx, b.manifest.Model.Digest, b.manifest.Model.Bytes)
	if err != nil {
		return fmt.Errorf("fetch model: %w", err)
	}
	b.model = fhe.ReadModel(model)
	return nil
}

// params returns a parameter set that is fit to encrypt under. Neither a node nor a Brain's
// author may talk a client into a weak one.
func (c *Client) params(name string) (*fhe.Params, error) {
	p, err := fhe.ParamsByName(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if !p.Secure() && !c.insecure {
		return nil, fmt.Errorf("%w: parameter set %s does not reach 128-bit security", ErrRefused,
			name)
	}
	return p, nil
}

// cached returns a blob from the store's cache, or downloads and caches it. The digest is
// checked either way.
func (c *Client) cached(ctx context.Context, d abi.Digest, limit int64) ([]byte, error) {
	name := cacheName(d)
	if data, err := c.store.Read(name); err == nil && abi.SumDigest(data).Equal(d) {
		return data, nil
	}
	data, err := c.download(ctx, d, limit)
	if err != nil {
		return nil, err
	}
	return data, c.store.Write(name, data)
}

// cacheName is where the store keeps the blob of that digest.
func cacheName(d abi.Digest) string { return "cache/blobs/" + hexName(d) }

// parseRef splits "NAME@sha256:…"; the pin is nil if there is none.
func parseRef(ref string) (string, *abi.Digest, error) {
	name, pinText, pinned := strings.Cut(ref, "@")
	if !abi.ValidName(name) {
		return "", nil, fmt.Errorf("%w: %.80q is no name or number of a Brain", ErrUsage, name)
	}
	if n, err := strconv.ParseUint(name, 10, 64); err == nil && (n < 1 || n > abi.BrainsMax) {
		return "", nil, fmt.Errorf("%w: Brains are numbered 1 to %d", ErrUsage, abi.BrainsMax)
	}
	if !pinned {
		return name, nil, nil
	}
	pin, err := abi.ParseDigest(pinText)
	if err != nil {
		return "", nil, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	return name, &pin, nil
}

// sameBrain refuses an answer about another Brain than the one asked for.
func sameBrain(ref string, found *cerberusv1.Brain) error {
	n, err := strconv.ParseUint(ref, 10, 32)
	if err == nil && uint64(found.GetNumber()) == n || err != nil && found.GetName() == ref {
		return nil
	}
	return fmt.Errorf("%w: asked for Brain %s, the node tells of %d, %s", ErrVerification, ref,
		found.GetNumber(), clean(found.GetName()))
}

func brainKey(name string) *cerberusv1.GetBrainRequest {
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return &cerberusv1.GetBrainRequest{
			Key: &cerberusv1.GetBrainRequest_Number{Number: uint32(n)},
		}
	}
	return &cerberusv1.GetBrainRequest{Key: &cerberusv1.GetBrainRequest_Name{Name: name}}
}

// selectVersion returns the active version, and refuses a pin that is not the active one.
func selectVersion(brain *cerberusv1.Brain, pin *abi.Digest) (*cerberusv1.ModuleVersion, error) {
	active := brain.GetActiveModule()
	if len(active) == 0 {
		return nil, fmt.Errorf("%w: Brain %s has no active version", ErrRefused, clean(brain.GetName()))
	}
	for _, v := range brain.GetVersions() {
		if string(v.GetModuleDigest()) != string(active) {
			continue
		}
		if pin != nil && string(active) != string(pin[:]) {
			return nil, fmt.Errorf("%w: Brain %s runs sha256:%x, not the pinned %s", ErrRefused,
				clean(brain.GetName()), active, pin)
		}
		return v, nil
	}
	return nil, fmt.Errorf("%w: the node lists no version %x of Brain %s", ErrVerification,
		active, clean(brain.GetName()))
}
