package state

import (
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
)

// leaseTask gives a queued task to the signing node. The entry's index is the fence: it
// grows with every lease, so that a result of an earlier lease can be told apart.
func (c *call) leaseTask(m *raftlogv1.LeaseTask) *Error {
	old, bad := c.findTask(m.GetTaskId())
	if bad != nil {
		return bad
	}
	node, bad := parseAddress("node", m.GetNode())
	if bad != nil {
		return bad
	}
	if bad := c.need(RoleNode); bad != nil {
		return bad
	}
	if c.signer != node {
		return refuse(CodePermissionDenied, "node", "%s may not lease for %s", c.signer, node)
	}
	if d := m.GetDeadlineMs(); d <= c.nowMS || d > c.nowMS+LeaseMaxMS {
		return refuse(CodeInvalidArgument, "deadline_ms", "%d is not within %d ms from now, %d", d,
			LeaseMaxMS, c.nowMS)
	}
	if old.State != TaskQueued {
		return refuse(CodeTaskNotQueued, "task_id", "task %s is %s", old.ID, old.State)
	}
	t := *old
	t.State = TaskRunning
	t.Attempts++
	t.LeasedMS = c.nowMS
	t.Lease = Lease{Node: node, Fence: c.index, DeadlineMS: m.GetDeadlineMs()}
	c.queue.remove(&t)
	c.running.add(&t)
	c.putTask(t)
	c.resp.Fence = c.index
	return nil
}

// checkLease finds a running task and refuses whoever does not hold its lease.
func (c *call) checkLease(id, node []byte, fence uint64) (*Task, *Error) {
	t, bad := c.findTask(id)
	if bad != nil {
		return nil, bad
	}
	holder, bad := parseAddress("node", node)
	if bad != nil {
		return nil, bad
	}
	switch {
	case c.signer != holder:
		return nil, refuse(CodePermissionDenied, "node", "%s may not report for %s", c.signer,
			holder)
	case t.Lease.Node != holder || t.Lease.Fence != Index(fence):
		return nil, refuse(CodeStaleFence, "fence", "fence %d of %s, the task has %d of %s",
			fence, holder, t.Lease.Fence, t.Lease.Node)
	}
	return t, nil
}

// failTask ends an attempt. The task waits for another one if that may help.
func (c *call) failTask(m *raftlogv1.FailTask) *Error {
	old, bad := c.checkLease(m.GetTaskId(), m.GetNode(), m.GetFence())
	if bad != nil {
		return bad
	}
	if m.GetCode() <= raftlogv1.FailureCode_FAILURE_CODE_UNSPECIFIED ||
		m.GetCode() >= raftlogv1.FailureCode_FAILURE_CODE_ATTEMPTS {
		return refuse(CodeInvalidArgument, "code", "failure %d is unknown", m.GetCode())
	}
	if n := len(m.GetMessage()); n > FailureBytesMax {
		return refuse(CodeInvalidArgument, "message", "%d bytes, the most is %d", n,
			FailureBytesMax)
	}
	if old.State != TaskRunning {
		return refuse(CodeTaskEnded, "task_id", "task %s is %s", old.ID, old.State)
	}
	t := *old
	t.Failure = Failure{Code: FailureCode(m.GetCode()), Message: m.GetMessage()}
	if m.GetRetryable() && t.Attempts < c.policy.AttemptsMax {
		c.requeue(t)
		return nil
	}
	c.endTask(t, TaskFailed)
	return nil
}

// requeue lets a task, a copy, wait for another attempt at its old place in the queue.
func (c *call) requeue(t Task) {
	c.running.remove(&t)
	t.State = TaskQueued
	t.Lease = Lease{}
	t.LeasedMS = 0
	c.queue.add(&t)
	c.putTask(t)
}

// expireLeases ends the attempts whose lease is over, the oldest submissions first.
func (c *call) expireLeases(m *raftlogv1.ExpireLeases) *Error {
	if bad := c.needNodeOrAdmin(); bad != nil {
		return bad
	}
	limit, bad := parseLimit(m.GetLimit())
	if bad != nil {
		return bad
	}
	var due []*Task
	for _, r := range c.running {
		if t := c.tasks[r.id]; t.Lease.DeadlineMS < c.nowMS && len(due) < limit {
			due = append(due, t)
		}
	}
	for _, old := range due {
		t := *old
		if t.Attempts < c.policy.AttemptsMax {
			t.Failure = Failure{Code: FailureDeadline, Message: "the lease expired"}
			c.requeue(t)
			continue
		}
		t.Failure = Failure{Code: FailureAttempts, Message: "the last lease expired"}
		c.endTask(t, TaskFailed)
	}
	c.resp.Task, c.resp.Brain = [32]byte{}, 0
	c.resp.Count = uint32(len(due))
	return nil
}
