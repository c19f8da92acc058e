package bundle_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/proofs/attest"
	"github.com/cerberus-host/cerberus/proofs/bundle"
)

var rewrite = flag.Bool("rewrite", false, "write the golden file anew")

// sample is a bundle with parts that are none, for the tests of the form.
func sample(t testing.TB) *bundle.Bundle {
	t.Helper()
	d := func(s string) abi.Digest { return abi.SumDigest([]byte(s)) }
	node := testKey(t, 1)
	s := &attest.Statement{
		Protocol: "p/1", Gnark: "v0", ABI: "a", Squeezer: "s", Params: "ckks-13", Setup: d("setup"),
		Module: d("module"), Export: "infer", Program: d("program"), Plan: d("plan"),
		Inputs:  []attest.NamedDigest{{Name: "x", Digest: d("x")}},
		Outputs: []attest.NamedDigest{{Name: "y", Digest: d("y")}, {Name: "z", Digest: d("z")}},
		Task:    d("task"), Client: testKey(t, 2).Address(), Node: node.Address(),
		Signed: attest.SignedOnly{Engine: "e", Build: "b"},
	}
	b, err := bundle.Make(s, [][]byte{[]byte("first output"), []byte("second")},
		[]byte("the proof"), signer(node))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func encoded(t testing.TB, b *bundle.Bundle) []byte {
	t.Helper()
	data, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestGolden: bundles that exist stay readable.
func TestGolden(t *testing.T) {
	path := filepath.Join("testdata", "bundle.cbat")
	made := encoded(t, sample(t))
	if *rewrite {
		if err := os.WriteFile(path, made, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(stored, made) {
		t.Error("the form has changed: give it a new version")
	}
	b, err := bundle.Parse(stored)
	if err != nil {
		t.Fatal(err)
	}
	if string(b.Outputs[0]) != "first output" || string(b.Outputs[1]) != "second" ||
		string(b.Proof) != "the proof" || b.Statement.Params != "ckks-13" {
		t.Errorf("read back as %+v", b)
	}
}

// TestParseRefuses cuts, lengthens and changes a bundle everywhere.
func TestParseRefuses(t *testing.T) {
	data := encoded(t, sample(t))
	refused := func(what string, bad []byte) {
		t.Helper()
		if _, err := bundle.Parse(bad); !errors.Is(err, bundle.ErrFormat) {
			t.Errorf("%s: error %v", what, err)
		}
	}
	for n := range data {
		refused("truncated", data[:n])
	}
	refused("a byte more", append(slices.Clone(data), 0))
	const statementAt, proofAt, countAt, outputsAt = 6, 10, 14, 16
	patch := func(at, width int, v uint64) []byte {
		bad := slices.Clone(data)
		word := binary.LittleEndian.AppendUint64(nil, v)
		copy(bad[at:], word[:width])
		return bad
	}
	for what, bad := range map[string][]byte{
		"magic":                   patch(0, 4, 0x54414244),
		"version":                 patch(4, 2, 2),
		"no statement":            patch(statementAt, 4, 0),
		"statement too long":      patch(statementAt, 4, attest.StatementBytesMax+1),
		"statement of 4 GiB":      patch(statementAt, 4, 1<<32-1),
		"no proof":                patch(proofAt, 4, 0),
		"proof too long":          patch(proofAt, 4, bundle.ProofBytesMax+1),
		"proof of 4 GiB":          patch(proofAt, 4, 1<<32-1),
		"no outputs":              patch(countAt, 2, 0),
		"an output less":          patch(countAt, 2, 1),
		"too many outputs":        patch(countAt, 2, abi.OutputsMax+1),
		"65535 outputs":           patch(countAt, 2, 1<<16-1),
		"empty output":            patch(outputsAt, 4, 0),
		"an output's length":      patch(outputsAt, 4, 13),
		"output too long":         patch(outputsAt, 4, bundle.OutputBytesMax+1),
		"output of 4 GiB":         patch(outputsAt+4, 4, 1<<32-1),
		"a statement's byte":      patch(outputsAt+8, 1, 'x'),
		"a line of the statement": bytes.Replace(data, []byte("\nabi a"), []byte("\nabi \n"), 1),
	} {
		refused(what, bad)
	}
}

func TestEncodeRefuses(t *testing.T) {
	for what, change := range map[string]func(b *bundle.Bundle){
		"no statement":   func(b *bundle.Bundle) { b.Statement = nil },
		"bad statement":  func(b *bundle.Bundle) { b.Statement.Params = "" },
		"no proof":       func(b *bundle.Bundle) { b.Proof = nil },
		"no outputs":     func(b *bundle.Bundle) { b.Outputs = nil },
		"output missing": func(b *bundle.Bundle) { b.Outputs = b.Outputs[:1] },
		"output empty":   func(b *bundle.Bundle) { b.Outputs[1] = nil },
	} {
		b := sample(t)
		change(b)
		if _, err := b.Encode(); !errors.Is(err, bundle.ErrFormat) {
			t.Errorf("%s: error %v", what, err)
		}
	}
}

func TestMakeRefuses(t *testing.T) {
	b := sample(t)
	_, err := bundle.Make(b.Statement, b.Outputs, b.Proof, signer(testKey(t, 8)))
	if !errors.Is(err, bundle.ErrSignature) {
		t.Errorf("another account signs: %v", err)
	}
	b.Statement.Export = ""
	_, err = bundle.Make(b.Statement, b.Outputs, b.Proof, signer(testKey(t, 1)))
	if !errors.Is(err, bundle.ErrFormat) {
		t.Errorf("a bad statement: %v", err)
	}
}

func TestNewStatementRefuses(t *testing.T) {
	c := samplePlan(t, tinyParams(t, 3, 1))
	r := newTask(t, c)
	s := r.bundle.Statement
	var outputs []fhe.Ciphertext
	for i, o := range c.Plan.Outputs {
		ct, err := fhe.ParseOutput(c.Plan.Params, o, r.bundle.Outputs[i])
		if err != nil {
			t.Fatal(err)
		}
		outputs = append(outputs, ct)
	}
	good := bundle.Run{
		Plan: c.Plan, Module: s.Module, Args: s.Args, Setup: s.Setup, KeySet: s.KeySet,
		Inputs: s.Inputs, Outputs: outputs, Task: s.Task, Client: s.Client, Node: s.Node,
		Signed: s.Signed,
	}
	again, _, err := bundle.NewStatement(good)
	if err != nil || again.Digest() != s.Digest() {
		t.Fatalf("the same run gives another statement, or %v", err)
	}
	inputs, err := fhetest.UniformInputs(c.Plan, 9)
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(r *bundle.Run){
		"no plan":   func(r *bundle.Run) { r.Plan = nil },
		"no keys":   func(r *bundle.Run) { r.KeySet = abi.Digest{} },
		"no setup":  func(r *bundle.Run) { r.Setup = abi.Digest{} },
		"no inputs": func(r *bundle.Run) { r.Inputs = nil },
		"inputs swapped": func(r *bundle.Run) {
			r.Inputs = []attest.NamedDigest{s.Inputs[1], s.Inputs[0]}
		},
		"output missing": func(r *bundle.Run) { r.Outputs = outputs[:1] },
		"outputs swapped": func(r *bundle.Run) {
			r.Outputs = []fhe.Ciphertext{outputs[1], outputs[0]}
		},
		"inputs returned": func(r *bundle.Run) { r.Outputs = inputs },
		"no engine":       func(r *bundle.Run) { r.Signed.Engine = "" },
	} {
		run := good
		change(&run)
		if _, _, err := bundle.NewStatement(run); !errors.Is(err, bundle.ErrMaterials) {
			t.Errorf("%s: error %v", what, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	data := encoded(f, sample(f))
	f.Add(data)
	f.Add(data[:20])
	f.Add([]byte("CBAT"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := bundle.Parse(data)
		if err != nil {
			if !errors.Is(err, bundle.ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		if again := encoded(t, b); !bytes.Equal(again, data) {
			t.Fatal("accepted bytes that are not canonical")
		}
	})
}
