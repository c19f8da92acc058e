package state

import (
	"maps"

	"github.com/cerberus-host/cerberus/abi"
)

// State holds the tables of the cluster. Records are never changed in place: a change
// stores a new record, so that [State.Freeze] is a copy of the tables' pointers.
type State struct {
	index     Index
	nowMS     int64
	clusterID string
	policy    Policy
	setup     Setup
	totals    Totals

	roles    map[abi.Address]Roles
	blobs    map[abi.Digest]*Blob
	brains   map[abi.BrainID]*Brain
	tasks    map[abi.TaskID]*Task
	requests map[requestKey]*request
	conducts map[abi.Address]*Conduct

	derived
}

// derived is what follows from the tables; a snapshot does not hold it.
type derived struct {
	// refs counts what refers to a blob: versions that are not removed, and tasks.
	refs map[abi.Digest]uint32
	// names maps the names of the slots in use.
	names map[string]abi.BrainID
	// keys finds a task by its client's idempotency key.
	keys map[taskKey]abi.TaskID
	// order lists every task, queue those that wait for a node, running those that a node
	// runs, proving those whose proof a node owes, and proved those whose proof waits for
	// verdicts; each by SubmitIndex.
	order, queue, running, proving, proved taskList
	// open counts the open tasks of a version, live those of a client.
	open map[versionKey]uint32
	live map[abi.Address]uint32
	// liveTotal is the sum of live.
	liveTotal uint32
	// owned sums the bytes of an owner's blobs.
	owned map[abi.Address]uint64
	// expiries orders the remembered requests by expiry.
	expiries expiryHeap
}

type versionKey struct {
	brain  abi.BrainID
	module abi.Digest
}

type taskKey struct {
	client abi.Address
	key    string
}

// New returns the empty state, before the first entry.
func New() *State {
	return &State{
		policy:   defaultPolicy(),
		roles:    map[abi.Address]Roles{},
		blobs:    map[abi.Digest]*Blob{},
		brains:   map[abi.BrainID]*Brain{},
		tasks:    map[abi.TaskID]*Task{},
		requests: map[requestKey]*request{},
		conducts: map[abi.Address]*Conduct{},
		derived:  newDerived(),
	}
}

func newDerived() derived {
	return derived{
		refs:  map[abi.Digest]uint32{},
		names: map[string]abi.BrainID{},
		keys:  map[taskKey]abi.TaskID{},
		open:  map[versionKey]uint32{},
		live:  map[abi.Address]uint32{},
		owned: map[abi.Address]uint64{},
	}
}

// Index returns the index of the last applied entry, 0 before the first.
func (s *State) Index() Index { return s.index }

// rebuild computes what follows from the tables.
func (s *State) rebuild() {
	s.derived = newDerived()
	for _, b := range s.blobs {
		s.owned[b.Owner] += b.SizeBytes
	}
	for _, b := range s.brains {
		if b.InUse() {
			s.names[b.Name] = b.ID
		}
		for i := range b.Versions {
			if b.Versions[i].State != ModuleRemoved {
				s.refer(b.Versions[i].blobs(), 1)
			}
		}
	}
	if !s.setup.IsZero() {
		s.refer([]abi.Digest{s.setup.Key}, 1)
	}
	for _, t := range s.tasks {
		s.refer(t.blobs(), 1)
		if t.IdempotencyKey != "" {
			s.keys[taskKey{t.Client, t.IdempotencyKey}] = t.ID
		}
		s.order = append(s.order, taskRef{t.SubmitIndex, t.ID})
		if t.Open() {
			s.countLive(t, 1)
		}
	}
	s.order.sort()
	for _, r := range s.order {
		s.place(s.tasks[r.id])
	}
	for k, r := range s.requests {
		s.expiries = append(s.expiries, expiry{r.expiryMS, k})
	}
	s.expiries.init()
}

// place puts a task into the lists that its state asks for, and takes it out of the others.
func (s *State) place(t *Task) {
	s.queue.set(t, t.Leasable())
	s.running.set(t, t.Executing())
	s.proving.set(t, t.Attestation.Proving())
	s.proved.set(t, t.Attestation.State == AttestProved)
}

// refer adds delta to the reference count of every listed blob.
func (s *State) refer(list []abi.Digest, delta int) {
	for _, d := range list {
		n := int(s.refs[d]) + delta
		if n <= 0 {
			delete(s.refs, d)
			continue
		}
		s.refs[d] = uint32(n)
	}
}

// countLive adds delta to the counts of open tasks.
func (s *State) countLive(t *Task, delta int) {
	v := versionKey{t.Brain, t.Module}
	addCount(s.open, v, delta)
	addCount(s.live, t.Client, delta)
	s.liveTotal = uint32(int(s.liveTotal) + delta)
}

func addCount[K comparable](m map[K]uint32, k K, delta int) {
	n := int(m[k]) + delta
	if n <= 0 {
		delete(m, k)
		return
	}
	m[k] = uint32(n)
}

// Freeze returns a picture of the state that later entries do not change. It copies
// pointers only: about 50 ns for each record.
func (s *State) Freeze() *Frozen {
	return &Frozen{
		index: s.index, nowMS: s.nowMS, clusterID: s.clusterID, policy: s.policy,
		setup: s.setup, totals: s.totals, conducts: maps.Clone(s.conducts),
		roles: maps.Clone(s.roles), blobs: maps.Clone(s.blobs),
		brains: maps.Clone(s.brains), tasks: maps.Clone(s.tasks),
		requests: maps.Clone(s.requests),
	}
}

// Frozen is a consistent picture of a [State]. It is immutable and safe for concurrent
// use.
type Frozen struct {
	index     Index
	nowMS     int64
	clusterID string
	policy    Policy
	setup     Setup
	totals    Totals
	roles     map[abi.Address]Roles
	blobs     map[abi.Digest]*Blob
	brains    map[abi.BrainID]*Brain
	tasks     map[abi.TaskID]*Task
	requests  map[requestKey]*request
	conducts  map[abi.Address]*Conduct
}

// Index returns the index of the last entry in the picture.
func (f *Frozen) Index() Index { return f.index }
