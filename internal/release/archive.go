package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"
)

// entry is one file of an archive.
type entry struct {
	name    string
	data    []byte
	program bool
}

// mode is the same for everyone, whatever the umask was.
func (e entry) mode() int64 {
	if e.program {
		return 0o755
	}
	return 0o644
}

func sorted(entries []entry) []entry {
	return slices.SortedFunc(slices.Values(entries), func(a, b entry) int {
		return cmp.Compare(a.name, b.name)
	})
}

// tarBytes returns a gzipped tar of the entries, sorted by name, without owners and
// with one time for all. The gzip header carries no name and no time.
func tarBytes(entries []entry, stamp time.Time) ([]byte, error) {
	var out bytes.Buffer
	compressor, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("tar: %w", err)
	}
	archive := tar.NewWriter(compressor)
	for _, e := range sorted(entries) {
		header := &tar.Header{
			Typeflag: tar.TypeReg,
			Name:     e.name,
			Size:     int64(len(e.data)),
			Mode:     e.mode(),
			ModTime:  stamp,
			Format:   tar.FormatUSTAR,
		}
		if err := archive.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("tar: %w", err)
		}
		if _, err := archive.Write(e.data); err != nil {
			return nil, fmt.Errorf("tar: %w", err)
		}
	}
	if err := archive.Close(); err != nil {
		return nil, fmt.Errorf("tar: %w", err)
	}
	if err := compressor.Close(); err != nil {
		return nil, fmt.Errorf("tar: %w", err)
	}
	return out.Bytes(), nil
}

// zipBytes returns a zip of the entries, sorted by name, with one time for all.
func zipBytes(entries []entry, stamp time.Time) ([]byte, error) {
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for _, e := range sorted(entries) {
		file, err := archive.CreateHeader(&zip.FileHeader{
			Name: e.name, Method: zip.Deflate, Modified: stamp.UTC(),
		})
		if err != nil {
			return nil, fmt.Errorf("zip: %w", err)
		}
		if _, err := file.Write(e.data); err != nil {
			return nil, fmt.Errorf("zip: %w", err)
		}
	}
	if err := archive.Close(); err != nil {
		return nil, fmt.Errorf("zip: %w", err)
	}
	return out.Bytes(), nil
}

// sumLine returns the line that `sha256sum -c` reads.
func sumLine(data []byte, name string) string {
	return fmt.Sprintf("%x  %s\n", sha256.Sum256(data), name)
}
