package runtime

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
)

// native is a file of native code, by its path in a directory of the compiler's cache.
type native struct {
	path    string // as nativePattern
	content []byte
}

const (
	// nativePattern is what the compiler calls its files: by its version and the platform,
	// then by a digest.
	nativePattern = "wazero-*/*"
	// nativeBytesMax bounds such a file.
	nativeBytesMax = 256 << 20
)

var (
	errNotPlain = errors.New("not a plain file, or too large")
	errNative   = errors.New("what the compiler left is not native code of the module")
)

// collect reads the one file that a compiler has left. What is there may be anything: links
// are not followed out of the directory, and nothing but a plain file is opened.
func collect(dir string) (*native, error) {
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%w: its directory is gone", errNative)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open compiled code: %w", err)
	}
	defer func() { _ = root.Close() }()
	files := root.FS()
	folder, err := onlyEntry(files, ".")
	if err != nil {
		return nil, err
	}
	if !folder.IsDir() {
		return nil, fmt.Errorf("%w: there is a file instead of a folder", errNative)
	}
	file, err := onlyEntry(files, folder.Name())
	if err != nil {
		return nil, err
	}
	n := &native{path: path.Join(folder.Name(), file.Name())}
	if ok, err := path.Match(nativePattern, n.path); err != nil || !ok {
		return nil, fmt.Errorf("%w: its name is not", errNative)
	}
	n.content, err = readPlain(files, n.path)
	return n, err
}

// onlyEntry returns the entry of a folder that has no other.
func onlyEntry(files fs.FS, folder string) (fs.DirEntry, error) {
	f, err := files.Open(folder)
	if err != nil {
		return nil, fmt.Errorf("read compiled code: %w", err)
	}
	defer func() { _ = f.Close() }()
	list, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil, errNotPlain
	}
	entries, err := list.ReadDir(2)
	if err != nil || len(entries) != 1 {
		return nil, fmt.Errorf("%w: there is not one file", errNative)
	}
	return entries[0], nil
}

// readPlain reads a plain file of bounded size; anything else it does not open.
func readPlain(files fs.FS, name string) ([]byte, error) {
	info, err := fs.Lstat(files, name)
	if err != nil {
		return nil, fmt.Errorf("read compiled code: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > nativeBytesMax {
		return nil, errNotPlain
	}
	content, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, fmt.Errorf("read compiled code: %w", err)
	}
	return content, nil
}

// nativeMagic begins every file of native code.
const nativeMagic = "WAZEVO"

// check compares the frame of the file with the code that it was compiled from. The runtime
// believes every number in it and allocates what it claims. In the file stand, in order:
//
//	magic | length and text of the version | functions | their offsets | bytes of native code |
//	native code | checksum | 0: no source map | 0: no exception handlers
//
// The checksum is left to the runtime. Whether the native code does what the module says
// cannot be seen here, so the file must come from our own compiler.
func (n *native) check(code []byte) error {
	functions, err := functionCount(code)
	if err != nil {
		return err
	}
	rest, ok := n.content, len(n.content) > len(nativeMagic) &&
		string(n.content[:len(nativeMagic)]) == nativeMagic
	if !ok {
		return fmt.Errorf("%w: its first bytes are not", errNative)
	}
	rest = rest[len(nativeMagic):]
	version := 1 + int(rest[0])
	if len(rest) < version+4 || uint64(binary.LittleEndian.Uint32(rest[version:])) != functions {
		return fmt.Errorf("%w: it has another number of functions", errNative)
	}
	rest = rest[version+4:]
	if uint64(len(rest)) < 8*(functions+1) {
		return fmt.Errorf("%w: it is cut short", errNative)
	}
	offsets, rest := rest[:8*functions], rest[8*functions:]
	const tailBytes = 4 + 1 + 4
	bytes, rest := binary.LittleEndian.Uint64(rest), rest[8:]
	if uint64(len(rest)) < tailBytes || bytes != uint64(len(rest)-tailBytes) {
		return fmt.Errorf("%w: it has another length than it says", errNative)
	}
	for last := uint64(0); len(offsets) > 0; offsets = offsets[8:] {
		offset := binary.LittleEndian.Uint64(offsets)
		if offset < last || offset >= bytes {
			return fmt.Errorf("%w: a function lies outside", errNative)
		}
		last = offset
	}
	if tail := rest[bytes+4:]; string(tail) != "\x00\x00\x00\x00\x00" {
		return fmt.Errorf("%w: it has parts that no module here has", errNative)
	}
	return nil
}

// functionCount returns the number of functions that a module defines.
func functionCount(code []byte) (uint64, error) {
	const headerBytes, functionSection = 8, 3
	rest := code[min(headerBytes, len(code)):]
	for len(rest) > 0 {
		id := rest[0]
		size, n := binary.Uvarint(rest[1:])
		if n <= 0 || size > uint64(len(rest)-1-n) {
			break
		}
		payload := rest[1+n:]
		if id == functionSection {
			count, n := binary.Uvarint(payload[:size])
			if n <= 0 || count > size {
				break
			}
			return count, nil
		}
		rest = payload[size:]
	}
	return 0, fmt.Errorf("%w: the module has no functions", errNative)
}
