package state

import (
	"github.com/cerberus-host/cerberus/abi"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
)

// leaseTask gives a task that waits for a node to the signing one. The entry's index is the
// fence: it grows with every lease, so that a result of an earlier lease can be told apart.
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
	if !old.Leasable() {
		return refuse(CodeTaskNotQueued, "task_id", "task %s is %s", old.ID, old.State)
	}
	t := *old
	t.Attempts++
	lease := Lease{Node: node, Fence: c.index, DeadlineMS: m.GetDeadlineMs()}
	if t.State == TaskQueued {
		t.State = TaskRunning
		t.LeasedMS = c.nowMS
		t.Lease = lease
	} else {
		t.Attestation.Attempts++
		t.Attestation.Lease = lease
	}
	c.putTask(t)
	c.resp.Fence = c.index
	return nil
}

// checkLease finds a task and refuses whoever holds neither the lease of its result nor
// that of its proof.
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
	case t.Lease.holds(holder, fence), t.Attestation.Lease.holds(holder, fence):
		return t, nil
	}
	now := t.Current()
	return nil, refuse(CodeStaleFence, "fence", "fence %d of %s, the task has %d of %s", fence,
		holder, now.Fence, now.Node)
}

// holds reports whether it is the lease of a node and a fence.
func (l Lease) holds(node abi.Address, fence uint64) bool {
	return l.Fence != 0 && l.Node == node && l.Fence == Index(fence)
}

// failTask ends an attempt at a result or a proof. The task waits for another one if that
// may help.
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
	t := *old
	failure := Failure{Code: FailureCode(m.GetCode()), Message: m.GetMessage()}
	switch {
	case old.State == TaskRunning:
		t.Failure = failure
		if m.GetRetryable() && t.Attempts < c.policy.AttemptsMax {
			c.requeue(t)
			return nil
		}
		c.endTask(t, TaskFailed)
	case old.Attestation.State == AttestPending &&
		old.Attestation.Lease.Fence == Index(m.GetFence()):
		c.endAttempt(t, failure, m.GetRetryable())
	default:
		return refuse(CodeTaskEnded, "task_id", "task %s is %s", old.ID, old.State)
	}
	return nil
}

// requeue lets a task, a copy, wait for another attempt at its old place in the queue.
func (c *call) requeue(t Task) {
	t.State = TaskQueued
	t.Lease = Lease{}
	t.LeasedMS = 0
	c.putTask(t)
}

// expireLeases ends the attempts whose lease is over, then those whose proof did not come in
// time, then the attestations that too few validators judged in time; of each the oldest
// submissions first.
func (c *call) expireLeases(m *raftlogv1.ExpireLeases) *Error {
	if bad := c.needNodeOrAdmin(); bad != nil {
		return bad
	}
	limit, bad := parseLimit(m.GetLimit())
	if bad != nil {
		return bad
	}
	due := c.overdue(c.nowMS, limit)
	for _, old := range due {
		c.expire(*old)
	}
	c.resp.Task, c.resp.Brain = [32]byte{}, 0
	c.resp.Count = uint32(len(due))
	return nil
}

// overdue returns at most limit tasks whose present deadline is before a time.
func (s *State) overdue(nowMS int64, limit int) []*Task {
	var due []*Task
	for _, list := range []taskList{s.running, s.proving, s.proved} {
		for _, r := range list {
			if t := s.tasks[r.id]; t.Current().DeadlineMS < nowMS && len(due) < limit {
				due = append(due, t)
			}
		}
	}
	return due
}

// expire ends what a task, a copy, has waited for in vain.
func (c *call) expire(t Task) {
	switch {
	case t.State != TaskRunning:
		c.expireProof(t)
	case t.Attempts < c.policy.AttemptsMax:
		t.Failure = Failure{Code: FailureDeadline, Message: "the lease expired"}
		c.requeue(t)
	default:
		t.Failure = Failure{Code: FailureAttempts, Message: "the last lease expired"}
		c.endTask(t, TaskFailed)
	}
}
