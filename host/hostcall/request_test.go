package hostcall_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/hostcall"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

func TestParseRequestRefuses(t *testing.T) {
	for _, c := range []struct{ name, doc, field, text string }{
		{"empty", ``, "", "not JSON"},
		{"not an object", `[]`, "", "not a JSON object"},
		{"trailing", `{"mode":"plain","note":""} {}`, "", "not JSON"},
		{"broken", `{"mode":"plain","note":"}`, "", "not JSON"},
		{"not UTF-8", "{\"mode\":\"plain\",\"note\":\"\xff\"}", "", "UTF-8"},
		{"unknown field", `{"mode":"plain","note":"","secret":1}`, "secret", "not in the schema"},
		{"twice", `{"mode":"plain","note":"a","note":"b"}`, "note", "twice"},
		{"missing", `{"mode":"plain"}`, "note", "missing"},
		{"missing public", `{"note":""}`, "mode", "missing"},
		{"null", `{"mode":"plain","note":null}`, "note", "null"},
		{"array", `{"mode":"plain","note":["a"]}`, "note", "array"},
		{"number for text", `{"mode":"plain","note":7}`, "note", "wants a string"},
		{"text for number", `{"mode":"plain","note":"","n":"7"}`, "n", "wants a number"},
		{"object for number", `{"mode":"plain","note":"","n":{}}`, "n", "wants a number"},
		{"huge number", `{"mode":"plain","note":"","n":1e999}`, "n", "finite"},
		{"long text", `{"mode":"plain","note":"` + strings.Repeat("a", 65) + `"}`, "note", "65 bytes"},
		{"enum", `{"mode":"odd","note":""}`, "mode", "none of plain, other"},
		{"unknown key", `{"mode":"plain","note":"","f":{"c":1}}`, "f.c", "not in the schema"},
		{"key twice", `{"mode":"plain","note":"","f":{"a":1,"a":1}}`, "f.a", "twice"},
		{"nested", `{"mode":"plain","note":"","f":{"a":{}}}`, "f.a", "not a number"},
		{"null key", `{"mode":"plain","note":"","f":{"a":null}}`, "f.a", "not a number"},
		{"large", `{"note":"` + strings.Repeat("a", abi.RequestBytesMax) + `"}`, "", "bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := hostcall.ParseRequest(w.Manifest(), []byte(c.doc))
			var e *hostcall.RequestError
			if !errors.As(err, &e) || !errors.Is(err, abi.ErrRequest) {
				t.Fatalf("error %v, want a RequestError", err)
			}
			if e.Field != c.field || !strings.Contains(e.Problem, c.text) {
				t.Errorf("error %q of field %q, want %q of %q", e.Problem, e.Field, c.text, c.field)
			}
		})
	}
}

// TestErrorsDoNotQuoteValues: what a user typed into a field must not get into a message.
func TestErrorsDoNotQuoteValues(t *testing.T) {
	for _, doc := range []string{
		`{"mode":"canary","note":""}`, `{"mode":"plain","note":"","n":"canary"}`,
		`{"mode":"plain","note":["canary"]}`, `{"mode":"plain","note":"` +
			strings.Repeat("canary", 20) + `"}`,
	} {
		_, err := hostcall.ParseRequest(w.Manifest(), []byte(doc))
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("error %v", err)
		}
	}
}

func TestPublicArgsAreThePublicFieldsOnly(t *testing.T) {
	m := w.Manifest()
	req, err := hostcall.ParseRequest(m, []byte(
		` {"f": {"b": -2.5}, "n": 1e2, "note": "private", "mode": "other"} `))
	if err != nil {
		t.Fatal(err)
	}
	args, err := hostcall.PublicArgs(m, req)
	if err != nil || args.String() != "mode=other" {
		t.Errorf("public arguments %q, error %v", args, err)
	}
}

func TestPlainText(t *testing.T) {
	m := w.Manifest()
	m.Request = []abi.Field{
		{Name: "text", Type: abi.FieldText, MaxBytes: 20},
		{Name: "n", Type: abi.FieldNumber, Optional: true},
	}
	for doc, want := range map[string]string{
		"a fine film\n": "a fine film", "a fine film\r\n": "a fine film", "two\n\n": "two\n",
		"[1]": "[1]", `"quoted"`: `"quoted"`, "": "", ` {"text": "json"}`: "json",
	} {
		req, err := hostcall.ParseRequest(m, []byte(doc))
		if err != nil {
			t.Errorf("%q: %v", doc, err)
			continue
		}
		if got := encodeText(t, m, req); got != want {
			t.Errorf("%q was read as %q", doc, got)
		}
	}
	if _, err := hostcall.ParseRequest(m, []byte(strings.Repeat("a", 21))); err == nil {
		t.Error("a text beyond max_bytes is accepted")
	}
	// With a second field that must be there, text alone says too little.
	m.Request[1].Optional = false
	if _, err := hostcall.ParseRequest(m, []byte("a fine film")); err == nil {
		t.Error("plain text is accepted for two fields")
	}
}

// encodeText reads field "text" as a guest does.
func encodeText(t *testing.T, m *abi.Manifest, req *hostcall.Request) string {
	t.Helper()
	run, err := hostcall.NewEncode(abi.Digest{}, m, nil, req)
	if err != nil {
		t.Fatal(err)
	}
	g := newGuest(t, run)
	g.put(0, "text")
	n := g.call("request_text", 0, 4, 100, 50)
	if n < 0 || n > 50 {
		t.Fatalf("request_text: %d", n)
	}
	return string(g.memory[100 : 100+n])
}

func TestKeysBySelectsTheKeys(t *testing.T) {
	m := w.Manifest()
	m.Request[3].KeysBy = "mode"
	m.Request[3].Keys = map[string][]string{"plain": {"p"}, "other": {"o"}}
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
	for doc, ok := range map[string]bool{
		`{"f":{"p":1},"mode":"plain","note":""}`: true,
		`{"f":{"o":1},"mode":"plain","note":""}`: false,
		`{"f":{"o":1},"mode":"other","note":""}`: true,
	} {
		if _, err := hostcall.ParseRequest(m, []byte(doc)); (err == nil) != ok {
			t.Errorf("%s: %v", doc, err)
		}
	}
}

func FuzzParseRequest(f *testing.F) {
	for _, doc := range []string{
		`{"mode":"plain","note":"x","n":1.5,"f":{"a":1,"b":-2e-3}}`, `{"mode":{"a":1}}`, `x`, `{}`,
		`{"note":"\ud800","mode":"other"}`,
	} {
		f.Add([]byte(doc))
	}
	m := w.Manifest()
	f.Fuzz(func(t *testing.T, doc []byte) {
		req, err := hostcall.ParseRequest(m, doc)
		if err != nil {
			if !errors.Is(err, abi.ErrRequest) {
				t.Errorf("error %v", err)
			}
			return
		}
		args, err := hostcall.PublicArgs(m, req)
		if err != nil || !slices.ContainsFunc(m.Combinations(), args.Equal) {
			t.Errorf("public arguments %q, error %v", args, err)
		}
	})
}
