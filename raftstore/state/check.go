package state

import (
	"fmt"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
)

// Check returns ErrSnapshot if an invariant does not hold, naming it. Every state that
// Apply can reach passes; [Decode] and the tests rely on it.
func (s *State) Check() error {
	if err := s.checkCluster(); err != nil {
		return err
	}
	for _, b := range s.blobs {
		if b.Digest.IsZero() || b.SizeBytes == 0 || b.SizeBytes > BlobBytesMax || b.Kinds == 0 ||
			b.Kinds&^blobKindsAll != 0 || b.Owner.IsZero() {
			return broken("blob %s has impossible fields", b.Digest)
		}
	}
	names := map[string]bool{}
	for _, b := range s.brains {
		if err := s.checkBrain(b); err != nil {
			return err
		}
		if b.InUse() {
			if names[b.Name] {
				return broken("two slots are named %q", b.Name)
			}
			names[b.Name] = true
		}
	}
	keys := map[taskKey]bool{}
	for _, t := range s.tasks {
		if err := s.checkTask(t); err != nil {
			return err
		}
		if k := (taskKey{t.Client, t.IdempotencyKey}); t.IdempotencyKey != "" {
			if keys[k] {
				return broken("an idempotency key of %s names two tasks", t.Client)
			}
			keys[k] = true
		}
	}
	for _, k := range s.conducts {
		if err := s.checkConduct(k); err != nil {
			return err
		}
	}
	for _, r := range s.requests {
		if r.key.signer.IsZero() || len(r.key.nonce) < NonceBytesMin || r.expiryMS < s.nowMS ||
			!r.response.Code.Valid() || r.response.Index == 0 || r.response.Index > s.index {
			return broken("a remembered request of %s has impossible fields", r.key.signer)
		}
	}
	return nil
}

func broken(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrSnapshot}, args...)...)
}

func (s *State) checkCluster() error {
	if s.clusterID == "" {
		if len(s.roles)+len(s.blobs)+len(s.brains)+len(s.tasks)+len(s.conducts) > 0 ||
			!s.setup.IsZero() || s.totals != (Totals{}) {
			return broken("there are records without a cluster id")
		}
		if s.policy != defaultPolicy() {
			return broken("there is a policy without a cluster id")
		}
		return nil
	}
	if !abi.ValidName(s.clusterID) {
		return broken("the cluster id is no name")
	}
	if s.policy.check() != nil {
		return broken("the policy is beyond the ceilings")
	}
	for a, held := range s.roles {
		if a.IsZero() || held == 0 || held&^rolesAll != 0 {
			return broken("account %s has impossible roles", a)
		}
	}
	if s.adminCount() == 0 {
		return broken("there is no admin")
	}
	if _, ok := s.blobs[s.setup.Key]; !s.setup.IsZero() && (!s.setup.valid() || !ok) {
		return broken("the setup is incomplete")
	}
	return nil
}

func (s *State) checkBrain(b *Brain) error {
	if !b.ID.Valid() || !abi.ValidName(b.Name) || b.Author.IsZero() || b.ChangeIndex > s.index ||
		len(b.Versions) == 0 {
		return broken("slot %d has impossible fields", b.ID)
	}
	active := 0
	for i := range b.Versions {
		v := &b.Versions[i]
		if err := s.checkVersion(b, v); err != nil {
			return err
		}
		if b.version(v.Module) != i {
			return broken("slot %d has version %s twice", b.ID, v.Module)
		}
		if v.State == ModuleActive {
			active++
		}
	}
	if active > 1 || (b.Retired && active > 0) {
		return broken("slot %d has %d active versions", b.ID, active)
	}
	return nil
}

func (s *State) checkVersion(b *Brain, v *Version) error {
	if v.Module.IsZero() || v.Manifest.IsZero() || v.Author.IsZero() || !abi.ValidName(v.Params) ||
		(v.Name != "" && !abi.ValidName(v.Name)) || v.RegisterIndex == 0 ||
		v.RegisterIndex > s.index || len(v.Variants) == 0 ||
		v.State < ModuleVerified || v.State > ModuleRemoved {
		return broken("version %s of slot %d has impossible fields", v.Module, b.ID)
	}
	open := s.open[versionKey{b.ID, v.Module}]
	if (v.State == ModuleDraining && open == 0) || (v.State == ModuleRemoved && open > 0) {
		return broken("version %s of slot %d is %s with %d open tasks", v.Module, b.ID, v.State,
			open)
	}
	for i, x := range v.Variants {
		if !validArgs(x.Args) || x.Program.IsZero() || x.Plan.IsZero() ||
			slices.Contains(x.Constants, abi.Digest{}) ||
			(i > 0 && compareArgs(v.Variants[i-1].Args, x.Args) >= 0) {
			return broken("version %s of slot %d has impossible variants", v.Module, b.ID)
		}
	}
	if v.State == ModuleRemoved {
		return nil
	}
	for _, d := range v.blobs() {
		if _, ok := s.blobs[d]; !ok {
			return broken("version %s of slot %d misses blob %s", v.Module, b.ID, d)
		}
	}
	return nil
}

func (s *State) checkTask(t *Task) error {
	if !t.Brain.Valid() || t.ID == (abi.TaskID{}) || t.Module.IsZero() || t.Program.IsZero() ||
		t.Plan.IsZero() || t.Client.IsZero() || t.SubmitIndex == 0 ||
		t.SubmitIndex > t.ChangeIndex || t.ChangeIndex > s.index || len(t.Inputs) == 0 {
		return broken("task %s has impossible fields", t.ID)
	}
	leased := t.Lease != Lease{}
	if t.State < TaskQueued || t.State > TaskCancelled ||
		(t.State == TaskQueued && leased) ||
		((t.State == TaskRunning || t.State == TaskDone) && !leased) ||
		leased != (t.LeasedMS != 0) || t.Lease.Fence > t.ChangeIndex ||
		t.State.Ended() != (t.EndedMS != 0) ||
		(t.State == TaskDone) != (len(t.Outputs) > 0) {
		return broken("task %s is %s with impossible fields", t.ID, t.State)
	}
	if (t.State == TaskFailed && t.Failure.Code == 0) || t.Failure.Code > FailureAttempts ||
		(t.State == TaskDone && t.Failure != Failure{}) ||
		(t.State != TaskDone && len(t.Timings)+len(t.Counters)+len(t.Engine) > 0) {
		return broken("task %s is %s with an impossible result", t.ID, t.State)
	}
	if !validArgs(t.Args) || !validNamed(t.Inputs) || !validNamed(t.Outputs) || !t.wellFormed() {
		return broken("task %s has unsorted or malformed names", t.ID)
	}
	if err := s.checkAttestation(t); err != nil {
		return err
	}
	for _, d := range t.blobs() {
		if _, ok := s.blobs[d]; !ok {
			return broken("task %s misses blob %s", t.ID, d)
		}
	}
	if !t.Open() {
		return nil
	}
	b, ok := s.brains[t.Brain]
	if !ok || b.version(t.Module) < 0 {
		return broken("task %s runs an unknown version", t.ID)
	}
	return nil
}

// wellFormed looks at the names in a result.
func (r *Result) wellFormed() bool {
	return sortedNames(r.Timings, timingName) &&
		sortedNames(r.Counters, func(x Counter) string { return x.Name }) &&
		(r.Engine == "" || abi.ValidName(r.Engine))
}

func timingName(x Timing) string { return x.Name }

func validArgs(args abi.Args) bool {
	sorted, err := abi.NewArgs(args)
	return err == nil && slices.Equal(sorted, args)
}

func sortedNames[T any](list []T, name func(T) string) bool {
	for i, x := range list {
		if !abi.ValidName(name(x)) || (i > 0 && name(list[i-1]) >= name(x)) {
			return false
		}
	}
	return true
}

func validNamed(list []NamedBlob) bool {
	for i, b := range list {
		if !abi.ValidName(b.Name) || b.Digest.IsZero() || (i > 0 && list[i-1].Name >= b.Name) {
			return false
		}
	}
	return true
}
