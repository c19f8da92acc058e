package state

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
)

// View gives read access to a [State]. Everything that it returns is a copy that the
// caller owns. It must not be used outside the function that it was handed to, nor while
// an entry is applied. The zero value is not usable; see [State.View].
type View struct{ s *State }

// View returns read access to s.
func (s *State) View() *View { return &View{s} }

// Index returns the index of the last applied entry.
func (v *View) Index() Index { return v.s.index }

// NowMS returns log time: the greatest stamp of the applied entries, milliseconds since
// 1970, 0 before the first entry.
func (v *View) NowMS() int64 { return v.s.nowMS }

// ClusterID returns the cluster's name, "" before the bootstrap.
func (v *View) ClusterID() string { return v.s.clusterID }

// Policy returns the limits in force.
func (v *View) Policy() Policy { return v.s.policy }

// Setup returns what new tasks are proved under; zero while there is no setup.
func (v *View) Setup() Setup { return v.s.setup }

// Totals returns what became of the attestations since the cluster began.
func (v *View) Totals() Totals { return v.s.totals }

// Conduct returns the record of an address as miner and validator, and false if it has
// none.
func (v *View) Conduct(a abi.Address) (Conduct, bool) {
	k, ok := v.s.conducts[a]
	if !ok {
		return Conduct{}, false
	}
	return k.clone(), true
}

// Conducts returns every record, sorted by address.
func (v *View) Conducts() []Conduct {
	list := make([]Conduct, 0, len(v.s.conducts))
	for _, k := range v.s.conducts {
		list = append(list, k.clone())
	}
	slices.SortFunc(list, func(a, b Conduct) int {
		return bytes.Compare(a.Address[:], b.Address[:])
	})
	return list
}

// Roles returns the roles that an address holds itself.
func (v *View) Roles(a abi.Address) Roles { return v.s.roles[a] }

// May reports whether an address may act in a role: an admin may act as author and
// client, and an open policy makes everybody a client.
func (v *View) May(a abi.Address, r Role) bool { return v.s.may(a, r) }

// Accounts returns every address that holds a role, sorted by address.
func (v *View) Accounts() []Account { return sortedAccounts(v.s.roles) }

// Blob returns a committed blob.
func (v *View) Blob(d abi.Digest) (Blob, bool) {
	if b, ok := v.s.blobs[d]; ok {
		return *b, true
	}
	return Blob{}, false
}

// BlobReferences counts the versions and tasks that refer to a blob; one that names it
// twice counts twice. A blob with references cannot be forgotten.
func (v *View) BlobReferences(d abi.Digest) uint32 { return v.s.refs[d] }

// Blobs returns at most limit blobs with a digest greater than after, sorted by digest.
func (v *View) Blobs(after abi.Digest, limit int) []Blob {
	var list []Blob
	for _, b := range v.s.blobs {
		if bytes.Compare(b.Digest[:], after[:]) > 0 {
			list = append(list, *b)
		}
	}
	slices.SortFunc(list, func(a, b Blob) int { return bytes.Compare(a.Digest[:], b.Digest[:]) })
	return slices.Clip(list[:min(len(list), max(limit, 0))])
}

// OwnedBytes returns the bytes of the blobs that an address has committed.
func (v *View) OwnedBytes(owner abi.Address) uint64 { return v.s.owned[owner] }

// Brain returns a slot that is in use.
func (v *View) Brain(id abi.BrainID) (Brain, bool) {
	b, ok := v.s.brains[id]
	if !ok || !b.InUse() {
		return Brain{}, false
	}
	return b.clone(), true
}

// BrainByName returns the slot in use that has a name.
func (v *View) BrainByName(name string) (Brain, bool) {
	id, ok := v.s.names[name]
	if !ok {
		return Brain{}, false
	}
	return v.Brain(id)
}

// Brains returns the slots in use, sorted by number.
func (v *View) Brains() []Brain {
	var list []Brain
	for _, b := range v.s.brains {
		if b.InUse() {
			list = append(list, b.clone())
		}
	}
	slices.SortFunc(list, func(a, b Brain) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// ModuleState returns the state of a module in a slot: ModuleUploaded if only its blob is
// committed, and false if not even that.
func (v *View) ModuleState(id abi.BrainID, module abi.Digest) (ModuleState, bool) {
	if b, ok := v.s.brains[id]; ok {
		if i := b.version(module); i >= 0 {
			return b.Versions[i].State, true
		}
	}
	if b, ok := v.s.blobs[module]; ok && b.Kinds.Has(BlobModule) {
		return ModuleUploaded, true
	}
	return 0, false
}

// OpenTasks counts the open tasks of a version; see [Task.Open].
func (v *View) OpenTasks(id abi.BrainID, module abi.Digest) uint32 {
	return v.s.open[versionKey{id, module}]
}

// LiveTasks counts the open tasks of a client; see [Task.Open].
func (v *View) LiveTasks(client abi.Address) uint32 { return v.s.live[client] }

// Task returns a task.
func (v *View) Task(id abi.TaskID) (Task, bool) {
	t, ok := v.s.tasks[id]
	if !ok {
		return Task{}, false
	}
	return t.clone(), true
}

// TaskByKey returns the task of a client's idempotency key.
func (v *View) TaskByKey(client abi.Address, key string) (Task, bool) {
	id, ok := v.s.keys[taskKey{client, key}]
	if !ok {
		return Task{}, false
	}
	return v.Task(id)
}

// TaskFilter chooses tasks; its zero value chooses all.
type TaskFilter struct {
	// Client restricts to one client, unless it is zero.
	Client abi.Address
	// Brain restricts to one slot, unless it is 0.
	Brain abi.BrainID
	// State restricts to one state, unless it is 0.
	State TaskState
	// Before restricts to tasks submitted before this index, unless it is 0.
	Before Index
}

func (f TaskFilter) match(t *Task) bool {
	return (f.Client.IsZero() || f.Client == t.Client) &&
		(f.Brain == 0 || f.Brain == t.Brain) &&
		(f.State == 0 || f.State == t.State) &&
		(f.Before == 0 || t.SubmitIndex < f.Before)
}

// Tasks returns at most limit tasks, the newest first.
func (v *View) Tasks(f TaskFilter, limit int) []Task {
	var list []Task
	for _, r := range slices.Backward(v.s.order) {
		if len(list) >= limit {
			break
		}
		if t := v.s.tasks[r.id]; f.match(t) {
			list = append(list, t.clone())
		}
	}
	return list
}

// QueuedTasks returns at most limit tasks that wait for a lease, the oldest submissions
// first: those without a result, and those to be run again for another proof.
func (v *View) QueuedTasks(limit int) []Task { return v.list(v.s.queue, limit) }

// RunningTasks returns at most limit tasks that a node runs, the oldest submissions first,
// those that are run again included; see [Task.Current] for the lease.
func (v *View) RunningTasks(limit int) []Task { return v.list(v.s.running, limit) }

// ProvingTasks returns at most limit tasks whose proof the holder of the lease owes, the
// oldest submissions first.
func (v *View) ProvingTasks(limit int) []Task { return v.list(v.s.proving, limit) }

// ProvedTasks returns at most limit tasks whose proof waits for verdicts, the oldest
// submissions first.
func (v *View) ProvedTasks(limit int) []Task { return v.list(v.s.proved, limit) }

// Overdue counts, up to limit, the tasks that ExpireLeases would change at a log time.
func (v *View) Overdue(nowMS int64, limit int) int { return len(v.s.overdue(nowMS, limit)) }

func (v *View) list(refs taskList, limit int) []Task {
	refs = refs[:min(len(refs), max(limit, 0))]
	list := make([]Task, 0, len(refs))
	for _, r := range refs {
		list = append(list, v.s.tasks[r.id].clone())
	}
	return list
}

// Counts are the sizes of the tables, and of the lists of tasks by what they wait for.
type Counts struct {
	Accounts, Blobs, Brains, Tasks, Queued, Running, Requests int
	Proving, Proved, Conducts                                 int
}

// Counts returns the sizes of the tables; Brains counts the slots in use.
func (v *View) Counts() Counts {
	return Counts{
		Accounts: len(v.s.roles), Blobs: len(v.s.blobs), Brains: len(v.s.names),
		Tasks: len(v.s.tasks), Queued: len(v.s.queue), Running: len(v.s.running),
		Requests: len(v.s.requests), Proving: len(v.s.proving), Proved: len(v.s.proved),
		Conducts: len(v.s.conducts),
	}
}

func sortedAccounts(roles map[abi.Address]Roles) []Account {
	list := make([]Account, 0, len(roles))
	for a, r := range roles {
		list = append(list, Account{a, r})
	}
	slices.SortFunc(list, compareAccounts)
	return list
}
