package state

import (
	"github.com/cerberus-host/cerberus/abi"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
)

// submitTask queues a task. The same idempotency key with the same content names the
// task that exists already.
func (c *call) submitTask(m *raftlogv1.SubmitTask) *Error {
	t, bad := c.parseTask(m)
	if bad != nil {
		return bad
	}
	if t.IdempotencyKey != "" {
		if id, ok := c.keys[taskKey{t.Client, t.IdempotencyKey}]; ok {
			return c.submitAgain(c.tasks[id], t, CodeIdempotencyConflict, "idempotency_key")
		}
	}
	if old, ok := c.tasks[t.ID]; ok {
		return c.submitAgain(old, t, CodeTaskConflict, "task_id")
	}
	if bad := c.resolveVersion(t, m); bad != nil {
		return bad
	}
	if bad := c.checkSetup(t); bad != nil {
		return bad
	}
	if bad := c.holdNamed("inputs", t.Inputs); bad != nil {
		return bad
	}
	if bad := c.checkQuota(t.Client); bad != nil {
		return bad
	}
	t.State = TaskQueued
	t.SubmittedMS = c.nowMS
	t.SubmitIndex = c.index
	if t.Attestation.Asked() {
		t.Attestation.Setup = c.setup
	}
	if t.IdempotencyKey != "" {
		c.keys[taskKey{t.Client, t.IdempotencyKey}] = t.ID
	}
	c.order.add(t)
	c.putTask(*t)
	return nil
}

// submitAgain answers a repeated submission with the task that exists.
func (c *call) submitAgain(old, t *Task, conflict Code, field string) *Error {
	if !old.sameSubmission(t) {
		return refuse(conflict, field, "task %s was submitted with other content", old.ID)
	}
	c.resp.Task = old.ID
	c.resp.Brain = old.Brain
	c.resp.Existing = true
	return nil
}

// parseTask reads a submission and checks that the signer may make it.
func (c *call) parseTask(m *raftlogv1.SubmitTask) (*Task, *Error) {
	client, bad := parseAddress("client", m.GetClient())
	if bad != nil {
		return nil, bad
	}
	if bad := c.need(RoleClient); bad != nil {
		return nil, bad
	}
	if bad := c.needSelfOr(client, RoleAdmin); bad != nil {
		return nil, bad
	}
	t := &Task{Client: client, IdempotencyKey: string(m.GetIdempotencyKey())}
	if len(t.IdempotencyKey) > IdempotencyKeyBytesMax {
		return nil, refuse(CodeInvalidArgument, "idempotency_key", "%d bytes, the most is %d",
			len(t.IdempotencyKey), IdempotencyKeyBytesMax)
	}
	if t.ID, bad = parseTaskID(m.GetTaskId()); bad != nil {
		return nil, bad
	}
	if m.GetBrain() == 0 || m.GetBrain() > abi.BrainsMax {
		return nil, refuse(CodeUnknownBrain, "brain", "%d is no slot", m.GetBrain())
	}
	t.Brain = abi.BrainID(m.GetBrain())
	if t.Module, bad = parseDigest("module_digest", m.GetModuleDigest()); bad != nil {
		return nil, bad
	}
	if t.Args, bad = parseArgs("args", m.GetArgs()); bad != nil {
		return nil, bad
	}
	if t.Inputs, bad = parseNamedBlobs("inputs", m.GetInputs(), abi.InputsMax); bad != nil {
		return nil, bad
	}
	if t.KeySet, bad = parseOptionalDigest("keyset_digest", m.GetKeysetDigest()); bad != nil {
		return nil, bad
	}
	return t, parseAsked(m, t)
}

// parseAsked reads whether a proof is asked for, and under which setup.
func parseAsked(m *raftlogv1.SubmitTask, t *Task) *Error {
	pinned, bad := parseOptionalDigest("setup_digest", m.GetSetupDigest())
	if bad != nil {
		return bad
	}
	switch m.GetAttestation() {
	case raftlogv1.AttestationPolicy_ATTESTATION_POLICY_UNSPECIFIED,
		raftlogv1.AttestationPolicy_ATTESTATION_POLICY_NONE:
		if !pinned.IsZero() {
			return refuse(CodeInvalidArgument, "setup_digest", "no proof is asked for")
		}
		return nil
	case raftlogv1.AttestationPolicy_ATTESTATION_POLICY_PROOF:
		t.Attestation.State = AttestNone
		t.Attestation.Setup.Digest = pinned
		return nil
	}
	return refuse(CodeInvalidArgument, "attestation", "policy %d is unknown", m.GetAttestation())
}

// checkSetup refuses a task whose proof could not be made, or that its client would not
// trust.
func (c *call) checkSetup(t *Task) *Error {
	pinned := t.Attestation.Setup.Digest
	switch {
	case !t.Attestation.Asked():
		return nil
	case c.setup.IsZero():
		return refuse(CodeNoSetup, "attestation", "the cluster has no setup")
	case !pinned.IsZero() && pinned != c.setup.Digest:
		return refuse(CodeSetupMismatch, "setup_digest", "the cluster's setup is %s",
			c.setup.Digest)
	}
	return nil
}

// resolveVersion finds the active version and the variant that the task runs.
func (c *call) resolveVersion(t *Task, m *raftlogv1.SubmitTask) *Error {
	b, ok := c.brains[t.Brain]
	if !ok || !b.InUse() {
		return refuse(CodeUnknownBrain, "brain", "slot %d is free", t.Brain)
	}
	c.resp.Brain = b.ID
	i := b.version(t.Module)
	switch {
	case i < 0:
		return refuse(CodeUnknownModule, "module_digest", "slot %d has no version %s", t.Brain,
			t.Module)
	case b.Versions[i].State != ModuleActive:
		return refuse(CodeModuleNotActive, "module_digest", "version %s of slot %d is %s",
			t.Module, t.Brain, b.Versions[i].State)
	}
	variant, ok := b.Versions[i].variant(t.Args)
	if !ok {
		return refuse(CodeUnknownArguments, "args", "version %s has no variant for %q", t.Module,
			t.Args)
	}
	plan, bad := parseOptionalDigest("plan_digest", m.GetPlanDigest())
	switch {
	case bad != nil:
		return bad
	case !plan.IsZero() && plan != variant.Plan:
		return refuse(CodePlanMismatch, "plan_digest", "the registered Plan is %s", variant.Plan)
	case variant.NeedsKeys && t.KeySet.IsZero():
		return refuse(CodeKeySetRequired, "keyset_digest", "Plan %s needs keys", variant.Plan)
	case !t.KeySet.IsZero():
		if bad := c.hold("keyset_digest", t.KeySet, BlobKeySet); bad != nil {
			return bad
		}
	}
	t.Program, t.Plan = variant.Program, variant.Plan
	return nil
}

func (c *call) checkQuota(client abi.Address) *Error {
	switch {
	case len(c.tasks) >= TasksMax:
		return refuse(CodeTaskTableFull, "", "%d tasks are kept", len(c.tasks))
	case c.liveTotal >= c.policy.LiveTasksMax:
		return refuse(CodeQueueFull, "", "%d tasks are open, the most is %d", c.liveTotal,
			c.policy.LiveTasksMax)
	case c.live[client] >= c.policy.LiveTasksPerClientMax:
		return refuse(CodeClientQuota, "client", "%d tasks of %s are open, the most is %d",
			c.live[client], client, c.policy.LiveTasksPerClientMax)
	}
	return nil
}

// putTask stores a task, a copy, and keeps everything right that follows from its record:
// references, lists, counts, and the life of its version.
func (c *call) putTask(t Task) {
	t.ChangeIndex = c.index
	old, known := c.tasks[t.ID]
	c.tasks[t.ID] = &t
	c.refer(t.blobs(), 1)
	if known {
		c.refer(old.blobs(), -1)
	}
	c.place(&t)
	c.resp.Task = t.ID
	c.resp.Brain = t.Brain
	c.emit(Event{
		Kind: EventTask, Task: t.ID, Brain: t.Brain, TaskState: t.State,
		Attestation: t.Attestation.State,
	})
	switch {
	case !known:
		c.countLive(&t, 1)
	case old.Open() && !t.Open():
		c.closeTask(&t)
	}
}

// findTask finds a task by the bytes of its id.
func (c *call) findTask(id []byte) (*Task, *Error) {
	tid, bad := parseTaskID(id)
	if bad != nil {
		return nil, bad
	}
	t, ok := c.tasks[tid]
	if !ok {
		return nil, refuse(CodeUnknownTask, "task_id", "no task %s", tid)
	}
	return t, nil
}

// cancelTask ends a task that has no result. Its node learns it when its fence is
// refused.
func (c *call) cancelTask(m *raftlogv1.CancelTask) *Error {
	t, bad := c.findTask(m.GetTaskId())
	if bad != nil {
		return bad
	}
	if bad := c.needSelfOr(t.Client, RoleAdmin); bad != nil {
		return bad
	}
	if t.State == TaskCancelled {
		c.resp.Task, c.resp.Brain, c.resp.Existing = t.ID, t.Brain, true
		return nil
	}
	if t.State.Ended() {
		return refuse(CodeTaskEnded, "task_id", "task %s is %s", t.ID, t.State)
	}
	c.endTask(*t, TaskCancelled)
	return nil
}

// endTask stores a task, a copy, in a final state.
func (c *call) endTask(t Task, state TaskState) {
	t.State = state
	t.EndedMS = c.nowMS
	c.putTask(t)
}

// pruneTasks drops tasks that are not open any more, the oldest submissions first.
func (c *call) pruneTasks(m *raftlogv1.PruneTasks) *Error {
	if bad := c.needNodeOrAdmin(); bad != nil {
		return bad
	}
	limit, bad := parseLimit(m.GetLimit())
	if bad != nil {
		return bad
	}
	if m.GetEndedBeforeMs() < 0 {
		return refuse(CodeInvalidArgument, "ended_before_ms", "%d is no time",
			m.GetEndedBeforeMs())
	}
	dropped := 0
	kept := c.order[:0:0]
	for i, r := range c.order {
		if dropped == limit {
			kept = append(kept, c.order[i:]...)
			break
		}
		t := c.tasks[r.id]
		if t.Open() || t.closedMS() >= m.GetEndedBeforeMs() {
			kept = append(kept, r)
			continue
		}
		c.dropTask(t)
		dropped++
	}
	c.order = kept
	c.resp.Count = uint32(dropped)
	return nil
}

func (c *call) dropTask(t *Task) {
	delete(c.tasks, t.ID)
	delete(c.keys, taskKey{t.Client, t.IdempotencyKey})
	c.refer(t.blobs(), -1)
	c.emit(Event{Kind: EventTaskPruned, Task: t.ID, Brain: t.Brain})
}
