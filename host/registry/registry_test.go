package registry_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/squeeze"
	"github.com/cerberus-host/cerberus/host/blob"
	"github.com/cerberus-host/cerberus/host/hosttest"
	"github.com/cerberus-host/cerberus/host/registry"
	"github.com/cerberus-host/cerberus/host/runtime"
)

// memory is a blob store in memory.
type memory map[abi.Digest][]byte

func (m memory) ReadAll(d abi.Digest, _ int64) ([]byte, error) {
	data, ok := m[d]
	if !ok {
		return nil, fmt.Errorf("%w: %s", blob.ErrUnknown, d)
	}
	return data, nil
}

func (m memory) put(data []byte) abi.Digest {
	d := abi.SumDigest(data)
	m[d] = data
	return d
}

func newRegistry(t *testing.T, m memory, change func(*registry.Config)) *registry.Registry {
	t.Helper()
	sandbox, err := runtime.New(t.Context(), runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sandbox.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	cfg := registry.Config{
		Sandbox: sandbox, Blobs: m, Encoder: hosttest.Encoder(), AllowInsecure: true,
		Supports: func(*fhe.Params) error { return nil }, CompiledBytesMax: 1 << 30,
	}
	if change != nil {
		change(&cfg)
	}
	return registry.New(cfg)
}

func TestCheckCompilesEveryCombination(t *testing.T) {
	m := memory{}
	manifest := hosttest.SquareManifest("square")
	manifest.Request = append(manifest.Request, abi.Field{
		Name: "mode", Type: abi.FieldEnum, Public: true, Values: []string{"a", "b", "c"},
	})
	d := m.put(hosttest.Attach(t, hosttest.SquareCode(), manifest))
	r := newRegistry(t, m, nil)
	checked, err := r.Check(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if len(checked.Variants) != 3 || checked.Module != d ||
		checked.ModuleBytes != int64(len(m[d])) {
		t.Fatalf("%+v", checked)
	}
	for i, args := range checked.Manifest.Combinations() {
		v := checked.Variants[i]
		if !v.Args.Equal(args) || !v.NeedsKeys || v.PeakBytes <= 0 ||
			v.Compiled.Plan.Program != v.ProgramDigest {
			t.Errorf("%+v", v)
		}
		again, err := squeeze.Compile(v.Program, fhe.Model{}, hosttest.Encoder())
		if err != nil || again.Plan.Digest() != v.PlanDigest {
			t.Errorf("compiled alone the Plan is another: %v", err)
		}
	}
	// After a restart the same digests are made again, and only for what is asked.
	v, err := newRegistry(t, m, nil).Variant(t.Context(), d, checked.Variants[1].Args)
	if err != nil || v.PlanDigest != checked.Variants[1].PlanDigest ||
		v.Gas != checked.Variants[1].Gas || v.Gas == 0 {
		t.Fatalf("gas %d and %d, %v", v.Gas, checked.Variants[1].Gas, err)
	}
	_, err = r.Variant(t.Context(), d, abi.Args{{Name: "mode", Value: "z"}})
	if !errors.Is(err, registry.ErrArgs) {
		t.Errorf("unknown arguments: %v", err)
	}
}

func TestBlobsOfProgramsAndPlansHaveTheirDigests(t *testing.T) {
	m := memory{}
	d := m.put(hosttest.Square(t, "square"))
	checked, err := newRegistry(t, m, nil).Check(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	v := checked.Variants[0]
	program, err := registry.ProgramBlob(v.Program)
	if err != nil || abi.SumDigest(program) != v.ProgramDigest {
		t.Errorf("program blob: %v", err)
	}
	plan, err := registry.PlanBlob(v.Compiled.Plan)
	if err != nil || abi.SumDigest(plan) != v.PlanDigest {
		t.Errorf("plan blob: %v", err)
	}
}

func TestCheckRefuses(t *testing.T) {
	m := memory{}
	model := m.put([]byte{1, 2, 3, 4})
	withModel := func(bytes int64) []byte {
		manifest := hosttest.SquareManifest("model")
		manifest.Model = &abi.Model{
			Digest: model, Bytes: bytes,
			Tensors: []abi.Tensor{{Name: "t", Type: abi.Int8, Shape: []int{4}}},
		}
		return hosttest.Attach(t, hosttest.SquareCode(), manifest)
	}
	square := hosttest.Square(t, "square")
	// At N = 2^10 and scale 2^40 an attested square of values up to 4 is good for 15 bits of
	// the bound 16.
	precise := func(bits int) []byte {
		manifest := hosttest.SquareManifest("precise")
		manifest.ToleranceBits = bits
		return hosttest.Attach(t, hosttest.SquareCode(), manifest)
	}
	unsupported := func(c *registry.Config) {
		c.Supports = func(*fhe.Params) error { return fhe.ErrUnsupported }
	}
	secureOnly := func(c *registry.Config) { c.AllowInsecure = false }
	for name, c := range map[string]struct {
		module []byte
		change func(*registry.Config)
		want   error
	}{
		"insecure":    {square, secureOnly, registry.ErrInsecure},
		"engine":      {square, unsupported, registry.ErrEngine},
		"model size":  {withModel(5), nil, registry.ErrModel},
		"not wasm":    {[]byte("not wasm"), nil, abi.ErrModule},
		"imprecise":   {precise(30), nil, registry.ErrNoise},
		"no manifest": {hosttest.SquareCode(), nil, abi.ErrModule},
	} {
		_, err := newRegistry(t, m, c.change).Check(t.Context(), m.put(c.module))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := newRegistry(t, m, nil).Check(t.Context(), m.put(withModel(4))); err != nil {
		t.Errorf("the right model: %v", err)
	}
	if _, err := newRegistry(t, m, nil).Check(t.Context(), m.put(precise(15))); err != nil {
		t.Errorf("a tolerance that is kept: %v", err)
	}
	_, err := newRegistry(t, m, nil).Check(t.Context(), abi.Digest{1})
	if !errors.Is(err, blob.ErrUnknown) {
		t.Errorf("unknown module: %v", err)
	}
}
