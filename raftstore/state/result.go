package state

import (
	"slices"

	"github.com/cerberus-host/cerberus/abi"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
)

// finishTask records a task's result. The same result of the same lease again is no
// error, so that a node whose first report was lost on the way may repeat it.
func (c *call) finishTask(m *raftlogv1.FinishTask) *Error {
	old, bad := c.checkLease(m.GetTaskId(), m.GetNode(), m.GetFence())
	if bad != nil {
		return bad
	}
	result, bad := parseResult(m)
	if bad != nil {
		return bad
	}
	if old.State == TaskDone && slices.Equal(old.reported(Index(m.GetFence())), result.Outputs) {
		c.resp.Task, c.resp.Brain, c.resp.Existing = old.ID, old.Brain, true
		return nil
	}
	again := old.Attestation.Rerunning() && old.Attestation.Lease.Fence == Index(m.GetFence())
	if old.State != TaskRunning && !again {
		return refuse(CodeTaskEnded, "task_id", "task %s is %s", old.ID, old.State)
	}
	if bad := c.holdNamed("outputs", result.Outputs); bad != nil {
		return bad
	}
	t := *old
	if again {
		c.finishAgain(t, result)
		return nil
	}
	t.Result = result
	t.Failure = Failure{}
	if t.Attestation.Asked() {
		t.Attestation.State = AttestPending
		t.Attestation.Attempts = 1
		t.Attestation.Lease = t.Lease
		c.awaitProof(&t.Attestation)
	}
	c.endTask(t, TaskDone)
	return nil
}

// reported returns the outputs that the holder of a fence has reported, nil if none.
func (t *Task) reported(fence Index) []NamedBlob {
	a := &t.Attestation
	switch {
	case a.Reported && fence == a.Lease.Fence:
		return t.Proven()
	case fence == t.Lease.Fence:
		return t.Outputs
	}
	return nil
}

// parseResult reads a result.
func parseResult(m *raftlogv1.FinishTask) (r Result, bad *Error) {
	if r.Outputs, bad = parseNamedBlobs("outputs", m.GetOutputs(), abi.OutputsMax); bad != nil {
		return r, bad
	}
	if r.Timings, bad = parseTimings(m.GetTimings()); bad != nil {
		return r, bad
	}
	if n := len(m.GetCounters()); n > CountersMax {
		return r, refuse(CodeInvalidArgument, "counters", "%d counters, the most is %d", n,
			CountersMax)
	}
	last := ""
	for _, x := range m.GetCounters() {
		if !abi.ValidName(x.GetName()) || x.GetName() <= last {
			return r, refuse(CodeInvalidArgument, "counters", "the names are not sorted and unique")
		}
		last = x.GetName()
		r.Counters = append(r.Counters, Counter{x.GetName(), x.GetValue()})
	}
	if m.GetEngine() != "" {
		if bad := parseName("engine", m.GetEngine()); bad != nil {
			return r, bad
		}
	}
	r.Engine = m.GetEngine()
	return r, nil
}

// parseTimings reads timings that are sorted by name already.
func parseTimings(list []*raftlogv1.PhaseTiming) ([]Timing, *Error) {
	if n := len(list); n > TimingsMax {
		return nil, refuse(CodeInvalidArgument, "timings", "%d timings, the most is %d", n,
			TimingsMax)
	}
	var out []Timing
	last := ""
	for _, x := range list {
		if !abi.ValidName(x.GetName()) || x.GetName() <= last {
			return nil, refuse(CodeInvalidArgument, "timings", "the names are not sorted and unique")
		}
		last = x.GetName()
		out = append(out, Timing{x.GetName(), x.GetMicros()})
	}
	return out, nil
}
