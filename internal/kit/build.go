package kit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/encode"
	"github.com/cerberus-host/cerberus/fhe/squeeze"
	"github.com/cerberus-host/cerberus/host/runtime"
)

// ManifestFile is the name of the manifest's source in a Brain's folder.
const ManifestFile = "manifest.json"

const (
	dirMode  = 0o755
	fileMode = 0o644
)

// BuildOptions say what to build.
type BuildOptions struct {
	// Dir is the Brain's folder: a Go package main with a manifest.json beside it.
	Dir string
	// Out is the folder that the result is written to; it is made if it is missing.
	Out string
	// Go is the go command; empty means the one on the path.
	Go string
	// Compiler is the command of a process that compiles the module, as in the sandbox's
	// configuration; nil means in this process.
	Compiler []string
}

// Built is the result of [Build].
type Built struct {
	// Name is the manifest's name, Module the digest of the module file.
	Name        string     `json:"name"`
	Module      abi.Digest `json:"module"`
	ModulePath  string     `json:"module_path"`
	ModuleBytes int        `json:"module_bytes"`
	// ModelPath and Model are empty for a Brain without a model.
	ModelPath  string     `json:"model_path,omitempty"`
	Model      abi.Digest `json:"model"`
	ModelBytes int64      `json:"model_bytes"`
	// Programs are what infer records, one for each combination of public arguments.
	Programs []BuiltProgram `json:"programs"`
}

// BuiltProgram is one Program of a Brain, and the Plan that it is compiled to.
type BuiltProgram struct {
	Args    string     `json:"public_arguments"`
	Program abi.Digest `json:"program"`
	Nodes   int        `json:"nodes"`
	Plan    abi.Digest `json:"plan"`
	Steps   int        `json:"steps"`
}

// Build makes a module of a Brain's folder. Errors wrap [ErrSource], [ErrToolchain], those
// of packages abi and admit about the manifest and the module, those of package runtime about
// infer, or those of packages fhe and squeeze about the Program. Nothing is written unless
// all of it succeeds.
func Build(ctx context.Context, o BuildOptions) (*Built, error) {
	manifest, model, err := readSource(o.Dir)
	if err != nil {
		return nil, err
	}
	code, err := compile(ctx, o)
	if err != nil {
		return nil, err
	}
	file, err := abi.AttachManifest(code, manifest)
	if err != nil {
		return nil, err
	}
	programs, err := record(ctx, o.Compiler, file, model)
	if err != nil {
		return nil, err
	}
	b := &Built{
		Name: manifest.Name, Module: abi.SumDigest(file), ModuleBytes: len(file),
		ModulePath: filepath.Join(o.Out, manifest.Name+".wasm"), Programs: programs,
	}
	if err := os.MkdirAll(o.Out, dirMode); err != nil {
		return nil, fmt.Errorf("write module: %w", err)
	}
	if model != nil {
		b.Model, b.ModelBytes = manifest.Model.Digest, manifest.Model.Bytes
		b.ModelPath = filepath.Join(o.Out, manifest.Name+".model")
		if err := replaceFile(b.ModelPath, model); err != nil {
			return nil, fmt.Errorf("write model: %w", err)
		}
	}
	if err := replaceFile(b.ModulePath, file); err != nil {
		return nil, fmt.Errorf("write module: %w", err)
	}
	return b, nil
}

// readSource reads the manifest and the model that it names, and fills in what the author
// leaves out: the ABI's version and the model's digest and length.
func readSource(dir string) (*abi.Manifest, []byte, error) {
	path := filepath.Join(dir, ManifestFile)
	source, err := readBounded(path, abi.ManifestBytesMax)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%w: %s is missing", ErrSource, path)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read manifest: %w", err)
	}
	m, err := abi.ParseManifestSource(source)
	if err != nil {
		return nil, nil, err
	}
	if m.ABI == "" {
		m.ABI = abi.Version
	}
	if m.Model == nil {
		return m, nil, nil
	}
	if !filepath.IsLocal(m.Model.File) {
		return nil, nil, fmt.Errorf("%w: model.file %.80q is not a path inside the folder",
			ErrSource, m.Model.File)
	}
	model, err := readBounded(filepath.Join(dir, m.Model.File), abi.ModelBytesMax)
	if err != nil {
		return nil, nil, fmt.Errorf("read model: %w", err)
	}
	m.Model.File, m.Model.Bytes, m.Model.Digest = "", int64(len(model)), abi.SumDigest(model)
	if err := m.Check(); err != nil {
		return nil, nil, err // now that the length is known, a tensor may not fit
	}
	return m, model, nil
}

// record runs infer for every combination of public arguments and compiles what it recorded,
// as registration will: what a node would refuse is refused here.
func record(
	ctx context.Context, compiler []string, file, model []byte,
) (programs []BuiltProgram, err error) {
	sandbox, err := runtime.New(ctx, runtime.Config{Compiler: compiler})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sandbox.Close(context.WithoutCancel(ctx))) }()
	module, err := sandbox.Load(ctx, file)
	if err != nil {
		return nil, err
	}
	for _, args := range module.Manifest().Combinations() {
		var p *fhe.Program
		if p, err = module.RunInfer(ctx, args); err != nil {
			return nil, err
		}
		compiled, err := squeeze.CompileWith(p, fhe.ReadModel(model), encode.New(),
			squeeze.Options{Outputs: module.Manifest().OutputsFor(args)})
		if err != nil {
			return nil, fmt.Errorf("compile the Program for %q: %w", args.String(), err)
		}
		noise, err := compiled.Noise()
		if err == nil {
			err = noise.Check(module.Manifest().OutputsFor(args), module.Manifest().ToleranceBits)
		}
		if err != nil {
			return nil, fmt.Errorf("precision of the Program for %q: %w", args.String(), err)
		}
		programs = append(programs, BuiltProgram{
			Args: args.String(), Program: p.Digest(), Nodes: len(p.Nodes),
			Plan: compiled.Plan.Digest(), Steps: len(compiled.Plan.Steps),
		})
	}
	return programs, nil
}

// readBounded reads a file that has no more than limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, fmt.Errorf("%w: %s is no file of at most %d bytes", ErrSource, path, limit)
	}
	return os.ReadFile(path)
}

// replaceFile writes a file so that a reader sees the old one or the new one.
func replaceFile(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(fileMode), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
