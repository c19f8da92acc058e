package client

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

const (
	// sourceFilesMax bounds how many files of a folder are looked at.
	sourceFilesMax = 4096
	// keySetBytesMax bounds a key set that is read from a store, a pack or a folder.
	keySetBytesMax = 1 << 30
)

// Source finds blobs by their digest: a pack, a folder, a store. It returns an error that
// wraps fs.ErrNotExist for a blob that it lacks, and never more than limit bytes. What it
// returns has that digest.
type Source func(d abi.Digest, limit int64) ([]byte, error)

// DirSource finds blobs among the files of a folder, not those of its subfolders: a file
// that is named by its digest in hex, or one that ends in .wasm, .model or .vk and has it.
func DirSource(dir string) Source {
	return func(d abi.Digest, limit int64) ([]byte, error) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, fmt.Errorf("look for %s: %w", d.Short(), err)
		}
		for _, e := range entries[:min(len(entries), sourceFilesMax)] {
			if e.Name() != hexName(d) && !isArtefact(e.Name()) {
				continue
			}
			data, err := readArtefact(filepath.Join(dir, e.Name()), limit)
			if err != nil {
				return nil, fmt.Errorf("look for %s: %w", d.Short(), err)
			}
			if data != nil && abi.SumDigest(data).Equal(d) {
				return data, nil
			}
		}
		return nil, fmt.Errorf("look for %s in %s: %w", d.Short(), dir, fs.ErrNotExist)
	}
}

// isArtefact reports whether a name ends as those of the files that a Brain's author and an
// operator hand out.
func isArtefact(name string) bool {
	switch filepath.Ext(name) {
	case ".wasm", ".model", ".vk":
		return true
	default:
		return false
	}
}

// readArtefact reads a regular file of at most limit bytes; nil for anything else.
func readArtefact(path string, limit int64) (_ []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() > limit {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil || int64(len(data)) > limit {
		return nil, err
	}
	return data, nil
}

// hexName is the name of the file that holds the blob of that digest.
func hexName(d abi.Digest) string { return strings.TrimPrefix(d.String(), "sha256:") }

// held finds a blob in the client's own store.
func (c *Client) held(d abi.Digest, limit int64) ([]byte, error) {
	data, err := c.store.Read(cacheName(d))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit || !abi.SumDigest(data).Equal(d) {
		return nil, fmt.Errorf("%s in the cache is damaged: %w", d.Short(), fs.ErrNotExist)
	}
	return data, nil
}

// find looks for a blob in the store first, then in sources, in their order.
func (c *Client) find(d abi.Digest, limit int64, sources []Source) ([]byte, error) {
	for _, s := range append([]Source{c.held}, sources...) {
		data, err := s(d, limit)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, err
		case int64(len(data)) <= limit && abi.SumDigest(data).Equal(d):
			return data, nil
		}
	}
	return nil, fmt.Errorf("%w: %s is neither in the client's store, nor beside the bundle, nor in a "+
		"--with folder", ErrMissing, d)
}

// findKeySet looks for an encoded key set, among those that this client made first.
func (c *Client) findKeySet(d abi.Digest, sources []Source) ([]byte, error) {
	files, err := c.store.List(keySetFolder)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		raw, err := c.store.Read(file)
		if err != nil {
			return nil, err
		}
		n := len(raw) - abi.DigestBytes
		if n <= 0 || string(raw[n:]) != string(d[:]) || !abi.SumDigest(raw[:n]).Equal(d) {
			continue
		}
		return raw[:n:n], nil
	}
	return c.find(d, keySetBytesMax, sources)
}

// inputBytesMax bounds the blob of one of a Plan's inputs.
func inputBytesMax(p *fhe.Params, in fhe.PlanInput) int64 {
	return fhe.CiphertextBytes(p, in.Packing, in.Length, in.Level, false)
}
