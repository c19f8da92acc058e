package host

import (
	"context"
	"errors"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/api"
	"github.com/cerberus-host/cerberus/host/registry"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

// brainsBackend answers BrainService.
type brainsBackend struct {
	*core

	registry *registry.Registry
	blobs    *blobsBackend
}

var _ api.Brains = (*brainsBackend)(nil)

// RegisterModule implements api.Brains: it checks the module, stores its Programs and
// Plans, and proposes the registration in the caller's name.
func (b *brainsBackend) RegisterModule(
	ctx context.Context, caller api.Caller, req *cerberusv1.RegisterModuleRequest,
) (*cerberusv1.RegisterModuleResponse, error) {
	module := abi.Digest(req.GetModuleDigest())
	id := abi.BrainID(req.GetBrain())
	err := b.read(ctx, func(v *state.View) error {
		if err := need(v, caller, state.RoleAuthor); err != nil {
			return err
		}
		if brain, ok := v.Brain(id); ok && brain.Author != caller.Address &&
			!v.May(caller.Address, state.RoleAdmin) {
			return api.Refuse(api.BrainTaken, "brain", "slot %d belongs to %s", id, brain.Author)
		}
		found, ok := v.Blob(module)
		if !ok || !found.Kinds.Has(state.BlobModule) {
			return api.Refuse(api.UnknownBlob, "module_digest", "no module with digest %s is "+
				"committed", module)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	checked, err := b.registry.Check(ctx, module)
	if err != nil {
		return nil, registrationRefusal(err)
	}
	cmd, err := b.registration(ctx, caller, id, checked)
	if err != nil {
		return nil, err
	}
	if _, err := proposeFor(ctx, b.core, caller, cmd); err != nil {
		return nil, err
	}
	out := &cerberusv1.RegisterModuleResponse{}
	err = b.read(ctx, func(v *state.View) error {
		brain, _ := v.Brain(id)
		i := slices.IndexFunc(brain.Versions, func(x state.Version) bool { return x.Module == module })
		if i < 0 {
			return api.Refuse(api.UnknownModule, "", "the version was retired meanwhile")
		}
		out.Version = protoVersion(v, id, &brain.Versions[i], true)
		return nil
	})
	return out, err
}

// registrationRefusal names the field at fault: everything that a module can do wrong is
// in the module.
func registrationRefusal(err error) error {
	err = refusal(err)
	var refused *api.Error
	if errors.As(err, &refused) && refused.Field == "" {
		named := *refused
		named.Field = "module_digest"
		return &named
	}
	return err
}

// registration stores what the log will name, and builds the command.
func (b *brainsBackend) registration(
	ctx context.Context, caller api.Caller, id abi.BrainID, c *registry.Checked,
) (*raftlogv1.RegisterModule, error) {
	manifest, err := c.Manifest.Canonical()
	if err != nil {
		return nil, refusal(err)
	}
	manifestDigest := abi.SumDigest(manifest)
	cmd := &raftlogv1.RegisterModule{
		Brain: uint32(id), Name: c.Manifest.Name, ModuleDigest: c.Module[:],
		ManifestDigest: manifestDigest[:], Params: c.Manifest.Params,
		Author: caller.Address[:], Version: c.Manifest.Version,
	}
	if m := c.Manifest.Model; m != nil {
		cmd.ModelDigest = m.Digest[:]
	}
	for _, v := range c.Variants {
		if err := b.storeVariant(ctx, v); err != nil {
			return nil, err
		}
		cmd.Variants = append(cmd.Variants, &raftlogv1.Variant{
			Args: logArgs(v.Args), ProgramDigest: v.ProgramDigest[:], PlanDigest: v.PlanDigest[:],
			NeedsKeys: v.NeedsKeys,
		})
	}
	slices.SortFunc(cmd.GetVariants(), func(x, y *raftlogv1.Variant) int {
		return slices.CompareFunc(x.GetArgs(), y.GetArgs(), compareLogArgs)
	})
	return cmd, nil
}

// storeVariant makes the Program and the Plan of a variant durable and known.
func (b *brainsBackend) storeVariant(ctx context.Context, v *registry.Variant) error {
	program, err := registry.ProgramBlob(v.Program)
	if err != nil {
		return err
	}
	if _, err := b.blobs.putOwn(ctx, program, state.BlobProgram, b.self()); err != nil {
		return err
	}
	plan, err := registry.PlanBlob(v.Compiled.Plan)
	if err != nil {
		return err
	}
	_, err = b.blobs.putOwn(ctx, plan, state.BlobPlan, b.self())
	return err
}

// ActivateModule implements api.Brains.
func (b *brainsBackend) ActivateModule(
	ctx context.Context, caller api.Caller, req *cerberusv1.ActivateModuleRequest,
) error {
	_, err := proposeFor(ctx, b.core, caller, &raftlogv1.ActivateModule{
		Brain: req.GetBrain(), ModuleDigest: req.GetModuleDigest(),
	})
	return err
}

// RetireBrain implements api.Brains.
func (b *brainsBackend) RetireBrain(
	ctx context.Context, caller api.Caller, req *cerberusv1.RetireBrainRequest,
) error {
	_, err := proposeFor(ctx, b.core, caller, &raftlogv1.RetireBrain{Brain: req.GetBrain()})
	return err
}

// ListBrains implements api.Brains. The list leaves out Plans, which GetBrain tells: a
// thousand Brains with all of theirs would not fit into a message.
func (b *brainsBackend) ListBrains(ctx context.Context) (*cerberusv1.ListBrainsResponse, error) {
	out := &cerberusv1.ListBrainsResponse{}
	err := b.read(ctx, func(v *state.View) error {
		for _, brain := range v.Brains() {
			out.Brains = append(out.Brains, protoBrain(v, &brain, false))
		}
		return nil
	})
	return out, err
}

// GetBrain implements api.Brains.
func (b *brainsBackend) GetBrain(
	ctx context.Context, req *cerberusv1.GetBrainRequest,
) (*cerberusv1.GetBrainResponse, error) {
	out := &cerberusv1.GetBrainResponse{}
	err := b.read(ctx, func(v *state.View) error {
		var brain state.Brain
		var ok bool
		field := "number"
		if key, byName := req.GetKey().(*cerberusv1.GetBrainRequest_Name); byName {
			field = "name"
			brain, ok = v.BrainByName(key.Name)
		} else {
			brain, ok = v.Brain(abi.BrainID(req.GetNumber()))
		}
		if !ok {
			return api.Refuse(api.UnknownBrain, field, "there is no such Brain")
		}
		out.Brain = protoBrain(v, &brain, true)
		return nil
	})
	return out, err
}
