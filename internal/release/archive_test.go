package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func samples() []entry {
	return []entry{
		{name: "x/cerberus", data: bytes.Repeat([]byte("binary"), 9000), program: true},
		{name: "x/LICENSE", data: []byte("terms")},
		{name: "x/README.md", data: nil},
	}
}

// reversed gives the same entries in another order.
func reversed() []entry {
	e := samples()
	e[0], e[2] = e[2], e[0]
	return e
}

func stampTime() time.Time { return time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC) }

func TestTar(t *testing.T) {
	data, err := tarBytes(samples(), stampTime())
	if err != nil {
		t.Fatal(err)
	}
	again, err := tarBytes(reversed(), stampTime().In(time.FixedZone("east", 3600)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, again) {
		t.Error("the order of the entries or the time zone changed the archive")
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewReader(unzipped)
	for _, want := range sorted(samples()) {
		header, err := archive.Next()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		if header.Name != want.name || !bytes.Equal(got, want.data) {
			t.Errorf("entry %s is not %s", header.Name, want.name)
		}
		if header.Mode != want.mode() || header.Uid != 0 || header.Uname != "" {
			t.Errorf("%s: mode %o, owner %d %q", want.name, header.Mode, header.Uid, header.Uname)
		}
		if !header.ModTime.Equal(stampTime()) {
			t.Errorf("%s: time %v", want.name, header.ModTime)
		}
	}
	if _, err := archive.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last entry: %v", err)
	}
}

func TestZip(t *testing.T) {
	data, err := zipBytes(samples(), stampTime())
	if err != nil {
		t.Fatal(err)
	}
	again, err := zipBytes(reversed(), stampTime().In(time.FixedZone("east", 3600)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, again) {
		t.Error("the order of the entries or the time zone changed the archive")
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	want := sorted(samples())
	if len(archive.File) != len(want) {
		t.Fatalf("%d entries, want %d", len(archive.File), len(want))
	}
	for i, f := range archive.File {
		reader, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name != want[i].name || !bytes.Equal(got, want[i].data) {
			t.Errorf("entry %s is not %s", f.Name, want[i].name)
		}
		if !f.Modified.Equal(stampTime()) {
			t.Errorf("%s: time %v", f.Name, f.Modified)
		}
	}
}

func TestNames(t *testing.T) {
	tests := []struct {
		platform        platform
		archive, binary string
	}{
		{platform{"linux", "arm64"}, "cerberus_0.1.0_linux_arm64.tar.gz", "cerberus"},
		{platform{"windows", "amd64"}, "cerberus_0.1.0_windows_amd64.zip", "cerberus.exe"},
	}
	for _, test := range tests {
		if got := test.platform.archiveName("v0.1.0"); got != test.archive {
			t.Errorf("archive is %s, want %s", got, test.archive)
		}
		if got := test.platform.binaryName(); got != test.binary {
			t.Errorf("binary is %s, want %s", got, test.binary)
		}
	}
}

func TestParseModules(t *testing.T) {
	modules, err := parseModules([]byte(`{}
		{"Module":{"Path":"github.com/cerberus-host/cerberus","Main":true}}
		{"Module":{"Path":"github.com/cerberus-host/cerberus/sdk-wasm/go"}}
		{"Module":{"Path":"b.org/y","Version":"v2.0.0","Dir":"d"}}
		{"Module":{"Path":"a.org/x","Version":"v1.0.0","Dir":"c"}}
		{"Module":{"Path":"b.org/y","Version":"v2.0.0","Dir":"d"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(modules) != 2 || modules[0].Path != "a.org/x" || modules[1].Path != "b.org/y" {
		t.Errorf("modules are %v", modules)
	}
	if _, err := parseModules([]byte(`{"Module":`)); err == nil {
		t.Error("half an answer of the go command was taken for a whole one")
	}
}

func TestLicences(t *testing.T) {
	folder := t.TempDir()
	m := module{Path: "a.org/x", Version: "v1.0.0", Dir: folder}
	var text bytes.Buffer
	if err := appendLicences(&text, m); !errors.Is(err, errNoLicence) {
		t.Fatalf("a module without a licence: %v", err)
	}
	write(t, folder, "LICENSE.txt", "the terms")
	write(t, folder, "license_checker.go", "package x")
	write(t, folder, "NOTICE", "the notice")
	if err := appendLicences(&text, m); err != nil {
		t.Fatal(err)
	}
	want := "==== a.org/x v1.0.0: LICENSE.txt ====\n\nthe terms\n" +
		"==== a.org/x v1.0.0: NOTICE ====\n\nthe notice\n"
	if text.String() != want {
		t.Errorf("licences are %q, want %q", text.String(), want)
	}
}

func write(t *testing.T, folder, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
