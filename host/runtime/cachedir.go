package runtime

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	goruntime "runtime"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/admit"
)

// cacheDir is the directory of one module's compiled code. The runtime guards its files
// with a 32-bit checksum only and believes the lengths in them, so a seal, the digest of
// every file, is compared before they are used. The seal finds damage, not malice: who can
// write here can run code in this process, hence the mode of the directory.
type cacheDir string

const (
	sealName         = "seal"
	sealBytesMax     = 128
	cachedBytesMax   = 256 << 20
	cacheDirMode     = 0o700
	cacheFileMode    = 0o600
	othersPermission = 0o077
)

// secureDir makes the directory, or checks that it is one that nobody else can use.
func secureDir(path string) error {
	if err := os.MkdirAll(path, cacheDirMode); err != nil {
		return fmt.Errorf("%w: %w", ErrCacheDir, err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCacheDir, err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%w: %s is not a directory", ErrCacheDir, path)
	}
	// Windows has other permissions than these bits tell.
	if goruntime.GOOS != "windows" && info.Mode().Perm()&othersPermission != 0 {
		return fmt.Errorf("%w: %s has mode %04o and holds native code: run chmod 700 on it",
			ErrCacheDir, path, info.Mode().Perm())
	}
	return nil
}

// moduleDir names a module's directory after all that its code depends on; the runtime adds
// its own version and the processor.
func moduleDir(root string, m *admit.Module) cacheDir {
	key := abi.LabelledDigest("cerberus/compiled/v1", m.Digest[:], []byte(admit.Rewriting),
		[]byte(abi.Version))
	return cacheDir(filepath.Join(root, key.String()[len("sha256:"):]))
}

// prepare leaves the directory empty, or sealed and unharmed.
func (d cacheDir) prepare() error {
	want, err := os.ReadFile(d.sealPath())
	if err == nil && len(want) <= sealBytesMax {
		if have, err := d.sum(); err == nil && have == string(want) {
			return nil
		}
	}
	d.discard()
	return os.Mkdir(string(d), cacheDirMode)
}

// seal writes the digest of the files. A failure leaves none, so the next load compiles.
func (d cacheDir) seal() {
	sum, err := d.sum()
	if err != nil {
		d.discard()
		return
	}
	if have, err := os.ReadFile(d.sealPath()); err == nil && string(have) == sum {
		return
	}
	temporary := d.sealPath() + ".tmp"
	if os.WriteFile(temporary, []byte(sum), cacheFileMode) != nil ||
		os.Rename(temporary, d.sealPath()) != nil {
		d.discard()
	}
}

func (d cacheDir) sealPath() string { return filepath.Join(string(d), sealName) }

// discard removes the directory; if that fails, the next prepare fails, too, and the
// module is compiled in memory.
func (d cacheDir) discard() { _ = os.RemoveAll(string(d)) }

var errNotPlain = errors.New("not a plain file, or too large")

// sum returns the digest of the paths and contents of all files but the seal.
func (d cacheDir) sum() (string, error) {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return "", fmt.Errorf("read compiled code: %w", err)
	}
	defer func() { _ = root.Close() }()
	files := root.FS()
	var parts [][]byte
	err = fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path == sealName {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() || info.Size() > cachedBytesMax {
			return errNotPlain
		}
		content, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		parts = append(parts, []byte(path), content)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("read compiled code: %w", err)
	}
	if len(parts) == 0 {
		return "", fmt.Errorf("read compiled code: %w", fs.ErrNotExist)
	}
	return abi.LabelledDigest("cerberus/compiled-files/v1", parts...).String(), nil
}
