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
	t := *old
	if bad := parseResult(m, &t); bad != nil {
		return bad
	}
	if old.State == TaskDone && slices.Equal(old.Outputs, t.Outputs) {
		c.resp.Task, c.resp.Brain, c.resp.Existing = t.ID, t.Brain, true
		return nil
	}
	if old.State != TaskRunning {
		return refuse(CodeTaskEnded, "task_id", "task %s is %s", old.ID, old.State)
	}
	if bad := c.holdNamed("outputs", t.Outputs); bad != nil {
		return bad
	}
	for _, o := range t.Outputs {
		c.refer([]abi.Digest{o.Digest}, 1)
	}
	t.Failure = Failure{}
	c.endTask(t, TaskDone)
	return nil
}

// parseResult reads a result into a copy of its task.
func parseResult(m *raftlogv1.FinishTask, t *Task) *Error {
	outputs, bad := parseNamedBlobs("outputs", m.GetOutputs(), abi.OutputsMax)
	if bad != nil {
		return bad
	}
	t.Outputs = outputs
	if len(m.GetTimings()) > TimingsMax || len(m.GetCounters()) > CountersMax {
		return refuse(CodeInvalidArgument, "timings", "%d timings and %d counters, at most %d and %d",
			len(m.GetTimings()), len(m.GetCounters()), TimingsMax, CountersMax)
	}
	t.Timings, t.Counters = nil, nil
	last := ""
	for _, x := range m.GetTimings() {
		if !abi.ValidName(x.GetName()) || x.GetName() <= last {
			return refuse(CodeInvalidArgument, "timings", "the names are not sorted and unique")
		}
		last = x.GetName()
		t.Timings = append(t.Timings, Timing{x.GetName(), x.GetMicros()})
	}
	last = ""
	for _, x := range m.GetCounters() {
		if !abi.ValidName(x.GetName()) || x.GetName() <= last {
			return refuse(CodeInvalidArgument, "counters", "the names are not sorted and unique")
		}
		last = x.GetName()
		t.Counters = append(t.Counters, Counter{x.GetName(), x.GetValue()})
	}
	if m.GetEngine() != "" {
		if bad := parseName("engine", m.GetEngine()); bad != nil {
			return bad
		}
	}
	t.Engine = m.GetEngine()
	return nil
}
