package client

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"connectrpc.com/connect"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
)

const (
	// silenceMax is how long a stream may tell nothing before it is opened again. A task may
	// take longer; what is bounded is how long a node can be gone without being noticed.
	silenceMax = time.Minute
	// watchPause is the time between two streams about the same task.
	watchPause = 250 * time.Millisecond
	// cancelWait bounds the call that cancels a task after its caller gave up.
	cancelWait = 3 * time.Second
	// taskLabel is what a task's id is made under, by nodes and clients alike.
	taskLabel = "cerberus task v1"
	// cipherBytesMax bounds one encrypted input or output.
	cipherBytesMax = 64 << 20
)

// uploadAll sends key set and inputs, whatever of them the node lacks.
func (b *Brain) uploadAll(
	ctx context.Context, k *keys, inputs []blob, sent *Bytes,
) error {
	if k.set != nil {
		n, err := b.client.upload(ctx, cerberusv1.BlobKind_BLOB_KIND_KEY_SET, k.digest, k.set,
			b.client.transfer("upload evaluation keys"))
		if err != nil {
			return wrapRPC("upload evaluation keys", err)
		}
		sent.Keys = n
	}
	for _, in := range inputs {
		n, err := b.client.upload(ctx, cerberusv1.BlobKind_BLOB_KIND_CIPHERTEXT, in.digest, in.data,
			b.client.transfer("upload encrypted "+in.name))
		if err != nil {
			return wrapRPC("upload encrypted "+in.name, err)
		}
		sent.Upload += n
	}
	return nil
}

// run submits the task and waits until it has ended. If ctx ends first, the task is
// cancelled.
func (b *Brain) run(ctx context.Context, s *sending) (*cerberusv1.Task, error) {
	var once [16]byte
	if _, err := io.ReadFull(b.client.rand, once[:]); err != nil {
		return nil, fmt.Errorf("make idempotency key: %w", err)
	}
	resp, err := b.client.tasks.SubmitTask(ctx, b.submission(s, once[:]))
	if err != nil {
		return nil, wrapRPC("submit task", err)
	}
	task := resp.GetTask()
	// Who submits and the key make the id: the node cannot answer with another task.
	self := b.client.Address()
	id := abi.TaskID(abi.LabelledDigest(taskLabel, b.cluster[:], self[:], once[:]))
	if !bytes.Equal(task.GetId(), id[:]) {
		return nil, fmt.Errorf("%w: submitted task %s, the node answers with %x", ErrVerification, id,
			task.GetId())
	}
	err = b.client.keepReceipt(b.receipt(s, id))
	if err == nil {
		task, err = b.client.watch(ctx, task)
	}
	if err != nil && ctx.Err() != nil {
		// Nobody waits for the result any more.
		b.client.cancelTask(ctx, id[:])
	}
	return task, err
}

// submission is what is sent of a request: digests and public arguments.
func (b *Brain) submission(s *sending, once []byte) *cerberusv1.SubmitTaskRequest {
	req := &cerberusv1.SubmitTaskRequest{
		Brain: uint32(b.number), ModuleDigest: b.module[:], PlanDigest: s.digest[:],
		IdempotencyKey: once,
	}
	for _, a := range s.args {
		req.Arguments = append(req.Arguments, &cerberusv1.Argument{Name: a.Name, Value: a.Value})
	}
	for _, in := range s.inputs {
		req.Inputs = append(req.Inputs, &cerberusv1.NamedBlob{
			Name: in.name, Digest: in.digest[:], Bytes: int64(len(in.data)),
		})
	}
	if s.keys.set != nil {
		req.KeySet = s.keys.digest[:]
	}
	if s.proof != nil {
		req.Attestation = cerberusv1.AttestationPolicy_ATTESTATION_POLICY_PROOF
		req.SetupDigest = s.proof.digest[:]
	}
	return req
}

// receipt is what the client keeps of a request that it submitted.
func (b *Brain) receipt(s *sending, id abi.TaskID) *Receipt {
	r := &Receipt{
		Task: id.String(), Cluster: hex.EncodeToString(b.cluster[:]), Brain: b.name, Module: b.module,
		Arguments: s.args.String(), Plan: s.digest, KeySet: s.keys.digest,
	}
	for _, in := range s.inputs {
		r.Inputs = append(r.Inputs, NamedDigest{in.name, in.digest})
	}
	if s.proof != nil {
		r.Setup = s.proof.digest
	}
	return r
}

// watch follows the task until it has ended.
func (c *Client) watch(ctx context.Context, task *cerberusv1.Task) (*cerberusv1.Task, error) {
	task, err := c.until(ctx, task, false, func(t *cerberusv1.Task) bool {
		return ended(t.GetState())
	})
	if err != nil {
		return nil, err
	}
	if task.GetState() != cerberusv1.TaskState_TASK_STATE_DONE {
		return nil, taskError(task)
	}
	return task, nil
}

// until follows the task until it is over in the caller's sense; a stream that breaks or
// falls silent is opened again, and tells the present state first. settled asks for what
// follows the result too.
func (c *Client) until(
	ctx context.Context, task *cerberusv1.Task, settled bool, over func(*cerberusv1.Task) bool,
) (*cerberusv1.Task, error) {
	id := task.GetId()
	for failures := 0; !over(task); {
		now, err := c.follow(ctx, id, settled, over)
		switch {
		case ctx.Err() != nil:
			return nil, fmt.Errorf("watch task %x: %w", id, ctx.Err())
		case now != nil:
			task, failures = now, 0
		case err == nil:
			return nil, fmt.Errorf("%w: the node told nothing of task %x", ErrVerification, id)
		case !silent(err) || failures == attemptsMax-1:
			return nil, wrapRPC("watch task", err)
		default:
			failures++
		}
		if !over(task) && !rest(ctx, watchPause) {
			return nil, fmt.Errorf("watch task %x: %w", id, ctx.Err())
		}
	}
	return task, nil
}

// silent reports whether a stream ended for no reason of the task's.
func silent(err error) bool {
	return broken(err) || connect.CodeOf(err) == connect.CodeDeadlineExceeded
}

// follow reads one stream until the task is over, or the stream, and returns the last state
// that it told, nil if none.
func (c *Client) follow(
	ctx context.Context, id []byte, settled bool, over func(*cerberusv1.Task) bool,
) (*cerberusv1.Task, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	timer := time.AfterFunc(silenceMax, func() { stop(errSilent) })
	defer timer.Stop()
	stream, err := c.tasks.WatchTask(ctx, &cerberusv1.WatchTaskRequest{
		Id: id, UntilSettled: settled,
	})
	if err != nil {
		return nil, silence(ctx, err)
	}
	var last *cerberusv1.Task
	for (last == nil || !over(last)) && stream.Receive() {
		timer.Reset(silenceMax)
		task := stream.Msg().GetTask()
		if !bytes.Equal(task.GetId(), id) {
			err := fmt.Errorf("%w: the node tells of task %x instead of %x", ErrVerification,
				task.GetId(), id)
			return nil, errors.Join(err, stream.Close())
		}
		last = task
		c.event(Event{Phase: progressOf(last)})
	}
	return last, silence(ctx, errors.Join(stream.Err(), stream.Close()))
}

// errSilent ends a stream that told nothing for a long time.
var errSilent = errors.New("the node fell silent")

// silence gives an error that follows from the end of a silent stream its real cause.
func silence(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errSilent) {
		return connect.NewError(connect.CodeDeadlineExceeded, errSilent)
	}
	return err
}

// taskError is the error of a task that ended without a result.
func taskError(task *cerberusv1.Task) error {
	text := fmt.Sprintf("task %x %s", task.GetId(), stateWord(task.GetState()))
	if m := task.GetFailureMessage(); m != "" {
		text += ": " + clean(m)
	}
	if fix := task.GetFailure().GetFix(); fix != "" {
		text += "; " + clean(fix)
	}
	return fmt.Errorf("%w: %s", ErrRefused, text)
}

// cancelTask tells the node that nobody waits any more; a failure changes nothing.
func (c *Client) cancelTask(ctx context.Context, id []byte) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cancelWait)
	defer stop()
	_, err := c.tasks.CancelTask(ctx, &cerberusv1.CancelTaskRequest{Id: id})
	if err != nil {
		c.event(Event{Phase: "cancel task", Detail: connect.CodeOf(err).String()})
	}
}

func ended(s cerberusv1.TaskState) bool {
	switch s {
	case cerberusv1.TaskState_TASK_STATE_DONE, cerberusv1.TaskState_TASK_STATE_FAILED,
		cerberusv1.TaskState_TASK_STATE_CANCELLED:
		return true
	default:
		return false
	}
}

func stateWord(s cerberusv1.TaskState) string {
	switch s {
	case cerberusv1.TaskState_TASK_STATE_QUEUED:
		return "queued"
	case cerberusv1.TaskState_TASK_STATE_RUNNING:
		return "running"
	case cerberusv1.TaskState_TASK_STATE_DONE:
		return "done"
	case cerberusv1.TaskState_TASK_STATE_FAILED:
		return "failed"
	case cerberusv1.TaskState_TASK_STATE_CANCELLED:
		return "cancelled"
	default:
		return "unknown"
	}
}

// progressOf tells how far a task is.
func progressOf(t *cerberusv1.Task) string {
	if t.GetState() == cerberusv1.TaskState_TASK_STATE_DONE && t.GetAttestation() != nil {
		return "attestation " + AttestationWord(t.GetAttestation().GetState())
	}
	return "task " + stateWord(t.GetState())
}

// fetchOutputs downloads the encrypted outputs, checks their digests and decodes them;
// their metadata is the Plan's, not what the blob says.
func (b *Brain) fetchOutputs(
	ctx context.Context, plan *fhe.Plan, task *cerberusv1.Task,
) (map[string]fhe.Ciphertext, int64, error) {
	var total int64
	out := make(map[string]fhe.Ciphertext, len(plan.Outputs))
	for _, want := range plan.Outputs {
		digest, err := outputDigest(task.GetOutputs(), want.Name)
		if err != nil {
			return nil, total, err
		}
		raw, err := b.client.download(ctx, digest, cipherBytesMax)
		if err != nil {
			return nil, total, wrapRPC("download output "+want.Name, err)
		}
		total += int64(len(raw))
		ct, err := fhe.ParseOutput(plan.Params, want, raw)
		if err != nil {
			return nil, total, fmt.Errorf("%w: output %s: %w", ErrVerification, want.Name, err)
		}
		out[want.Name] = ct
	}
	return out, total, nil
}

func outputDigest(outputs []*cerberusv1.NamedBlob, name string) (abi.Digest, error) {
	for _, o := range outputs {
		if o.GetName() == name {
			d, err := abi.DigestFromBytes(o.GetDigest())
			if err != nil {
				return abi.Digest{}, fmt.Errorf("%w: output %s: %w", ErrVerification, name, err)
			}
			return d, nil
		}
	}
	return abi.Digest{}, fmt.Errorf("%w: the result lacks output %s", ErrVerification, name)
}
