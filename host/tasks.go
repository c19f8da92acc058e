package host

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/api"
	"github.com/cerberus-host/cerberus/host/worker"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
	"github.com/cerberus-host/cerberus/raftstore"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

const (
	// tasksListedDefault is how many tasks a list has when the caller does not say.
	tasksListedDefault = 100
	// preparesMax bounds the submissions whose inputs are looked at, at once.
	preparesMax = 2
	// taskLabel separates task ids from every other digest.
	taskLabel = "cerberus task v1"
)

// tasksBackend answers TaskService.
type tasksBackend struct {
	*core

	worker *worker.Worker
	// prepares has a seat for each submission whose inputs are being looked at.
	prepares chan struct{}
	// serving ends when the node stops; streams end with it.
	serving context.Context //nolint:containedctx // it is the node's life, not a request's
}

var _ api.Tasks = (*tasksBackend)(nil)

// SubmitTask implements api.Tasks. What is wrong with inputs or keys is refused here,
// before the task is queued; what is wrong with the rest is refused by the log.
func (b *tasksBackend) SubmitTask(
	ctx context.Context, caller api.Caller, req *cerberusv1.SubmitTaskRequest,
) (*cerberusv1.SubmitTaskResponse, error) {
	cmd, err := b.submission(caller, req)
	if err != nil {
		return nil, err
	}
	task, known, err := b.resolve(ctx, caller, req)
	if err != nil {
		return nil, err
	}
	if known {
		if err := b.prepare(ctx, task); err != nil {
			return nil, err
		}
	}
	resp, err := proposeFor(ctx, b.core, caller, cmd)
	if err != nil {
		return nil, err
	}
	out := &cerberusv1.SubmitTaskResponse{}
	err = b.read(ctx, func(v *state.View) error {
		t, ok := v.Task(resp.Task)
		if !ok {
			return api.Refuse(api.UnknownTask, "", "task %s was pruned meanwhile", resp.Task)
		}
		out.Task = protoTask(v, &t)
		return nil
	})
	return out, err
}

// submission builds the command. The task's id follows from who submits and the
// idempotency key, so that a repeated submission is the same task.
func (b *tasksBackend) submission(
	caller api.Caller, req *cerberusv1.SubmitTaskRequest,
) (*raftlogv1.SubmitTask, error) {
	args, err := publicArgs(req.GetArguments())
	if err != nil {
		return nil, err
	}
	id := abi.LabelledDigest(taskLabel, b.cluster(), caller.Address[:], req.GetIdempotencyKey())
	cmd := &raftlogv1.SubmitTask{
		TaskId: id[:], Brain: req.GetBrain(), ModuleDigest: req.GetModuleDigest(),
		Args: logArgs(args), KeysetDigest: req.GetKeySet(), Client: caller.Address[:],
		IdempotencyKey: req.GetIdempotencyKey(), PlanDigest: req.GetPlanDigest(),
		// The numbers of the public policies are those of the log.
		Attestation: raftlogv1.AttestationPolicy(req.GetAttestation()),
		SetupDigest: req.GetSetupDigest(),
	}
	if n := len(req.GetKeySet()); n != 0 && n != abi.DigestBytes {
		return nil, api.Refuse(api.InvalidArgument, "key_set", "%d bytes are no digest", n)
	}
	for _, in := range req.GetInputs() {
		cmd.Inputs = append(cmd.Inputs, &raftlogv1.NamedDigest{
			Name: in.GetName(), Digest: in.GetDigest(),
		})
	}
	sortNamed(cmd.GetInputs())
	return cmd, nil
}

func publicArgs(list []*cerberusv1.Argument) (abi.Args, error) {
	args := make([]abi.Arg, len(list))
	for i, a := range list {
		args[i] = abi.Arg{Name: a.GetName(), Value: a.GetValue()}
	}
	sorted, err := abi.NewArgs(args)
	if err != nil {
		return nil, api.Refuse(api.InvalidArgument, "arguments", "%s", err)
	}
	return sorted, nil
}

// resolve finds the registered Plan of a submission. known is false for what was submitted
// before and for what the log will refuse anyway: one place decides about those.
func (b *tasksBackend) resolve(
	ctx context.Context, caller api.Caller, req *cerberusv1.SubmitTaskRequest,
) (t worker.Task, known bool, err error) {
	args, err := publicArgs(req.GetArguments())
	if err != nil {
		return worker.Task{}, false, err
	}
	t = worker.Task{Module: abi.Digest(req.GetModuleDigest()), Args: args}
	if len(req.GetKeySet()) > 0 {
		t.KeySet = abi.Digest(req.GetKeySet())
	}
	err = b.read(ctx, func(v *state.View) error {
		if err := need(v, caller, state.RoleClient); err != nil {
			return err
		}
		if _, repeated := v.TaskByKey(caller.Address, string(req.GetIdempotencyKey())); repeated {
			return nil
		}
		brain, _ := v.Brain(abi.BrainID(req.GetBrain()))
		active, ok := brain.Active()
		if !ok || active.Module != t.Module {
			return nil
		}
		i := slices.IndexFunc(active.Variants, func(x state.Variant) bool {
			return x.Args.Equal(args)
		})
		if i < 0 || active.Variants[i].Plan != abi.Digest(req.GetPlanDigest()) {
			return nil
		}
		t.Program, t.Plan = active.Variants[i].Program, active.Variants[i].Plan
		known, err = inputsKnown(v, req, &t)
		return err
	})
	return t, known, err
}

// inputsKnown fills in the inputs and holds their sizes to what the client claims.
func inputsKnown(
	v *state.View, req *cerberusv1.SubmitTaskRequest, t *worker.Task,
) (bool, error) {
	for i, in := range req.GetInputs() {
		d := abi.Digest(in.GetDigest())
		found, ok := v.Blob(d)
		if !ok || !found.Kinds.Has(state.BlobCiphertext) {
			return false, nil
		}
		if in.GetBytes() != 0 && in.GetBytes() != int64(found.SizeBytes) {
			return false, api.Refuse(api.InputMismatch, fmt.Sprintf("inputs[%d].bytes", i),
				"input %q has %d bytes, not %d", in.GetName(), found.SizeBytes, in.GetBytes())
		}
		t.Inputs = append(t.Inputs, worker.NamedBlob{Name: in.GetName(), Digest: d})
	}
	if t.KeySet.IsZero() {
		return true, nil
	}
	found, ok := v.Blob(t.KeySet)
	return ok && found.Kinds.Has(state.BlobKeySet), nil
}

// prepare looks at inputs and keys, a few submissions at a time. A failure that another
// attempt might not meet does not stand in the way of queueing.
func (b *tasksBackend) prepare(ctx context.Context, t worker.Task) error {
	select {
	case b.prepares <- struct{}{}:
		defer func() { <-b.prepares }()
	case <-ctx.Done():
		return ctx.Err()
	}
	err := b.worker.Prepare(ctx, t)
	var f *worker.Error
	if errors.As(err, &f) && f.Retryable && ctx.Err() == nil {
		b.log.WarnContext(ctx, "inputs could not be looked at", "error", err)
		return nil
	}
	if errors.As(err, &f) && f.Cause == worker.CauseBadInput && f.Field == "key_set" &&
		t.KeySet.IsZero() {
		return nil // the log refuses it, with its own word
	}
	return refusal(err)
}

// find returns a task that the caller may see: its client's and the admins'.
func find(v *state.View, caller api.Caller, id []byte) (state.Task, error) {
	t, ok := v.Task(abi.TaskID(id))
	if !ok {
		return state.Task{}, api.Refuse(api.UnknownTask, "id", "no task %x is kept", id)
	}
	if t.Client != caller.Address && !v.May(caller.Address, state.RoleAdmin) {
		return state.Task{}, api.Refuse(api.PermissionDenied, "id",
			"the task belongs to another client")
	}
	return t, nil
}

// GetTask implements api.Tasks.
func (b *tasksBackend) GetTask(
	ctx context.Context, caller api.Caller, req *cerberusv1.GetTaskRequest,
) (*cerberusv1.GetTaskResponse, error) {
	if err := b.once(caller); err != nil {
		return nil, err
	}
	out := &cerberusv1.GetTaskResponse{}
	err := b.read(ctx, func(v *state.View) error {
		t, err := find(v, caller, req.GetId())
		if err == nil {
			out.Task = protoTask(v, &t)
		}
		return err
	})
	return out, err
}

// WatchTask implements api.Tasks.
func (b *tasksBackend) WatchTask(
	ctx context.Context, caller api.Caller, req *cerberusv1.WatchTaskRequest,
	send func(*cerberusv1.Task) error,
) error {
	if err := b.once(caller); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(b.serving, cancel)()
	err := b.watch(ctx, caller, req, send)
	if b.serving.Err() != nil {
		return api.Refuse(api.NotReady, "", "the node is stopping")
	}
	return err
}

func (b *tasksBackend) watch(
	ctx context.Context, caller api.Caller, req *cerberusv1.WatchTaskRequest,
	send func(*cerberusv1.Task) error,
) error {
	var seen state.Index
	for {
		var now state.Task
		var shown *cerberusv1.Task
		var index state.Index
		err := b.read(ctx, func(v *state.View) error {
			var err error
			now, err = find(v, caller, req.GetId())
			if err == nil {
				shown = protoTask(v, &now)
			}
			index = v.Index()
			return err
		})
		if err != nil {
			return err
		}
		if now.ChangeIndex != seen {
			if err := send(shown); err != nil {
				return err
			}
			seen = now.ChangeIndex
		}
		if now.State.Ended() && (!req.GetUntilSettled() || !now.Attestation.Open()) {
			return nil
		}
		if err := b.awaitChange(ctx, now.ID, index); err != nil {
			return err
		}
	}
}

// awaitChange waits until an entry after an index changed the task.
func (b *tasksBackend) awaitChange(ctx context.Context, id abi.TaskID, after state.Index) error {
	watcher := b.raft.Watch(after)
	for {
		events, err := watcher.Next(ctx)
		if errors.Is(err, raftstore.ErrCompacted) {
			return nil // look at the task itself
		}
		if err != nil {
			return refusal(err)
		}
		if slices.ContainsFunc(events, func(e state.Event) bool { return e.Task == id }) {
			return nil
		}
	}
}

// CancelTask implements api.Tasks.
func (b *tasksBackend) CancelTask(
	ctx context.Context, caller api.Caller, req *cerberusv1.CancelTaskRequest,
) error {
	_, err := proposeFor(ctx, b.core, caller, &raftlogv1.CancelTask{TaskId: req.GetId()})
	return err
}

// ListTasks implements api.Tasks: a client's own tasks, or for an admin everybody's.
func (b *tasksBackend) ListTasks(
	ctx context.Context, caller api.Caller, req *cerberusv1.ListTasksRequest,
) (*cerberusv1.ListTasksResponse, error) {
	if err := b.once(caller); err != nil {
		return nil, err
	}
	filter := state.TaskFilter{}
	switch n := len(req.GetClient()); n {
	case 0:
	case abi.AddressBytes:
		filter.Client = abi.Address(req.GetClient())
	default:
		return nil, api.Refuse(api.InvalidArgument, "client", "%d bytes are no address", n)
	}
	limit := int(req.GetLimit())
	if limit == 0 {
		limit = tasksListedDefault
	}
	out := &cerberusv1.ListTasksResponse{}
	err := b.read(ctx, func(v *state.View) error {
		if filter.Client != caller.Address && !v.May(caller.Address, state.RoleAdmin) {
			return &api.Error{
				Reason: api.PermissionDenied, Field: "client",
				Message: "only admins see the tasks of others",
				Fix:     "Set client to your own address.",
			}
		}
		for _, t := range v.Tasks(filter, limit) {
			out.Tasks = append(out.Tasks, protoTask(v, &t))
		}
		return nil
	})
	return out, err
}
