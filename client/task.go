package client

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"connectrpc.com/connect"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
)

const (
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
