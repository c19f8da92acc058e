package client

import (
	"bytes"
	"context"
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/encode"
	"github.com/cerberus-host/cerberus/fhe/squeeze"
	"github.com/cerberus-host/cerberus/host/runtime"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
)

// derived is what this client derived itself from module, model and public arguments.
type derived struct {
	program *fhe.Program
	plan    *fhe.Plan
	digest  abi.Digest
	// compiled holds the encoded constants too; nil if the Plan came from the cache.
	compiled *fhe.Compiled
}

// derive makes the Program and the Plan for these public arguments: it runs infer here and
// compiles, so that the node's word is needed for neither, and compares the digests with
// the registered ones.
func (b *Brain) derive(ctx context.Context, args abi.Args) (*derived, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d, ok := b.plans[args.String()]; ok {
		return d, nil
	}
	// A cached Plan that is damaged, or of another version of this program, is made again
	// before the node is blamed.
	d, err := b.cachedPlan(args)
	if err != nil || b.checkRegistered(args, d) != nil {
		if d, err = b.compile(ctx, args); err != nil {
			return nil, err
		}
		if err := b.checkRegistered(args, d); err != nil {
			return nil, err
		}
	}
	b.plans[args.String()] = d
	return d, nil
}

func (b *Brain) compile(ctx context.Context, args abi.Args) (*derived, error) {
	d, err := compile(ctx, b.manifest, b.sandbox, b.model, args)
	if err != nil {
		return nil, err
	}
	name := b.planName(args)
	if err := b.client.store.Write(name+".program", d.program.Text()); err != nil {
		return nil, err
	}
	return d, b.client.store.Write(name+".plan", d.plan.Text())
}

// compile runs a module's infer and compiles what it built.
func compile(
	ctx context.Context, m *abi.Manifest, sandbox *runtime.Module, model fhe.Model, args abi.Args,
) (*derived, error) {
	program, err := sandbox.RunInfer(ctx, args)
	if err != nil {
		return nil, fmt.Errorf("%w: infer: %w", ErrRefused, err)
	}
	compiled, err := squeeze.CompileWith(program, model, encode.New(),
		squeeze.Options{Outputs: m.OutputsFor(args)})
	if err != nil {
		return nil, fmt.Errorf("%w: compile: %w", ErrRefused, err)
	}
	return &derived{
		program: program, plan: compiled.Plan, digest: compiled.Plan.Digest(), compiled: compiled,
	}, nil
}

// constants returns the Plan with its encoded constants, which a cached Plan is without:
// then they are made again, and must be those of the Plan.
func (b *Brain) constants(ctx context.Context, args abi.Args, d *derived) (*fhe.Compiled, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d.compiled != nil {
		return d.compiled, nil
	}
	again, err := compile(ctx, b.manifest, b.sandbox, b.model, args)
	if err != nil {
		return nil, err
	}
	if !again.digest.Equal(d.digest) {
		return nil, fmt.Errorf("%w: the cached Plan is %s, the module makes %s: clear the cache",
			ErrStore, d.digest, again.digest)
	}
	d.compiled = again.compiled
	return d.compiled, nil
}

// cachedPlan reads what compile stored. The name binds module and public arguments, and
// the store is the client's own.
func (b *Brain) cachedPlan(args abi.Args) (*derived, error) {
	name := b.planName(args)
	text, err := b.client.store.Read(name + ".program")
	if err != nil {
		return nil, err
	}
	program, err := fhe.ParseProgram(text)
	if err != nil {
		return nil, err
	}
	text, err = b.client.store.Read(name + ".plan")
	if err != nil {
		return nil, err
	}
	plan, err := fhe.ParsePlan(text)
	if err != nil {
		return nil, err
	}
	if plan.Params.Name() != b.manifest.Params {
		return nil, fmt.Errorf("%w: the cached Plan is for %s", ErrStore, plan.Params.Name())
	}
	return &derived{program: program, plan: plan, digest: plan.Digest()}, nil
}

func (b *Brain) planName(args abi.Args) string {
	d := abi.LabelledDigest("cerberus client plan cache v1", b.module[:], []byte(args.String()))
	return fmt.Sprintf("cache/plans/%x", d[:])
}

// checkRegistered compares what was derived here with what the node registered.
func (b *Brain) checkRegistered(args abi.Args, d *derived) error {
	program := d.program.Digest()
	for _, ref := range b.info.GetPlans() {
		if !sameArgs(ref, args) {
			continue
		}
		if !bytes.Equal(ref.GetProgramDigest(), program[:]) ||
			!bytes.Equal(ref.GetPlanDigest(), d.digest[:]) {
			return fmt.Errorf("%w: the Plan derived here for %q is %s, the node registered "+
				"sha256:%x; client and node may be of different versions", ErrVerification,
				args.String(), d.digest, ref.GetPlanDigest())
		}
		return nil
	}
	return fmt.Errorf("%w: the node registered no Plan for public arguments %q",
		ErrVerification, args.String())
}

func sameArgs(ref *cerberusv1.PlanRef, args abi.Args) bool {
	if len(ref.GetArguments()) != len(args) {
		return false
	}
	for i, a := range ref.GetArguments() {
		if a.GetName() != args[i].Name || a.GetValue() != args[i].Value {
			return false
		}
	}
	return true
}
