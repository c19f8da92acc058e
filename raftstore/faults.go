package raftstore

// Step names a point at which a file of the node changes. Each is visited before the
// change; the same name with the suffix [StepDone] is visited after it.
const (
	// StepLogCreate makes an empty log file.
	StepLogCreate = "log create"
	// StepLogAppend commits a batch of entries: two fsyncs.
	StepLogAppend = "log append"
	// StepLogDelete commits the deletion of entries: two fsyncs.
	StepLogDelete = "log delete"
	// StepStableSet commits the term or the vote: two fsyncs.
	StepStableSet = "stable set"
	// StepSnapshotCreate opens a snapshot's temporary file.
	StepSnapshotCreate = "snapshot create"
	// StepSnapshotWrite writes to it.
	StepSnapshotWrite = "snapshot write"
	// StepSnapshotFsync makes it durable.
	StepSnapshotFsync = "snapshot fsync"
	// StepSnapshotRename gives it its name.
	StepSnapshotRename = "snapshot rename"
	// StepSnapshotSyncDir makes the name durable.
	StepSnapshotSyncDir = "snapshot fsync directory"
	// StepSnapshotRemove removes an older snapshot or a rest of one.
	StepSnapshotRemove = "snapshot remove"

	// StepDone follows a step's name when the step is over.
	StepDone = " done"
)

// Faults lets a test count the steps at which files change, stop the process at one of
// them, or make it fail.
type Faults interface {
	// Step is called before and after each change. An error stands for the failure of
	// that change; after the change it stands for a failure whose effect is on disk. It
	// must be safe for concurrent use.
	Step(name string) error
}

// noFaults is what runs in production.
type noFaults struct{}

// Step implements Faults.
func (noFaults) Step(string) error { return nil }

// step runs one change between its two visits.
func step(f Faults, name string, change func() error) error {
	if err := f.Step(name); err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	return f.Step(name + StepDone)
}
