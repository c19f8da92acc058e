package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
)

func TestGeneratedFilesAreFresh(t *testing.T) {
	root := filepath.Join("..", "..")
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("nothing is generated")
	}
	for _, f := range files {
		have, err := os.ReadFile(filepath.Join(root, f.path))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, f.content) {
			t.Errorf("%s is out of date: run `go generate ./internal/abigen`", f.path)
		}
	}
}

func TestArgumentsRefusesUnknownShapes(t *testing.T) {
	for _, params := range [][]abi.Param{
		{{Name: "text_ptr", Type: abi.I32}},
		{{Name: "text_ptr", Type: abi.I32}, {Name: "size", Type: abi.I32}},
		{{Name: "text_ptr", Type: abi.I64}, {Name: "text_len", Type: abi.I32}},
	} {
		if _, err := arguments(abi.Function{Name: "f", Params: params}); !errors.Is(err, errShape) {
			t.Errorf("%v: error %v, want %v", params, err, errShape)
		}
	}
}

func TestDocsCoverEveryConstant(t *testing.T) {
	docs, err := constantDocs(filepath.Join("..", "..", "abi"))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range guestLimits() {
		if docs[l.name] == "" {
			t.Errorf("%s has no comment", l.name)
		}
	}
	for _, e := range abi.Errnos() {
		if docs["Errno"+camel(e.String())] == "" {
			t.Errorf("Errno%s has no comment", camel(e.String()))
		}
	}
}
