package attest_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/identity"
	"github.com/cerberus-host/cerberus/proofs/attest"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// vector is one text with what an implementation must make of it.
type vector struct {
	Name string `json:"name"`
	// Kind is statement or verdict.
	Kind  string `json:"kind"`
	Text  string `json:"text"`
	Valid bool   `json:"valid"`
	// The rest is of valid texts only. A verdict has no Digest but the one that is signed.
	Digest        string `json:"digest,omitempty"`
	SigningDigest string `json:"signing_digest,omitempty"`
	Signature     string `json:"signature,omitempty"`
	Signer        string `json:"signer,omitempty"`
}

// testKey is a key that is the same in every run.
func testKey(t testing.TB, b byte) *identity.Key {
	t.Helper()
	k, err := identity.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{b, 7, 9}, 400)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func digestOf(s string) abi.Digest { return abi.SumDigest([]byte(s)) }

func sampleStatement(t testing.TB) *attest.Statement {
	t.Helper()
	args, err := abi.NewArgs([]abi.Arg{
		{Name: "panel", Value: "blood count"}, {Name: "age", Value: "adult"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &attest.Statement{
		Protocol: attest.ProtocolVersion, Gnark: attest.GnarkVersion, ABI: abi.Version,
		Squeezer: attest.SqueezerVersion, Params: "ckks-13", Setup: digestOf("setup"),
		Module: digestOf("module"), Export: "infer", Args: args, Program: digestOf("program"),
		Plan: digestOf("plan"), KeySet: digestOf("keys"),
		KeyCommitments: digestOf("commitments"),
		Inputs: []attest.NamedDigest{
			{Name: "features", Digest: digestOf("in 0")},
			{Name: "more of them", Digest: digestOf("in 1")},
		},
		Outputs: []attest.NamedDigest{{Name: "score", Digest: digestOf("out 0")}},
		Task:    digestOf("task"), Client: testKey(t, 1).Address(), Node: testKey(t, 2).Address(),
		Signed: attest.SignedOnly{
			Engine: "lattigo", Build: "v1.2.3+abc", Gas: 31_415_926, Steps: 4711,
			ExecuteMicros: 12345, ProveMicros: 987654321,
		},
	}
}

func sampleVerdict(t testing.TB) *attest.Verdict {
	t.Helper()
	return &attest.Verdict{
		Task: digestOf("task"), Statement: sampleStatement(t).Digest(), Bundle: digestOf("bundle"),
		Validator: testKey(t, 3).Address(), Reason: "proof",
	}
}

// statementTexts are valid texts and, for each rule, one that breaks it alone.
func statementTexts(t testing.TB) (valid, invalid map[string]string) {
	t.Helper()
	full := sampleStatement(t)
	least := sampleStatement(t)
	least.Args, least.KeySet, least.Inputs = nil, abi.Digest{}, least.Inputs[:1]
	least.KeyCommitments = abi.Digest{}
	least.Signed = attest.SignedOnly{Engine: "lattigo", Build: "dev"}
	valid = map[string]string{"full": string(full.Bytes()), "least": string(least.Bytes())}
	text := valid["full"]
	edit := func(old, with string) string {
		if !strings.Contains(text, old) {
			t.Fatalf("the sample has no %q", old)
		}
		return strings.Replace(text, old, with, 1)
	}
	zero := abi.Digest{}.String()
	plan, task := digestOf("plan").String(), abi.TaskID(digestOf("task")).String()
	args := []string{"arg age=adult\n", "arg panel=blood count\n"}
	bound, _, _ := strings.Cut(text, "signed\n")
	input := "input " + digestOf("in 0").String() + " features\n"
	invalid = map[string]string{
		"empty":              "",
		"another header":     edit("statement 1", "statement 2"),
		"no last newline":    strings.TrimSuffix(text, "\n"),
		"a line more":        text + "more 1\n",
		"an empty line more": text + "\n",
		"carriage returns":   strings.ReplaceAll(text, "\n", "\r\n"),
		"fields swapped": edit("gnark v0.16.1\nabi cerberus/v1\n",
			"abi cerberus/v1\ngnark v0.16.1\n"),
		"a field missing":       edit("params ckks-13\n", ""),
		"a field twice":         edit("params ckks-13\n", "params ckks-13\nparams ckks-13\n"),
		"a version with spaces": edit("ckks-13", "ckks 13"),
		"two spaces":            edit("params ", "params  "),
		"a long version":        edit("ckks-13", strings.Repeat("x", attest.VersionBytesMax+1)),
		"upper-case digest":     edit(plan, strings.ToUpper(plan)),
		"no setup":              edit(digestOf("setup").String(), zero),
		"key set of zeroes":     edit(digestOf("keys").String(), zero),
		"no keys, other word":   edit(digestOf("keys").String(), "None"),
		"commitments of zeroes": edit(digestOf("commitments").String(), zero),
		"commitments to none":   edit("keyset "+digestOf("keys").String(), "keyset none"),
		"short digest":          edit(plan, plan[:70]),
		"arguments unsorted":    edit(args[0]+args[1], args[1]+args[0]),
		"an argument twice":     edit(args[0], args[0]+args[0]),
		"an argument of one":    edit("age=adult", "age"),
		"an argument's value":   edit("age=adult", "age=a/b"),
		"too many arguments":    edit(args[0], strings.Repeat(args[0], attest.ArgsMax+1)),
		"an input twice":        edit(input, input+input),
		"no outputs":            edit("output "+digestOf("out 0").String()+" score\n", ""),
		"an input without name": edit(" features", ""),
		"an input's bad name":   edit("features", " features"),
		"too many inputs":       edit(input, strings.Repeat(input, abi.InputsMax+1)),
		"upper-case address":    edit("client 0x", "client 0X"),
		"zero address": edit("node "+testKey(t, 2).Address().String(),
			"node "+abi.Address{}.String()),
		"zero task":        edit(task, strings.Repeat("0", 64)),
		"upper-case task":  edit(task, strings.ToUpper(task)),
		"leading zero":     edit("steps 4711", "steps 04711"),
		"plus sign":        edit("steps 4711", "steps +4711"),
		"negative":         edit("execute_us 12345", "execute_us -1"),
		"out of range":     edit("prove_us 987654321", "prove_us 9223372036854775808"),
		"a byte above 126": edit("engine lattigo", "engine lattig\u00f6"),
		"a zero byte":      edit("engine lattigo", "engine lattigo\x00"),
		"signed part gone": bound,
	}
	return valid, invalid
}

func verdictTexts(t testing.TB) (valid, invalid map[string]string) {
	t.Helper()
	no := sampleVerdict(t)
	yes := sampleVerdict(t)
	yes.Accepted, yes.Reason = true, ""
	valid = map[string]string{"rejected": string(no.Bytes()), "accepted": string(yes.Bytes())}
	text := valid["rejected"]
	edit := func(old, with string) string {
		if !strings.Contains(text, old) {
			t.Fatalf("the sample has no %q", old)
		}
		return strings.Replace(text, old, with, 1)
	}
	invalid = map[string]string{
		"verdict: empty":                "",
		"verdict: another header":       edit("verdict 1", "verdict 2"),
		"verdict: a line more":          text + "more 1\n",
		"verdict: no reason":            edit("rejected proof", "rejected"),
		"verdict: empty reason":         edit("rejected proof", "rejected "),
		"verdict: accepted for reasons": edit("rejected proof", "accepted proof"),
		"verdict: accepted and a space": edit("rejected proof", "accepted "),
		"verdict: another outcome":      edit("rejected proof", "unsure proof"),
		"verdict: a phrase":             edit("rejected proof", "rejected bad proof"),
		"verdict: upper-case reason":    edit("rejected proof", "rejected Proof"),
		"verdict: long reason":          edit("proof", strings.Repeat("p", attest.ReasonBytesMax+1)),
		"verdict: no bundle":            edit(digestOf("bundle").String(), abi.Digest{}.String()),
	}
	return valid, invalid
}

// makeVectors computes what testdata/vectors.json holds.
func makeVectors(t testing.TB) []vector {
	t.Helper()
	key := testKey(t, 2)
	var out []vector
	add := func(kind string, texts map[string]string, valid bool) {
		for _, name := range sortedKeys(texts) {
			v := vector{Name: name, Kind: kind, Text: texts[name], Valid: valid}
			if valid {
				var signing abi.Digest
				if kind == "statement" {
					s, err := attest.ParseStatement([]byte(v.Text))
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					v.Digest, signing = s.Digest().String(), s.SigningDigest()
				} else {
					d, err := attest.ParseVerdict([]byte(v.Text))
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					signing = d.SigningDigest()
				}
				sig := key.Sign(signing)
				v.SigningDigest, v.Signature = signing.String(), hex.EncodeToString(sig[:])
				v.Signer = key.Address().String()
			}
			out = append(out, v)
		}
	}
	valid, invalid := statementTexts(t)
	add("statement", valid, true)
	add("statement", invalid, false)
	valid, invalid = verdictTexts(t)
	add("verdict", valid, true)
	add("verdict", invalid, false)
	return out
}

// TestVectors compares the committed vectors with what this code makes of them: signed texts
// must keep their meaning.
func TestVectors(t *testing.T) {
	path := filepath.Join("testdata", "vectors.json")
	if *rewrite {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetIndent("", "  ")
		if err := e.Encode(makeVectors(t)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var stored []vector
	if err := json.Unmarshal(data, &stored); err != nil {
		t.Fatal(err)
	}
	if want := makeVectors(t); len(stored) != len(want) {
		t.Errorf("%d vectors are stored, %d are made", len(stored), len(want))
	}
	for _, v := range stored {
		t.Run(v.Name, func(t *testing.T) { v.check(t) })
	}
}

func (v vector) check(t *testing.T) {
	t.Helper()
	var signing abi.Digest
	var again []byte
	var err error
	if v.Kind == "statement" {
		var s *attest.Statement
		if s, err = attest.ParseStatement([]byte(v.Text)); err == nil {
			signing, again = s.SigningDigest(), s.Bytes()
			if got := s.Digest().String(); got != v.Digest {
				t.Errorf("digest %s, want %s", got, v.Digest)
			}
		}
	} else {
		var d *attest.Verdict
		if d, err = attest.ParseVerdict([]byte(v.Text)); err == nil {
			signing, again = d.SigningDigest(), d.Bytes()
		}
	}
	if !v.Valid {
		if !errors.Is(err, attest.ErrFormat) {
			t.Errorf("parse returned %v, want %v", err, attest.ErrFormat)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if string(again) != v.Text {
		t.Errorf("printed again it is\n%s", again)
	}
	if got := signing.String(); got != v.SigningDigest {
		t.Errorf("signing digest %s, want %s", got, v.SigningDigest)
	}
	raw, err := hex.DecodeString(v.Signature)
	if err != nil || len(raw) != attest.SignatureBytes {
		t.Fatalf("signature of %d bytes, %v", len(raw), err)
	}
	signer, err := attest.Recover(signing, attest.Signature(raw))
	if err != nil || signer.String() != v.Signer {
		t.Errorf("signed by %s, %v, want %s", signer, err, v.Signer)
	}
}
