package kit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/encode"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/fhe/squeeze"
	"github.com/cerberus-host/cerberus/host/registry"
	"github.com/cerberus-host/cerberus/host/runtime"
)

// CheckOptions say what to check.
type CheckOptions struct {
	// Module is the path of the module file, Model that of its model; an empty Model lies
	// beside the module, where [Build] puts it.
	Module, Model string
	// Request is a request document to run encode with; nil means one that fits the
	// manifest and says nothing.
	Request []byte
	// Compiler is as in [BuildOptions].
	Compiler []string
	// Advise, if set, says what checking a result of a Plan costs.
	Advise func(*fhe.Plan) (Attestation, error)
}

// CheckReport is what [Check] found out about a module file.
type CheckReport struct {
	File   string     `json:"file"`
	Module abi.Digest `json:"module"`
	Bytes  int64      `json:"bytes"`
	// Refused tells that a registration would be refused; Reasons then has at least one
	// entry, and first the one that the node would give.
	Refused bool     `json:"refused"`
	Reasons []Reason `json:"reasons"`
	// What follows is as much as could be found out.
	Name      string        `json:"name,omitempty"`
	Version   string        `json:"version,omitempty"`
	Params    string        `json:"params,omitempty"`
	Tolerance int           `json:"tolerance_bits,omitempty"`
	Functions int           `json:"functions,omitempty"`
	HostCalls []string      `json:"host_functions,omitempty"`
	Plans     []CheckedPlan `json:"plans"`
}

// CheckedPlan is the Plan for one combination of public arguments, and what it needs.
type CheckedPlan struct {
	Args    string     `json:"public_arguments"`
	Program abi.Digest `json:"program"`
	Plan    abi.Digest `json:"plan"`
	Nodes   int        `json:"nodes"`
	Steps   int        `json:"steps"`
	Levels  int        `json:"levels"`
	Keys    KeyCost    `json:"keys"`
	// UploadBytes and DownloadBytes are what a task's inputs and results are on the wire.
	UploadBytes   int64 `json:"upload_bytes"`
	DownloadBytes int64 `json:"download_bytes"`
	// ClientMemoryBytes is what a client holds at once at most: the guest, the Plan's
	// constants, the key set while it is made, the inputs. NodeMemoryBytes is a node's: the
	// guest, Plan and keys in the engine's form, the registers of a run.
	ClientMemoryBytes int64   `json:"client_memory_bytes"`
	NodeMemoryBytes   int64   `json:"node_memory_bytes"`
	Gas               GasCost `json:"gas"`
	// Work counts the products modulo a prime of a run.
	Work      int64        `json:"work"`
	Sample    Sample       `json:"sample"`
	Precision []Precision  `json:"precision"`
	Attested  *Attestation `json:"attestation,omitempty"`
	variant   *registry.Variant
}

// KeyCost is the key set that a client makes once.
type KeyCost struct {
	// Count is the number of keys, the relinearisation key included.
	Count           int  `json:"count"`
	Relinearisation bool `json:"relinearisation"`
	Rotations       int  `json:"rotations"`
	// Bytes are those of the key set on the wire, 0 for a Plan without keys.
	Bytes int64 `json:"bytes"`
}

// GasCost is what the entry points are charged with the sample request, in units of gas; 0
// for one that did not run. A task's record has the sum of Infer and Steps.
type GasCost struct {
	Encode uint64 `json:"encode"`
	Infer  uint64 `json:"infer"`
	// Steps is what the recorded steps cost at the highest level of the parameter set.
	Steps  uint64 `json:"steps"`
	Decode uint64 `json:"decode"`
}

// Precision says how far values of one output can be off, in bits of the output's bound.
type Precision struct {
	Output string `json:"output"`
	Bound  int    `json:"bound"`
	// ProvenBits hold whatever node passed the attestation, HonestBits on an honest one.
	ProvenBits int `json:"proven_bits"`
	HonestBits int `json:"honest_bits"`
}

// Attestation compares the ways in which a result can be checked: microseconds of one core,
// from counts, within a factor of two.
type Attestation struct {
	Advice            string `json:"advice"`
	VerifyUS          int64  `json:"verify_us"`
	VerifyCommittedUS int64  `json:"verify_committed_us"`
	RerunUS           int64  `json:"rerun_us"`
}

// Check does with a module file, and the model beside it, what a node does when the module
// is registered, and reports in words. A refusal is not an error: the error is of reading the
// file or of this machine. It needs no node and no network.
func Check(ctx context.Context, o CheckOptions) (r *CheckReport, err error) {
	// One byte more than is allowed tells a file that is too large.
	file, err := readUpTo(o.Module, abi.ModuleBytesMax+1)
	if err != nil {
		return nil, fmt.Errorf("read module: %w", err)
	}
	c := &checker{options: o, file: file, report: &CheckReport{
		File: o.Module, Module: abi.SumDigest(file), Bytes: int64(len(file)),
		Reasons: []Reason{}, Plans: []CheckedPlan{},
	}}
	c.sandbox, err = runtime.New(ctx, runtime.Config{
		Compiler: o.Compiler, Observe: func(r runtime.Report) { c.last = r },
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.sandbox.Close(context.WithoutCancel(ctx))) }()
	if err := c.run(ctx); err != nil {
		return nil, err
	}
	return c.report, nil
}

// checker is one check.
type checker struct {
	options  CheckOptions
	file     []byte
	sandbox  *runtime.Runtime
	registry *registry.Registry
	engine   fhe.Engine
	// last is the report of the last run.
	last   runtime.Report
	model  fhe.Model
	report *CheckReport
}

// plansBytes bounds the compiled Plans that are kept: those of the combinations are made once
// and looked at twice.
const plansBytes = 1 << 30

func (c *checker) run(ctx context.Context) error {
	blobs := checkedBlobs{module: c.report.Module, file: c.file}
	manifest, err := abi.ModuleManifest(c.file)
	if err == nil {
		c.report.Name, c.report.Version = manifest.Name, manifest.Version
		c.report.Params, c.report.Tolerance = manifest.Params, manifest.ToleranceBits
		blobs.model, blobs.modelErr = c.readModel(manifest)
	}
	c.model = fhe.ReadModel(blobs.model)
	c.engine = lattigo.New()
	c.registry = registry.New(registry.Config{
		Sandbox: c.sandbox, Blobs: blobs, Encoder: encode.New(), Supports: c.engine.Supports,
		CompiledBytesMax: plansBytes,
	})
	_, refused := c.registry.Check(ctx, c.report.Module)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	c.report.Refused = refused != nil
	module, err := c.sandbox.Load(ctx, c.file)
	if err != nil && refused != nil {
		return errors.Join(c.refuse("", refused), c.survey())
	}
	if err != nil {
		return err
	}
	c.report.Functions = module.Facts().Functions
	c.report.HostCalls = module.Facts().HostFunctions
	for _, args := range module.Manifest().Combinations() {
		if err := c.plan(ctx, module, args); err != nil {
			return err
		}
		if errors.Is(c.last.Err, runtime.ErrGas) || errors.Is(c.last.Err, runtime.ErrDeadline) {
			break // each of the others could take as long
		}
	}
	if refused != nil && len(c.report.Reasons) == 0 {
		return c.refuse("", refused)
	}
	return nil
}

// readModel reads the model that a manifest names; nil for a Brain that has none.
func (c *checker) readModel(m *abi.Manifest) ([]byte, error) {
	if m.Model == nil {
		return nil, nil
	}
	path := c.options.Model
	if path == "" {
		path = strings.TrimSuffix(c.options.Module, ".wasm") + ".model"
	}
	model, err := readBounded(path, abi.ModelBytesMax)
	if err != nil {
		return nil, err
	}
	if have := abi.SumDigest(model); !have.Equal(m.Model.Digest) {
		return nil, fmt.Errorf("%s is %s, the manifest pins %s", path, have, m.Model.Digest)
	}
	return model, nil
}

// checkedBlobs holds the two files, as the store of a node would.
type checkedBlobs struct {
	module      abi.Digest
	file, model []byte
	// modelErr says why there is no model.
	modelErr error
}

// ReadAll implements registry.Blobs.
func (b checkedBlobs) ReadAll(d abi.Digest, limit int64) ([]byte, error) {
	blob, err := b.model, b.modelErr
	if d.Equal(b.module) {
		blob, err = b.file, nil
	}
	if err == nil && int64(len(blob)) > limit {
		err = fmt.Errorf("%w: %d bytes, more than %d", abi.ErrModule, len(blob), limit)
	}
	return blob, err
}

// plan adds the Plan of one combination to the report, or the reasons why there is none.
func (c *checker) plan(ctx context.Context, module *runtime.Module, args abi.Args) error {
	v, err := c.registry.Variant(ctx, c.report.Module, args)
	if err == nil {
		m := module.Manifest()
		if noise := v.Noise.Check(m.OutputsFor(args), m.ToleranceBits); noise != nil {
			err = fmt.Errorf("%w: %w", registry.ErrNoise, noise)
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil && c.report.Refused {
		err = c.refuse(args.String(), err)
	}
	if v == nil {
		return err
	}
	p := checkedPlan(v, module.Manifest())
	if err := c.costs(ctx, module, &p); err != nil {
		return err
	}
	c.report.Plans = append(c.report.Plans, p)
	return nil
}

func checkedPlan(v *registry.Variant, m *abi.Manifest) CheckedPlan {
	plan := v.Compiled.Plan
	cost := plan.Cost()
	p := CheckedPlan{
		Args: v.Args.String(), Program: v.ProgramDigest, Plan: v.PlanDigest,
		Nodes: len(v.Program.Nodes), Steps: len(plan.Steps), Levels: cost.Depth,
		Keys: KeyCost{
			Count: len(plan.KeyNeed().Elements()), Relinearisation: plan.Relin,
			Rotations: len(plan.Galois), Bytes: cost.KeyBytes,
		},
		UploadBytes: cost.InputBytes, DownloadBytes: cost.OutputBytes,
		Work: squeeze.Work(plan), variant: v,
	}
	for _, o := range v.Noise.Outputs {
		p.Precision = append(p.Precision, precisionOf(o, m.OutputsFor(v.Args)))
	}
	return p
}

// precisionOf turns bits of a value into bits of the bound.
func precisionOf(o fhe.OutputNoise, declared []abi.Output) Precision {
	p := Precision{Output: o.Name, ProvenBits: o.ProvenBits, HonestBits: o.HonestBits}
	for _, d := range declared {
		if d.Name != o.Name {
			continue
		}
		p.Bound = d.Bound
		for b := d.Bound; b > 1; b /= 2 {
			p.ProvenBits++
			p.HonestBits++
		}
	}
	return p
}

// readUpTo reads at most limit bytes of a file.
func readUpTo(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", path, fs.ErrInvalid)
	}
	if info.Size() <= limit {
		return os.ReadFile(path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	head := make([]byte, limit)
	_, err = f.ReadAt(head, 0)
	return head, errors.Join(err, f.Close())
}
