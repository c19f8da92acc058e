package runtime

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	goruntime "runtime"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/admit"
	"github.com/cerberus-host/cerberus/host/admit/meter"
)

// cacheDir is the directory of one module's compiled code. The runtime guards its files
// with a 32-bit checksum only and believes the lengths in them, so a seal, the digest of
// every file, is compared before they are used. The seal finds damage, not malice: who can
// write here can run code in this process, hence the mode of the directory.
type cacheDir string

const (
	sealName         = "seal"
	sealBytesMax     = 128
	cacheDirMode     = 0o700
	cacheFileMode    = 0o600
	othersPermission = 0o077
	// stagePattern names directories in which code is made, before it is moved to its place.
	stagePattern = "compiling-*"
	// stageLife is how old such a directory is before it counts as left by a process that was
	// killed: no compilation takes a part of it.
	stageLife = time.Hour
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

// moduleDir names a module's directory after its code and all that was put into it; the
// runtime adds its own version and the processor.
func moduleDir(root string, m *admit.Module) cacheDir {
	costs := meter.CostDigest()
	key := abi.LabelledDigest("cerberus/compiled/v2", m.Digest[:], m.Code,
		[]byte(admit.Rewriting), costs[:], []byte(abi.Version))
	return cacheDir(filepath.Join(root, key.String()[len("sha256:"):]))
}

// newStage makes a directory that nobody else can use, under root or, if there is none,
// where the system keeps temporary files. It must be discarded.
func newStage(root string) (cacheDir, error) {
	dir, err := os.MkdirTemp(root, stagePattern)
	if err != nil {
		return "", fmt.Errorf("make directory for compiled code: %w", err)
	}
	if root != "" {
		sweepStages(root, dir)
	}
	return cacheDir(dir), nil
}

// sweepStages deletes what killed processes left under root. The new directory's time serves
// as the clock. What cannot be deleted is left: it costs space only.
func sweepStages(root, made string) {
	now, err := os.Stat(made)
	if err != nil {
		return
	}
	stages, _ := filepath.Glob(filepath.Join(root, stagePattern)) // the pattern is well-formed
	for _, dir := range stages {
		info, err := os.Lstat(dir)
		if err == nil && now.ModTime().Sub(info.ModTime()) > stageLife {
			_ = os.RemoveAll(dir)
		}
	}
}

// sub makes a directory inside and returns it.
func (d cacheDir) sub(name string) (cacheDir, error) {
	path := filepath.Join(string(d), name)
	if err := os.Mkdir(path, cacheDirMode); err != nil {
		return "", fmt.Errorf("make directory for compiled code: %w", err)
	}
	return cacheDir(path), nil
}

// put writes a file of native code.
func (d cacheDir) put(n *native) error {
	name := filepath.Join(string(d), filepath.FromSlash(n.path))
	err := os.Mkdir(filepath.Dir(name), cacheDirMode)
	if err == nil {
		err = os.WriteFile(name, n.content, cacheFileMode)
	}
	if err != nil {
		return fmt.Errorf("write compiled code: %w", err)
	}
	return nil
}

// intact reports whether the directory is sealed and unharmed.
func (d cacheDir) intact() bool {
	info, err := os.Lstat(d.sealPath())
	if err != nil || !info.Mode().IsRegular() || info.Size() > sealBytesMax {
		return false
	}
	want, err := os.ReadFile(d.sealPath())
	if err != nil {
		return false
	}
	have, err := d.sum()
	return err == nil && have == string(want)
}

// moveTo seals the directory and makes it the one of that name. If that fails, because of
// the disk or because another process was faster, the next load compiles or finds theirs.
func (d cacheDir) moveTo(to cacheDir) {
	sum, err := d.sum()
	if err != nil || os.WriteFile(d.sealPath(), []byte(sum), cacheFileMode) != nil {
		return
	}
	_ = os.Rename(string(d), string(to))
}

func (d cacheDir) sealPath() string { return filepath.Join(string(d), sealName) }

// discard removes the directory. If that fails, so does every attempt to replace it, and
// the module is compiled anew each time.
func (d cacheDir) discard() { _ = os.RemoveAll(string(d)) }

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
		content, err := readPlain(files, path)
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
