package client

import (
	"archive/tar"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
)

func packOf(bundle string, blobs ...string) *Pack {
	p := &Pack{Bundle: []byte(bundle), blobs: make(map[abi.Digest][]byte)}
	for _, b := range blobs {
		p.blobs[abi.SumDigest([]byte(b))] = []byte(b)
	}
	return p
}

func encodePack(tb testing.TB, p *Pack) []byte {
	tb.Helper()
	data, err := p.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// TestPackReturnsWhatWentIn: alone a bundle is its own file; with blobs the file is the same
// whatever order they were put in, and every blob is found by its digest.
func TestPackReturnsWhatWentIn(t *testing.T) {
	if got := encodePack(t, packOf("bundle")); string(got) != "bundle" {
		t.Errorf("%q", got)
	}
	data := encodePack(t, packOf("bundle", "one", "two", ""))
	if !bytes.Equal(data, encodePack(t, packOf("bundle", "", "two", "one"))) {
		t.Error("the order of the blobs is visible")
	}
	p, err := ParsePack(data)
	if err != nil || string(p.Bundle) != "bundle" || p.Len() != 3 {
		t.Fatalf("%+v, %v", p, err)
	}
	find := p.Source()
	if b, err := find(abi.SumDigest([]byte("two")), 3); err != nil || string(b) != "two" {
		t.Errorf("%q, %v", b, err)
	}
	for what, d := range map[string]abi.Digest{
		"a blob that is not there": abi.SumDigest([]byte("x")),
		"one that is too long":     abi.SumDigest([]byte("two")),
	} {
		if _, err := find(d, 2); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// entries makes an archive of names and contents, in pairs.
func entries(tb testing.TB, change func(*tar.Header), pairs ...string) []byte {
	tb.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for i := 0; i < len(pairs); i += 2 {
		h := &tar.Header{
			Typeflag: tar.TypeReg, Name: pairs[i], Size: int64(len(pairs[i+1])), Format: tar.FormatUSTAR,
		}
		if change != nil {
			change(h)
		}
		if err := w.WriteHeader(h); err != nil {
			tb.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(pairs[i+1])); err != nil {
				tb.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

func TestPackRefuses(t *testing.T) {
	one := hexName(abi.SumDigest([]byte("one")))
	whole := entries(t, nil, packBundle, "b", one, "one")
	if _, err := ParsePack(whole); err != nil {
		t.Fatal(err)
	}
	many := []string{packBundle, "b"}
	for range packEntriesMax {
		many = append(many, one, "one")
	}
	link := func(h *tar.Header) {
		if h.Name != packBundle {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, "/etc/passwd", 0
		}
	}
	for name, data := range map[string][]byte{
		"no bundle first":   entries(t, nil, one, "one", packBundle, "b"),
		"two bundles":       entries(t, nil, packBundle, "b", packBundle, "b"),
		"a blob twice":      entries(t, nil, packBundle, "b", one, "one", one, "one"),
		"another blob":      entries(t, nil, packBundle, "b", one, "two"),
		"a path":            entries(t, nil, packBundle, "b", "../"+one, "one"),
		"a link":            entries(t, link, packBundle, "b", one, ""),
		"too many":          entries(t, nil, many...),
		"cut in a blob":     whole[:len(whole)-2048-100],
		"cut in the header": whole[:300],
		"cut at the end":    whole[:len(whole)-512],
		"padded":            append(bytes.Clone(whole), make([]byte, 512)...),
	} {
		if _, err := ParsePack(data); !errors.Is(err, ErrVerification) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzPack: whatever the bytes, there is no panic, and what is read has the digests that
// name it.
func FuzzPack(f *testing.F) {
	f.Add([]byte("bundle"))
	f.Add(encodePack(f, packOf("bundle", "one", "two")))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParsePack(data)
		if err != nil {
			return
		}
		for d, b := range p.blobs {
			if !abi.SumDigest(b).Equal(d) {
				t.Errorf("%s holds %q", d, b)
			}
		}
		again, err := ParsePack(encodePack(t, p))
		if len(p.blobs) > 0 && (err != nil || !bytes.Equal(again.Bundle, p.Bundle)) {
			t.Errorf("%v", err)
		}
	})
}

// TestDirSource: blobs are found by their digests, whatever the file that should hold them
// says; other files are not opened.
func TestDirSource(t *testing.T) {
	dir := t.TempDir()
	put := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	digest := func(s string) abi.Digest { return abi.SumDigest([]byte(s)) }
	put("module.wasm", "module")
	put("other.wasm", "other")
	put("setup.vk", "setup")
	put(hexName(digest("input")), "input")
	put(hexName(digest("lost")), "something else")
	put("letter.txt", "letter")
	if err := os.Mkdir(filepath.Join(dir, "folder.model"), 0o700); err != nil {
		t.Fatal(err)
	}
	find := DirSource(dir)
	for _, s := range []string{"module", "other", "setup", "input"} {
		if b, err := find(digest(s), 6); err != nil || string(b) != s {
			t.Errorf("%s: %q, %v", s, b, err)
		}
	}
	for _, s := range []string{"lost", "letter", "nothing"} {
		if b, err := find(digest(s), 100); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %q, %v", s, b, err)
		}
	}
	if _, err := find(digest("module"), 5); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("over the limit: %v", err)
	}
	if _, err := DirSource(filepath.Join(dir, "none"))(digest("module"), 6); err == nil {
		t.Error("a folder that is not there has blobs")
	}
}

// TestReceipts: a receipt comes back as it was kept, and a damaged one is no receipt.
func TestReceipts(t *testing.T) {
	c := pinner()
	want := &Receipt{
		Task: abi.TaskID{1}.String(), Cluster: clusterA, Brain: "exam",
		Module:    abi.SumDigest([]byte("m")),
		Arguments: "exam=sum", Plan: abi.SumDigest([]byte("p")),
		Inputs: []NamedDigest{{"x", abi.SumDigest([]byte("x"))}}, KeySet: abi.SumDigest([]byte("k")),
	}
	if err := c.keepReceipt(want); err != nil {
		t.Fatal(err)
	}
	got, err := c.Receipt(abi.TaskID{1})
	if err != nil || got.Inputs[0] != want.Inputs[0] || got.Plan != want.Plan ||
		got.Arguments != want.Arguments || got.Setup != want.Setup {
		t.Errorf("%+v, %v", got, err)
	}
	if r, err := c.receiptIfAny(abi.TaskID{2}); r != nil || err != nil {
		t.Errorf("a task of somebody else: %+v, %v", r, err)
	}
	for name, text := range map[string]string{
		"empty": "", "another task": strings.Repeat(" ", 3) + "{}", "unknown field": `{"x":1}`,
	} {
		if err := c.store.Write(receiptName(want.Task), []byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.receiptIfAny(abi.TaskID{1}); !errors.Is(err, ErrStore) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
