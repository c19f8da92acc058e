package state

import (
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
)

// EventKind says what an [Event] is about.
type EventKind uint8

// The kinds of events.
const (
	// EventTask: a task or its attestation changed; Task, Brain, TaskState and Attestation
	// are set.
	EventTask EventKind = 1
	// EventTaskPruned: an ended task was dropped; Task and Brain are set.
	EventTaskPruned EventKind = 2
	// EventModule: a version changed; Brain, Module and ModuleState are set.
	EventModule EventKind = 3
	// EventBrain: a Brain was retired; Brain is set.
	EventBrain EventKind = 4
	// EventBlob: a blob was committed; Blob is set.
	EventBlob EventKind = 5
	// EventBlobForgotten: a blob was forgotten, the blob store may drop it; Blob is set.
	EventBlobForgotten EventKind = 6
	// EventAccess: roles, policy or cluster id changed.
	EventAccess EventKind = 7
	// EventSetup: the cluster has another setup.
	EventSetup EventKind = 8
	// EventMark: a miner's proof was rejected by a quorum; Node, Task, Brain and Blob, the
	// bundle, are set.
	EventMark EventKind = 9
	// EventMismatch: a later run of a task gave other outputs; Node, Task and Brain are set.
	EventMismatch EventKind = 10
)

// String returns the kind's word.
func (k EventKind) String() string {
	words := [...]string{
		EventTask: "task", EventTaskPruned: "task pruned", EventModule: "module",
		EventBrain: "brain", EventBlob: "blob", EventBlobForgotten: "blob forgotten",
		EventAccess: "access", EventSetup: "setup", EventMark: "mark",
		EventMismatch: "mismatch",
	}
	if k >= EventTask && k <= EventMismatch {
		return words[k]
	}
	return fmt.Sprintf("event_%d", uint8(k))
}

// Event tells watchers what an entry changed. It names the thing; its record is to be
// read through a [View]. Events are the same on every replica.
type Event struct {
	// Index is the entry's index; one entry may have several events.
	Index       Index
	Kind        EventKind
	Task        abi.TaskID
	TaskState   TaskState
	Attestation AttestState
	Brain       abi.BrainID
	Module      abi.Digest
	ModuleState ModuleState
	Blob        abi.Digest
	Node        abi.Address
}
