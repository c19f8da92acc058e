package learn

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
)

const fileMode = 0o644

// WriteJSON writes v, indented and with a final line feed, to a file.
func WriteJSON(file string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(file), err)
	}
	return WriteFile(file, append(b, '\n'))
}

// WriteFile writes a file that everybody may read.
func WriteFile(file string, b []byte) error {
	if err := os.WriteFile(file, b, fileMode); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(file), err)
	}
	return nil
}

// WriteModel writes the model's blob and, after checking it, the source of its manifest
// into dir; the manifest gets the blob's tensors.
func WriteModel(dir string, m *abi.Manifest, blob *Blob) error {
	const name = "model.bin"
	m.Manifest, m.ABI, m.Task = abi.ManifestVersion, abi.Version, "classify"
	m.Model = &abi.Model{File: name, Tensors: blob.Tensors}
	if err := m.Check(); err != nil {
		return err
	}
	if err := WriteFile(filepath.Join(dir, name), blob.Bytes); err != nil {
		return err
	}
	return WriteJSON(filepath.Join(dir, "manifest.json"), m)
}

const (
	scoresBegin = "<!-- scores: written by the training program -->"
	scoresEnd   = "<!-- end of scores -->"
)

// WriteScores replaces what stands between the two marks of a README by a table, so that
// no figure in it is typed by hand.
func WriteScores(file, table string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("write scores: %w", err)
	}
	before, rest, found := strings.Cut(string(b), scoresBegin)
	_, after, ended := strings.Cut(rest, scoresEnd)
	if !found || !ended {
		return fmt.Errorf("write scores: %s lacks the marks %q and %q", filepath.Base(file),
			scoresBegin, scoresEnd)
	}
	text := before + scoresBegin + "\n\n" + table + "\n" + scoresEnd + after
	return WriteFile(file, []byte(text))
}
