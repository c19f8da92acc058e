package braintest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/host/hostcall"
	brain "github.com/cerberus-host/cerberus/sdk-wasm/go"
)

// The SDK and this package are for the same version of the ABI: otherwise a key is
// repeated, and this does not compile.
var _ = map[bool]struct{}{false: {}, brain.ABIVersion == abi.Version: {}}

// Bench holds a Brain and what belongs to it. Its methods fail the test, except those that
// return an error.
type Bench struct {
	tb       testing.TB
	brain    brain.Brain
	manifest *abi.Manifest
	model    fhe.Model
	module   abi.Digest
}

// Trace is one question on its way: what each step made of it.
type Trace struct {
	Args    abi.Args
	Inputs  map[string][]float64
	Program *fhe.Program
	Outputs map[string][]float64
	Answer  hostcall.Answer
	// Log is what the Brain logged in all three entry points.
	Log string
}

// New reads a manifest's source and the model that it names.
func New(tb testing.TB, b brain.Brain, manifestPath string) *Bench {
	tb.Helper()
	source, err := os.ReadFile(manifestPath)
	if err != nil {
		tb.Fatal(err)
	}
	m, err := abi.ParseManifestSource(source)
	if err != nil {
		tb.Fatal(err)
	}
	bench := &Bench{tb: tb, brain: b, manifest: m, module: abi.SumDigest(source)}
	if m.Model != nil {
		blob, err := os.ReadFile(filepath.Join(filepath.Dir(manifestPath), m.Model.File))
		if err != nil {
			tb.Fatal(err)
		}
		bench.model = fhe.ReadModel(blob)
		m.Model.Digest, m.Model.Bytes = bench.model.Digest(), bench.model.Bytes()
		if err := m.Check(); err != nil {
			tb.Fatal(err)
		}
	}
	return bench
}

// Manifest returns the manifest with its model pinned; it must not be changed.
func (b *Bench) Manifest() *abi.Manifest { return b.manifest }

// Model returns the model, the zero Model for a Brain without one.
func (b *Bench) Model() fhe.Model { return b.model }

// Ask returns the clear twin's answer to a request.
func (b *Bench) Ask(request string) hostcall.Answer {
	b.tb.Helper()
	trace, err := b.Trace([]byte(request))
	if err != nil {
		b.tb.Fatal(err)
	}
	return trace.Answer
}

// Trace takes a request all the way and returns every step, or the first error.
func (b *Bench) Trace(request []byte) (*Trace, error) {
	req, err := hostcall.ParseRequest(b.manifest, request)
	if err != nil {
		return nil, err
	}
	t := &Trace{}
	if t.Args, err = hostcall.PublicArgs(b.manifest, req); err != nil {
		return nil, err
	}
	run, err := hostcall.NewEncode(b.module, b.manifest, t.Args, req)
	if err != nil {
		return nil, err
	}
	if err := b.enter(run, t, brain.RunEncode); err != nil {
		return nil, err
	}
	if t.Inputs, err = run.Inputs(); err != nil {
		return nil, err
	}
	if t.Program, err = b.infer(t.Args, t); err != nil {
		return nil, err
	}
	if t.Outputs, err = fhe.EvalClear(t.Program, b.model, t.Inputs); err != nil {
		return nil, fmt.Errorf("clear twin: %w", err)
	}
	if run, err = hostcall.NewDecode(b.module, b.manifest, t.Args, t.Outputs); err != nil {
		return nil, err
	}
	if err := b.enter(run, t, brain.RunDecode); err != nil {
		return nil, err
	}
	t.Answer, err = run.Answer()
	return t, err
}

// Program returns the Program for these public arguments. It runs infer twice, because a
// Program may depend on nothing else.
func (b *Bench) Program(args abi.Args) *fhe.Program {
	b.tb.Helper()
	first, err := b.infer(args, &Trace{})
	if err != nil {
		b.tb.Fatal(err)
	}
	second, err := b.infer(args, &Trace{})
	if err != nil {
		b.tb.Fatal(err)
	}
	if first.Digest() != second.Digest() {
		b.tb.Fatalf("infer recorded two different Programs for the public arguments %q", args)
	}
	return first
}

// Golden compares the text of the Programs, one for each combination of public arguments,
// with the file at path; update writes it instead. A Program that changed is a new version
// of the Brain: clients will refuse it under the old digest.
func (b *Bench) Golden(path string, update bool) {
	b.tb.Helper()
	var text bytes.Buffer
	for _, args := range b.manifest.Combinations() {
		p := b.Program(args)
		fmt.Fprintf(&text, "# public arguments %q: %s\n%s\n", args.String(), p.Digest(), p.Text())
	}
	if update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.tb.Fatal(err)
		}
		if err := os.WriteFile(path, text.Bytes(), 0o644); err != nil {
			b.tb.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		b.tb.Fatal(err)
	}
	if !bytes.Equal(text.Bytes(), want) {
		b.tb.Errorf("the Programs are not those of %s; if that is meant, raise the manifest's "+
			"version and run the test with -update. They are:\n%s", path, excerpt(text.Bytes()))
	}
}

// excerptBytes is how much of a Program a failed comparison prints.
const excerptBytes = 4096

func excerpt(text []byte) []byte { return text[:min(len(text), excerptBytes)] }

func (b *Bench) infer(args abi.Args, t *Trace) (*fhe.Program, error) {
	run, err := hostcall.NewInfer(b.module, b.manifest, args)
	if err != nil {
		return nil, err
	}
	if err := b.enter(run, t, brain.RunInfer); err != nil {
		return nil, err
	}
	return run.Program()
}

// enter runs one entry point. The Brain's error goes through the host as a module's does,
// so that the test sees the text that a user would.
func (b *Bench) enter(
	run *hostcall.Run, t *Trace, entry func(brain.Host, brain.Brain) error,
) error {
	h, err := newHost(run)
	if err != nil {
		return err
	}
	if err := entry(h, b.brain); err != nil {
		h.Fail(err.Error())
	}
	text, _ := run.Log()
	t.Log += text
	return run.Err()
}
