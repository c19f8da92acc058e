package state

import (
	"fmt"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
)

// TaskState is the life of a task.
type TaskState uint8

// The states. Do not renumber.
const (
	// TaskQueued: waits for a lease.
	TaskQueued TaskState = 1
	// TaskRunning: leased to a node.
	TaskRunning TaskState = 2
	// TaskDone: its result is recorded.
	TaskDone TaskState = 3
	// TaskFailed: ended without a result.
	TaskFailed TaskState = 4
	// TaskCancelled: ended by its client or an admin.
	TaskCancelled TaskState = 5
)

// String returns the state's word.
func (t TaskState) String() string {
	switch t {
	case TaskQueued:
		return "queued"
	case TaskRunning:
		return "running"
	case TaskDone:
		return "done"
	case TaskFailed:
		return "failed"
	case TaskCancelled:
		return "cancelled"
	}
	return fmt.Sprintf("task_state_%d", uint8(t))
}

// Ended reports whether the task has its result or will never have one. What comes after a
// result is its attestation; see [Task.Open].
func (t TaskState) Ended() bool {
	return t == TaskDone || t == TaskFailed || t == TaskCancelled
}

// FailureCode says why an attempt failed. The numbers are those of
// raftlog.v1.FailureCode; 0 stands for "no failure".
type FailureCode uint8

// The failures. Do not renumber.
const (
	FailureGuest           FailureCode = 1
	FailureDeadline        FailureCode = 2
	FailureProgramMismatch FailureCode = 3
	FailureBadInput        FailureCode = 4
	FailureBlob            FailureCode = 5
	FailureEngine          FailureCode = 6
	FailureResource        FailureCode = 7
	FailureInternal        FailureCode = 8
	// FailureAttempts: every attempt ended without a result.
	FailureAttempts FailureCode = 9
)

// String returns the failure's stable word.
func (f FailureCode) String() string {
	words := [...]string{
		FailureGuest: "guest_failed", FailureDeadline: "deadline_exceeded",
		FailureProgramMismatch: "program_mismatch", FailureBadInput: "bad_input",
		FailureBlob: "blob_unavailable", FailureEngine: "engine_failed",
		FailureResource: "resource_exhausted", FailureInternal: "internal",
		FailureAttempts: "attempts_exhausted",
	}
	if f >= FailureGuest && f <= FailureAttempts {
		return words[f]
	}
	return fmt.Sprintf("failure_%d", uint8(f))
}

// NamedBlob is a blob under the name of an input or output.
type NamedBlob struct {
	Name   string
	Digest abi.Digest
}

// Timing is how long one phase of a run took.
type Timing struct {
	Name   string
	Micros uint64
}

// Counter is a count that a run reported.
type Counter struct {
	Name  string
	Value uint64
}

// Result is what a run of a task reported.
type Result struct {
	// Outputs are sorted by name.
	Outputs  []NamedBlob
	Timings  []Timing
	Counters []Counter
	Engine   string
}

func (r *Result) clone() Result {
	c := *r
	c.Outputs = slices.Clone(r.Outputs)
	c.Timings = slices.Clone(r.Timings)
	c.Counters = slices.Clone(r.Counters)
	return c
}

// Lease says which node runs a task, until when, and by which fence its result is known.
type Lease struct {
	Node       abi.Address
	Fence      Index
	DeadlineMS int64
}

// Failure is why the latest attempt, or the task, failed.
type Failure struct {
	Code    FailureCode
	Message string
}

// Task is one client request.
type Task struct {
	ID     abi.TaskID
	Brain  abi.BrainID
	Module abi.Digest
	// Program and Plan are those of the version's variant for Args.
	Program abi.Digest
	Plan    abi.Digest
	Args    abi.Args
	// Inputs are sorted by name.
	Inputs []NamedBlob
	// KeySet is zero if the Plan needs no keys.
	KeySet         abi.Digest
	Client         abi.Address
	IdempotencyKey string

	State TaskState
	// Attempts counts the leases so far, those for another proof included.
	Attempts uint32
	// Lease is the one of the result, or the latest one; it is kept when the task ends, and
	// zero while it is queued. Leases for another proof are in the attestation.
	Lease Lease
	// Failure is the latest one, also while the task waits for another attempt.
	Failure Failure
	// SubmittedMS, LeasedMS and EndedMS are log times; 0 where it has not happened.
	SubmittedMS int64
	LeasedMS    int64
	EndedMS     int64
	// SubmitIndex orders the tasks; ChangeIndex is the entry of the latest change.
	SubmitIndex Index
	ChangeIndex Index

	// Result is set when the state is TaskDone.
	Result

	// Attestation is what became of the result's proof.
	Attestation Attestation
}

// Open reports whether something will still happen to the task: it has not ended, or its
// attestation has not.
func (t *Task) Open() bool { return !t.State.Ended() || t.Attestation.Open() }

// Leasable reports whether the task waits for a node: for its first result, or for another
// run with its proof.
func (t *Task) Leasable() bool { return t.State == TaskQueued || t.Attestation.Waiting() }

// Executing reports whether a node runs the task, for its first result or again.
func (t *Task) Executing() bool { return t.State == TaskRunning || t.Attestation.Rerunning() }

// Current returns the lease under which somebody works on the task, or worked on it last.
// It is zero while the task waits for a node.
func (t *Task) Current() Lease {
	if t.State == TaskDone && t.Attestation.Asked() {
		return t.Attestation.Lease
	}
	return t.Lease
}

// Proven returns the outputs that the present proof is about, or has to be about: those of
// the run that is being proved.
func (t *Task) Proven() []NamedBlob {
	if len(t.Attestation.Rerun.Outputs) > 0 {
		return t.Attestation.Rerun.Outputs
	}
	return t.Outputs
}

// closedMS returns the log time since which the task is not open any more.
func (t *Task) closedMS() int64 { return max(t.EndedMS, t.Attestation.EndedMS) }

func (t *Task) clone() Task {
	c := *t
	c.Args = slices.Clone(t.Args)
	c.Inputs = slices.Clone(t.Inputs)
	c.Result = t.Result.clone()
	c.Attestation = t.Attestation.clone()
	return c
}

// blobs lists the blobs that the task refers to.
func (t *Task) blobs() []abi.Digest {
	list := make([]abi.Digest, 0, len(t.Inputs)+len(t.Outputs)+1)
	for _, b := range t.Inputs {
		list = append(list, b.Digest)
	}
	if !t.KeySet.IsZero() {
		list = append(list, t.KeySet)
	}
	for _, b := range t.Outputs {
		list = append(list, b.Digest)
	}
	return append(list, t.Attestation.blobs()...)
}

// sameSubmission reports whether both were submitted with the same content. The other one
// has just been read: its setup is the one that the client insists on, if any.
func (t *Task) sameSubmission(o *Task) bool {
	return t.Brain == o.Brain && t.Module == o.Module && t.Args.Equal(o.Args) &&
		slices.Equal(t.Inputs, o.Inputs) && t.KeySet == o.KeySet && t.Client == o.Client &&
		t.IdempotencyKey == o.IdempotencyKey && t.Attestation.Asked() == o.Attestation.Asked() &&
		(o.Attestation.Setup.Digest.IsZero() ||
			t.Attestation.Setup.Digest == o.Attestation.Setup.Digest)
}
