package state

import (
	"slices"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
)

// registerModule adds a verified version to a slot, and takes the slot if it is free.
func (c *call) registerModule(m *raftlogv1.RegisterModule) *Error {
	version, bad := c.parseVersion(m)
	if bad != nil {
		return bad
	}
	if bad := parseName("name", m.GetName()); bad != nil {
		return bad
	}
	if bad := c.holdVersion(&version); bad != nil {
		return bad
	}
	id, bad := c.chooseSlot(m.GetBrain(), m.GetName())
	if bad != nil {
		return bad
	}
	brain := Brain{ID: id, Name: m.GetName(), Author: version.Author}
	if old, ok := c.brains[id]; ok && old.InUse() {
		switch {
		case c.signer == old.Author || c.may(c.signer, RoleAdmin):
		case m.GetBrain() == 0:
			return refuse(CodeNameTaken, "name", "slot %d is named %q", id, old.Name)
		default:
			return refuse(CodeBrainTaken, "brain", "slot %d belongs to %s", id, old.Author)
		}
		if old.Name != m.GetName() {
			return refuse(CodeInvalidArgument, "name", "slot %d is named %q", id, old.Name)
		}
		brain = old.clone()
	}
	return c.addVersion(&brain, version)
}

// chooseSlot finds the slot of a registration: the one that is asked for, or for 0 the
// one that has the name, or else the lowest free one.
func (c *call) chooseSlot(number uint32, name string) (abi.BrainID, *Error) {
	if number > abi.BrainsMax {
		return 0, refuse(CodeBrainLimit, "brain", "slot %d is beyond the last, %d", number,
			abi.BrainsMax)
	}
	holder, taken := c.names[name]
	if number != 0 {
		if taken && holder != abi.BrainID(number) {
			return 0, refuse(CodeNameTaken, "name", "slot %d is named %q", holder, name)
		}
		return abi.BrainID(number), nil
	}
	if taken {
		return holder, nil
	}
	for id := abi.BrainID(1); id <= abi.BrainsMax; id++ {
		if b, ok := c.brains[id]; !ok || !b.InUse() {
			return id, nil
		}
	}
	return 0, refuse(CodeBrainLimit, "brain", "all %d slots are in use", abi.BrainsMax)
}

// addVersion puts a version into a Brain, which is a copy that nobody else holds.
func (c *call) addVersion(brain *Brain, version Version) *Error {
	c.resp.Brain = brain.ID
	if i := brain.version(version.Module); i >= 0 {
		old := brain.Versions[i]
		if old.State == ModuleVerified || old.State == ModuleActive {
			if !sameVersion(&old, &version) {
				return refuse(CodeModuleExists, "module_digest",
					"slot %d has the module with other digests or parameters", brain.ID)
			}
			c.resp.Existing = true
			return nil
		}
		if old.State == ModuleDraining {
			c.refer(old.blobs(), -1)
		}
		brain.Versions = slices.Delete(brain.Versions, i, i+1)
	}
	if len(brain.Versions) >= VersionsMax {
		i := slices.IndexFunc(brain.Versions, func(v Version) bool {
			return v.State == ModuleRemoved
		})
		if i < 0 {
			return refuse(CodeVersionLimit, "module_digest", "slot %d has %d versions", brain.ID,
				len(brain.Versions))
		}
		brain.Versions = slices.Delete(brain.Versions, i, i+1)
	}
	version.State = ModuleVerified
	version.RegisteredMS = c.nowMS
	version.RegisterIndex = c.index
	brain.Retired = false
	brain.Versions = append(brain.Versions, version)
	c.refer(version.blobs(), 1)
	c.names[brain.Name] = brain.ID
	c.putBrain(*brain)
	c.emitModule(brain.ID, &version)
	return nil
}

// sameVersion compares what an author gives; state and times do not count.
func sameVersion(a, b *Version) bool {
	return a.Module == b.Module && a.Manifest == b.Manifest && a.Model == b.Model &&
		a.Params == b.Params && a.Name == b.Name && a.Author == b.Author &&
		slices.EqualFunc(a.Variants, b.Variants, func(x, y Variant) bool {
			return x.Args.Equal(y.Args) && x.Program == y.Program && x.Plan == y.Plan &&
				slices.Equal(x.Constants, y.Constants) && x.NeedsKeys == y.NeedsKeys
		})
}

func (c *call) putBrain(b Brain) {
	b.ChangeIndex = c.index
	c.brains[b.ID] = &b
}

func (c *call) emitModule(id abi.BrainID, v *Version) {
	c.emit(Event{Kind: EventModule, Brain: id, Module: v.Module, ModuleState: v.State})
}

// parseVersion reads a registration and checks that the signer may make it.
func (c *call) parseVersion(m *raftlogv1.RegisterModule) (Version, *Error) {
	author, bad := parseAddress("author", m.GetAuthor())
	if bad != nil {
		return Version{}, bad
	}
	if bad := c.need(RoleAuthor); bad != nil {
		return Version{}, bad
	}
	if bad := c.needSelfOr(author, RoleAdmin); bad != nil {
		return Version{}, bad
	}
	v := Version{Author: author, Params: m.GetParams(), Name: m.GetVersion()}
	if v.Module, bad = parseDigest("module_digest", m.GetModuleDigest()); bad != nil {
		return Version{}, bad
	}
	if v.Manifest, bad = parseDigest("manifest_digest", m.GetManifestDigest()); bad != nil {
		return Version{}, bad
	}
	if v.Model, bad = parseOptionalDigest("model_digest", m.GetModelDigest()); bad != nil {
		return Version{}, bad
	}
	if bad := parseName("params", v.Params); bad != nil {
		return Version{}, bad
	}
	if v.Name != "" {
		if bad := parseName("version", v.Name); bad != nil {
			return Version{}, bad
		}
	}
	v.Variants, bad = parseVariants(m.GetVariants())
	return v, bad
}

func parseVariants(list []*raftlogv1.Variant) ([]Variant, *Error) {
	if len(list) == 0 || len(list) > abi.PublicCombinationsMax {
		return nil, refuse(CodeInvalidArgument, "variants", "%d variants instead of 1 to %d",
			len(list), abi.PublicCombinationsMax)
	}
	out := make([]Variant, 0, len(list))
	for i, m := range list {
		v, bad := parseVariant(m)
		if bad != nil {
			return nil, bad
		}
		if i > 0 && compareArgs(out[i-1].Args, v.Args) >= 0 {
			return nil, refuse(CodeInvalidArgument, "variants",
				"the variants are not sorted by arguments and unique")
		}
		out = append(out, v)
	}
	return out, nil
}

func parseVariant(m *raftlogv1.Variant) (Variant, *Error) {
	args, bad := parseArgs("variants.args", m.GetArgs())
	if bad != nil {
		return Variant{}, bad
	}
	v := Variant{Args: args, NeedsKeys: m.GetNeedsKeys()}
	if v.Program, bad = parseDigest("variants.program_digest", m.GetProgramDigest()); bad != nil {
		return Variant{}, bad
	}
	if v.Plan, bad = parseDigest("variants.plan_digest", m.GetPlanDigest()); bad != nil {
		return Variant{}, bad
	}
	if n := len(m.GetConstantsDigests()); n > ConstantsMax {
		return Variant{}, refuse(CodeInvalidArgument, "variants.constants_digests",
			"%d constants, the most is %d", n, ConstantsMax)
	}
	for _, b := range m.GetConstantsDigests() {
		d, bad := parseDigest("variants.constants_digests", b)
		if bad != nil {
			return Variant{}, bad
		}
		v.Constants = append(v.Constants, d)
	}
	return v, nil
}

// compareArgs orders lists of arguments, pair by pair, by name and then by value; a
// list comes after its own beginnings.
func compareArgs(a, b abi.Args) int {
	return slices.CompareFunc(a, b, func(x, y abi.Arg) int {
		if x.Name != y.Name {
			return strings.Compare(x.Name, y.Name)
		}
		return strings.Compare(x.Value, y.Value)
	})
}

// holdVersion refuses a version whose blobs are not all committed.
func (c *call) holdVersion(v *Version) *Error {
	if bad := c.hold("module_digest", v.Module, BlobModule); bad != nil {
		return bad
	}
	if !v.Model.IsZero() {
		if bad := c.hold("model_digest", v.Model, BlobModel); bad != nil {
			return bad
		}
	}
	for _, x := range v.Variants {
		if bad := c.hold("variants.program_digest", x.Program, BlobProgram); bad != nil {
			return bad
		}
		if bad := c.hold("variants.plan_digest", x.Plan, BlobPlan); bad != nil {
			return bad
		}
		for _, d := range x.Constants {
			if bad := c.hold("variants.constants_digests", d, BlobConstants); bad != nil {
				return bad
			}
		}
	}
	return nil
}

// ownBrain finds a slot in use that the signer may change.
func (c *call) ownBrain(number uint32) (Brain, *Error) {
	b, ok := c.brains[abi.BrainID(min(number, abi.BrainsMax+1))]
	if !ok || !b.InUse() {
		return Brain{}, refuse(CodeUnknownBrain, "brain", "slot %d is free", number)
	}
	if c.signer == b.Author {
		if bad := c.need(RoleAuthor); bad != nil {
			return Brain{}, bad
		}
	} else if bad := c.need(RoleAdmin); bad != nil {
		return Brain{}, bad
	}
	return b.clone(), nil
}

// activateModule swaps the active version; the old one drains.
func (c *call) activateModule(m *raftlogv1.ActivateModule) *Error {
	module, bad := parseDigest("module_digest", m.GetModuleDigest())
	if bad != nil {
		return bad
	}
	brain, bad := c.ownBrain(m.GetBrain())
	if bad != nil {
		return bad
	}
	c.resp.Brain = brain.ID
	i := brain.version(module)
	if i < 0 {
		return refuse(CodeUnknownModule, "module_digest", "slot %d has no version %s", brain.ID,
			module)
	}
	switch brain.Versions[i].State {
	case ModuleActive:
		c.resp.Existing = true
		return nil
	case ModuleVerified, ModuleDraining:
		if brain.Retired {
			return refuse(CodeModuleNotReady, "brain", "slot %d is being retired", brain.ID)
		}
	case ModuleUploaded, ModuleRemoved:
		return refuse(CodeModuleNotReady, "module_digest", "version %s is %s", module,
			brain.Versions[i].State)
	}
	for j := range brain.Versions {
		if brain.Versions[j].State == ModuleActive {
			c.drain(&brain, j)
		}
	}
	brain.Versions[i].State = ModuleActive
	c.putBrain(brain)
	c.emitModule(brain.ID, &brain.Versions[i])
	return nil
}

// drain takes a version out of service: it is removed at once if it has no open tasks.
func (c *call) drain(brain *Brain, i int) {
	v := &brain.Versions[i]
	v.State = ModuleDraining
	if c.open[versionKey{brain.ID, v.Module}] == 0 {
		c.removeVersion(v)
	}
	c.emitModule(brain.ID, v)
}

func (c *call) removeVersion(v *Version) {
	v.State = ModuleRemoved
	c.refer(v.blobs(), -1)
}

// retireBrain takes every version out of service. The slot and its name are free when
// the last version is removed.
func (c *call) retireBrain(m *raftlogv1.RetireBrain) *Error {
	brain, bad := c.ownBrain(m.GetBrain())
	if bad != nil {
		return bad
	}
	c.resp.Brain = brain.ID
	if brain.Retired {
		c.resp.Existing = true
		return nil
	}
	brain.Retired = true
	for i := range brain.Versions {
		if s := brain.Versions[i].State; s == ModuleActive || s == ModuleVerified {
			c.drain(&brain, i)
		}
	}
	c.putBrain(brain)
	c.releaseName(&brain)
	c.emit(Event{Kind: EventBrain, Brain: brain.ID})
	return nil
}

func (c *call) releaseName(b *Brain) {
	if !b.InUse() && c.names[b.Name] == b.ID {
		delete(c.names, b.Name)
	}
}

// closeTask counts a task as closed; a draining version goes with its last one.
func (c *call) closeTask(t *Task) {
	c.countLive(t, -1)
	b, ok := c.brains[t.Brain]
	if !ok || c.open[versionKey{t.Brain, t.Module}] > 0 {
		return
	}
	i := b.version(t.Module)
	if i < 0 || b.Versions[i].State != ModuleDraining {
		return
	}
	brain := b.clone()
	c.removeVersion(&brain.Versions[i])
	c.putBrain(brain)
	c.releaseName(&brain)
	c.emitModule(brain.ID, &brain.Versions[i])
}
