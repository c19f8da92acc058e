package state

import (
	"github.com/cerberus-host/cerberus/abi"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
)

// Response is what a command answers. It is recorded and given again to a repetition.
type Response struct {
	// Index is the entry that took effect; of a repetition, the first one's.
	Index Index
	// Code is CodeOK, or why the command was refused.
	Code Code
	// Field and Message explain a refusal; see [Error].
	Field   string
	Message string
	// Brain is the slot of a registration.
	Brain abi.BrainID
	// Task is the task of a task's command. For SubmitTask it may be an earlier task that
	// the same idempotency key names.
	Task abi.TaskID
	// Fence is what LeaseTask hands out: the entry's index.
	Fence Index
	// Count is how many things an expiring or pruning command touched.
	Count uint32
	// Existing is set when the command asked for what is already so; nothing changed.
	Existing bool
	// Replayed is set when the same request was applied before, at Index.
	Replayed bool
}

// Err returns nil for CodeOK and an [*Error] otherwise.
func (r Response) Err() error {
	if r.Code == CodeOK {
		return nil
	}
	return &Error{Code: r.Code, Field: r.Field, Message: r.Message}
}

// call is the application of one entry.
type call struct {
	*State
	signer abi.Address
	resp   Response
	events []Event
}

// emit appends an event of this entry.
func (c *call) emit(e Event) {
	e.Index = c.index
	c.events = append(c.events, e)
}

// Apply applies the entry at an index, which must be greater than every index before.
// Any bytes are allowed: what is not a command is answered with a refusal. A refused
// command changes the index, the time and the table of requests only; of a refused verdict
// it is also counted that there was one.
func (s *State) Apply(index Index, entry []byte) (Response, []Event) {
	if index <= s.index {
		return refusal(index, refuse(CodeUndecodable, "index", "entry %d was applied already",
			index)), nil
	}
	s.index = index
	cmd, bad := decodeCommand(entry)
	if bad != nil {
		return refusal(index, bad), nil
	}
	s.nowMS = max(s.nowMS, cmd.logTimeMS)
	s.forgetRequests()
	if seen, ok := s.requests[cmd.key]; ok {
		if seen.digest != cmd.digest {
			return refusal(index, refuse(CodeNonceReused, "nonce",
				"the nonce belongs to another request")), nil
		}
		return seen.replay(), nil
	}
	if bad := s.checkRequest(cmd); bad != nil {
		return refusal(index, bad), nil
	}
	c := &call{State: s, signer: cmd.key.signer, resp: Response{Index: index}}
	if bad := c.dispatch(cmd); bad != nil {
		c.resp, c.events = refusal(index, bad), nil
	}
	s.remember(cmd, c.resp)
	return c.resp, c.events
}

func refusal(index Index, e *Error) Response {
	return Response{Index: index, Code: e.Code, Field: e.Field, Message: e.Message}
}

// checkRequest refuses a request whose time is over or that cannot be remembered. Such a
// request leaves no trace, so that it may be repeated.
func (s *State) checkRequest(cmd *command) *Error {
	switch {
	case cmd.expiryMS < s.nowMS:
		return refuse(CodeRequestExpired, "expiry_ms", "the request expired %d ms ago",
			s.nowMS-cmd.expiryMS)
	case cmd.expiryMS > s.nowMS+RequestTTLMaxMS:
		return refuse(CodeInvalidArgument, "expiry_ms",
			"the request expires in %d ms, the most is %d", cmd.expiryMS-s.nowMS,
			RequestTTLMaxMS)
	case len(s.requests) >= RequestsMax:
		return refuse(CodeRequestTableFull, "", "%d requests are remembered",
			len(s.requests))
	}
	return nil
}

// dispatch applies the body. A handler checks everything before it changes anything.
func (c *call) dispatch(cmd *command) *Error {
	if c.clusterID == "" && cmd.kind != raftlogv1.CommandType_COMMAND_TYPE_BOOTSTRAP {
		return refuse(CodeNotBootstrapped, "", "the cluster has no id yet")
	}
	switch cmd.kind {
	case raftlogv1.CommandType_COMMAND_TYPE_UNSPECIFIED:
	case raftlogv1.CommandType_COMMAND_TYPE_BOOTSTRAP:
		return run(c, cmd.body, &raftlogv1.Bootstrap{}, (*call).bootstrap)
	case raftlogv1.CommandType_COMMAND_TYPE_SET_ROLE:
		return run(c, cmd.body, &raftlogv1.SetRole{}, (*call).setRole)
	case raftlogv1.CommandType_COMMAND_TYPE_SET_POLICY:
		return run(c, cmd.body, &raftlogv1.SetPolicy{}, (*call).setPolicy)
	case raftlogv1.CommandType_COMMAND_TYPE_COMMIT_BLOB:
		return run(c, cmd.body, &raftlogv1.CommitBlob{}, (*call).commitBlob)
	case raftlogv1.CommandType_COMMAND_TYPE_FORGET_BLOB:
		return run(c, cmd.body, &raftlogv1.ForgetBlob{}, (*call).forgetBlob)
	case raftlogv1.CommandType_COMMAND_TYPE_EXPIRE_BLOBS:
		return run(c, cmd.body, &raftlogv1.ExpireBlobs{}, (*call).expireBlobs)
	case raftlogv1.CommandType_COMMAND_TYPE_REGISTER_MODULE:
		return run(c, cmd.body, &raftlogv1.RegisterModule{}, (*call).registerModule)
	case raftlogv1.CommandType_COMMAND_TYPE_ACTIVATE_MODULE:
		return run(c, cmd.body, &raftlogv1.ActivateModule{}, (*call).activateModule)
	case raftlogv1.CommandType_COMMAND_TYPE_RETIRE_BRAIN:
		return run(c, cmd.body, &raftlogv1.RetireBrain{}, (*call).retireBrain)
	case raftlogv1.CommandType_COMMAND_TYPE_SUBMIT_TASK:
		return run(c, cmd.body, &raftlogv1.SubmitTask{}, (*call).submitTask)
	case raftlogv1.CommandType_COMMAND_TYPE_LEASE_TASK:
		return run(c, cmd.body, &raftlogv1.LeaseTask{}, (*call).leaseTask)
	case raftlogv1.CommandType_COMMAND_TYPE_FINISH_TASK:
		return run(c, cmd.body, &raftlogv1.FinishTask{}, (*call).finishTask)
	case raftlogv1.CommandType_COMMAND_TYPE_FAIL_TASK:
		return run(c, cmd.body, &raftlogv1.FailTask{}, (*call).failTask)
	case raftlogv1.CommandType_COMMAND_TYPE_CANCEL_TASK:
		return run(c, cmd.body, &raftlogv1.CancelTask{}, (*call).cancelTask)
	case raftlogv1.CommandType_COMMAND_TYPE_EXPIRE_LEASES:
		return run(c, cmd.body, &raftlogv1.ExpireLeases{}, (*call).expireLeases)
	case raftlogv1.CommandType_COMMAND_TYPE_PRUNE_TASKS:
		return run(c, cmd.body, &raftlogv1.PruneTasks{}, (*call).pruneTasks)
	case raftlogv1.CommandType_COMMAND_TYPE_SET_SETUP:
		return run(c, cmd.body, &raftlogv1.SetSetup{}, (*call).setSetup)
	case raftlogv1.CommandType_COMMAND_TYPE_ATTEST_TASK:
		return run(c, cmd.body, &raftlogv1.AttestTask{}, (*call).attestTask)
	case raftlogv1.CommandType_COMMAND_TYPE_JUDGE_TASK:
		return run(c, cmd.body, &raftlogv1.JudgeTask{}, (*call).judgeTask)
	}
	return refuse(CodeUnsupported, "type", "command type %d is unknown", cmd.kind)
}
