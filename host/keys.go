package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/host/blob"
	"github.com/cerberus-host/cerberus/proofs/keyset"
	"github.com/cerberus-host/cerberus/proofs/opening"
)

const (
	// commitBlocksMax bounds the key sets that are committed: about 100 seconds of one core.
	commitBlocksMax = 8192
	// commitQueueMax bounds the key sets that wait; others are committed when a proof meets
	// them again.
	commitQueueMax = 256
	// commitSuffix ends the names of the files that hold commitments.
	commitSuffix = ".keycommitments"
)

// keyCommitter commits to the key sets that clients upload, one after the other on one core,
// so that whoever verifies proofs under them need not touch their polynomials. A proof that
// comes before its key set's commitments does without.
type keyCommitter struct {
	*core

	store *blob.Store
	setup opening.Prover
	// dir holds a file for each key set that was committed under this setup.
	dir  string
	wake chan struct{}
	made atomic.Int64

	mu sync.Mutex
	// queue are the key sets to commit, seen those that were in it since the start.
	queue []abi.Digest
	seen  map[abi.Digest]bool
}

// newKeyCommitter prepares the folder.
func newKeyCommitter(
	c *core, store *blob.Store, setup opening.Prover, dir string,
) (*keyCommitter, error) {
	k := &keyCommitter{
		core: c, store: store, setup: setup, wake: make(chan struct{}, 1),
		seen: make(map[abi.Digest]bool),
	}
	// Another setup's are of no use.
	k.dir = filepath.Join(dir, strings.TrimPrefix(setup.Verifier().Digest().String(), "sha256:"))
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for key commitments: %w", err)
	}
	return k, nil
}

// want asks for commitments to a key set that is in the store.
func (k *keyCommitter) want(d abi.Digest) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.seen[d] || len(k.queue) >= commitQueueMax {
		return
	}
	if len(k.seen) >= 16*commitQueueMax {
		clear(k.seen)
	}
	k.seen[d] = true
	k.queue = append(k.queue, d)
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// count is the number of key sets that were committed since the start.
func (k *keyCommitter) count() int64 {
	if k == nil {
		return 0
	}
	return k.made.Load()
}

func (k *keyCommitter) next() (d abi.Digest, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.queue) == 0 {
		return d, false
	}
	d, k.queue = k.queue[0], k.queue[1:]
	return d, true
}

// run commits until ctx ends.
func (k *keyCommitter) run(ctx context.Context) {
	for {
		d, ok := k.next()
		if !ok {
			select {
			case <-ctx.Done():
				return
			case <-k.wake:
			}
			continue
		}
		started := k.now()
		c, err := k.commit(ctx, d)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errNotCommitted):
			k.log.DebugContext(ctx, "a key set is not committed", "key_set", d, "cause", err)
		case err != nil:
			k.log.WarnContext(ctx, "a key set could not be committed", "key_set", d, "error", err)
		case c != nil:
			k.made.Add(1)
			k.log.InfoContext(ctx, "a key set was committed", "key_set", d, "commitments", c.Digest(),
				"seconds", k.now().Sub(started).Seconds(), "bytes", len(c.Bytes()))
		}
	}
}

// errNotCommitted is returned for key sets that nobody commits to.
var errNotCommitted = errors.New("key set is not for commitments")

// commit makes and keeps the commitments to a key set; nil if they are there. It never
// panics: a key set is anybody's bytes.
func (k *keyCommitter) commit(
	ctx context.Context, d abi.Digest,
) (checked *keyset.Checked, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("commit to keys: %v", cause)
		}
	}()
	if _, err := os.Stat(k.file(d)); err == nil {
		return nil, nil //nolint:nilnil // nothing to do is no error
	}
	keys, err := k.read(d)
	if err != nil {
		return nil, err
	}
	c, err := keyset.Commit(ctx, keys, d, k.setup, keyset.Options{Workers: 1})
	if err != nil {
		return nil, err
	}
	// What leaves this node is checked as a verifier would: memory and disks err, too.
	checked, err = c.Check(ctx, keys, d, k.setup.Verifier())
	if err != nil {
		return nil, err
	}
	return checked, writeFile(k.file(d), checked.Bytes())
}

// read loads a key set, unless it is larger than this node commits to.
func (k *keyCommitter) read(d abi.Digest) (*fhe.KeySet, error) {
	r, size, err := k.store.Open(d)
	if err != nil {
		return nil, fmt.Errorf("read key set: %w", err)
	}
	keys, err := readKeySet(r, size, k.setup.Verifier().Size())
	return keys, errors.Join(err, r.Close())
}

func readKeySet(r io.Reader, size int64, opening int) (*fhe.KeySet, error) {
	head := make([]byte, min(size, int64(fhe.KeySetPrefixMax)))
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, fmt.Errorf("read key set: %w", err)
	}
	name, err := fhe.KeySetParams(head)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotCommitted, err)
	}
	params, err := fhe.ParamsByName(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotCommitted, err)
	}
	// A blob of the right length has at most that many keys.
	most := commitBlocksMax / keyset.Blocks(params, 1, opening)
	if size > fhe.KeySetBytes(params, most) {
		return nil, fmt.Errorf("%w: %d bytes of %s, more than %d keys", errNotCommitted, size, name,
			most)
	}
	return fhe.ReadKeySet(io.MultiReader(strings.NewReader(string(head)), r), params)
}

// find returns the commitments to a key set, and nil if there are none yet, which are asked
// for then.
func (k *keyCommitter) find(p *fhe.Params, d abi.Digest) *keyset.Checked {
	data, err := os.ReadFile(k.file(d))
	if errors.Is(err, fs.ErrNotExist) {
		k.want(d)
		return nil
	}
	var c *keyset.Checked
	if err == nil {
		c, err = keyset.Restore(p, data)
	}
	if err == nil && (c.KeySet() != d || c.Setup() != k.setup.Verifier().Digest()) {
		err = keyset.ErrKeys
	}
	if err != nil {
		// Proofs do without them; they are made again after the next start.
		k.log.Warn("commitments to a key set are damaged", "key_set", d, "error",
			errors.Join(err, os.Remove(k.file(d))))
		return nil
	}
	return c
}

// tidy deletes commitments to key sets that the store has no longer.
func (k *keyCommitter) tidy() error {
	entries, err := os.ReadDir(k.dir)
	if err != nil {
		return fmt.Errorf("list key commitments: %w", err)
	}
	for _, e := range entries {
		word, ok := strings.CutSuffix(e.Name(), commitSuffix)
		d, parseErr := abi.ParseDigest("sha256:" + word)
		if ok && parseErr == nil {
			if _, held := k.store.Has(d); held {
				continue
			}
		}
		err = errors.Join(err, os.Remove(filepath.Join(k.dir, e.Name())))
	}
	return err
}

func (k *keyCommitter) file(d abi.Digest) string {
	return filepath.Join(k.dir, strings.TrimPrefix(d.String(), "sha256:")+commitSuffix)
}

// writeFile writes a whole file or none. A power failure may leave a damaged one, which its
// reader notices.
func writeFile(path string, data []byte) error {
	part := path + ".part"
	if err := os.WriteFile(part, data, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	if err := os.Rename(part, path); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}
