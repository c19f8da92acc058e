package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

//go:generate go run . -root ../..

func main() {
	root := flag.String("root", ".", "root of the repository")
	flag.Parse()
	if err := write(*root); err != nil {
		fmt.Fprintln(os.Stderr, "abigen:", err)
		os.Exit(1)
	}
}

// write writes every generated file below root.
func write(root string) error {
	files, err := generate(root)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(root, f.path), f.content, 0o644); err != nil {
			return fmt.Errorf("write generated file: %w", err)
		}
	}
	return nil
}

// file is one generated file; path is relative to the root of the repository.
type file struct {
	path    string
	content []byte
}

// generate makes every file. It reads the doc comments of package abi below root, since a
// comment is not there at run time, and nothing else.
func generate(root string) ([]file, error) {
	docs, err := constantDocs(filepath.Join(root, "abi"))
	if err != nil {
		return nil, err
	}
	rows, err := tableRows()
	if err != nil {
		return nil, err
	}
	var files []file
	for _, g := range []struct {
		path string
		make func([]row, map[string]string) ([]byte, error)
	}{
		{"sdk-wasm/go/host_gen.go", hostInterface},
		{"sdk-wasm/go/abi_gen.go", sdkConstants},
		{"sdk-wasm/go/imports_gen_wasip1.go", importStubs},
		{"docs/ABI.md", referencePage},
	} {
		content, err := g.make(rows, docs)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", g.path, err)
		}
		files = append(files, file{g.path, content})
	}
	return files, nil
}
