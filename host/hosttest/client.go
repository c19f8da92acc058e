package hosttest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
)

// chunkBytes bounds what one read of a blob asks for.
const chunkBytes = 1 << 20

// Upload stores a blob and returns its digest.
func (c *Client) Upload(kind cerberusv1.BlobKind, data []byte) abi.Digest {
	c.tb.Helper()
	d, err := c.TryUpload(c.tb.Context(), kind, data)
	if err != nil {
		c.tb.Fatal(err)
	}
	return d
}

// TryUpload is [Client.Upload] for a test that expects an error.
func (c *Client) TryUpload(
	ctx context.Context, kind cerberusv1.BlobKind, data []byte,
) (abi.Digest, error) {
	d := abi.SumDigest(data)
	start, err := c.Blobs.StartUpload(ctx, &cerberusv1.StartUploadRequest{
		Digest: d[:], Bytes: int64(len(data)), Kind: kind,
	})
	if err != nil || start.GetComplete() {
		return d, err
	}
	size := int(start.GetChunkBytes())
	for _, r := range start.GetMissing() {
		for i := int(r.GetFirst()); i < int(r.GetEnd()); i++ {
			part := data[i*size : min((i+1)*size, len(data))]
			sum := abi.SumDigest(part)
			_, err := c.Blobs.PutChunk(ctx, &cerberusv1.PutChunkRequest{
				UploadId: start.GetUploadId(), Index: int32(i), Data: part, Digest: sum[:],
			})
			if err != nil {
				return d, err
			}
		}
	}
	_, err = c.Blobs.CommitUpload(ctx, &cerberusv1.CommitUploadRequest{
		UploadId: start.GetUploadId(),
	})
	return d, err
}

// Download reads a whole blob and checks its digest.
func (c *Client) Download(digest []byte) []byte {
	c.tb.Helper()
	var data []byte
	for {
		part, err := c.Blobs.ReadBlob(c.tb.Context(), &cerberusv1.ReadBlobRequest{
			Digest: digest, Offset: int64(len(data)), Limit: chunkBytes,
		})
		if err != nil {
			c.tb.Fatal(err)
		}
		data = append(data, part.GetData()...)
		if int64(len(data)) >= part.GetTotalBytes() || len(part.GetData()) == 0 {
			break
		}
	}
	if d := abi.SumDigest(data); !bytes.Equal(d[:], digest) {
		c.tb.Fatalf("the node sent %s for %x", d, digest)
	}
	return data
}

// Question is an encrypted input for [Square] and what is needed to read the answer.
type Question struct {
	Plan   *fhe.Plan
	Secret *lattigo.SecretKey
	// KeySet and Input are blobs.
	KeySet, Input []byte
}

// Encrypt makes keys for a Plan with one input and encrypts values under them; elements
// that are not given are zero.
func Encrypt(tb testing.TB, plan *fhe.Plan, values []float64) *Question {
	tb.Helper()
	secret, err := lattigo.GenerateSecret(plan.Params, rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	need := plan.KeyNeed()
	set, err := lattigo.GenerateKeys(tb.Context(), secret, need.Relin, need.Galois, rand.Reader,
		nil)
	if err != nil {
		tb.Fatal(err)
	}
	var keys bytes.Buffer
	if err := fhe.WriteKeySet(&keys, set); err != nil {
		tb.Fatal(err)
	}
	in := plan.Inputs[0]
	padded := make([]float64, in.Length)
	copy(padded, values)
	cts, err := lattigo.EncryptVector(secret, in, padded, rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	input, err := fhe.EncodeCiphertexts(plan.Params, cts)
	if err != nil {
		tb.Fatal(err)
	}
	return &Question{Plan: plan, Secret: secret, KeySet: keys.Bytes(), Input: input}
}

// Encrypt is [Encrypt] in the client's test.
func (c *Client) Encrypt(plan *fhe.Plan, values []float64) *Question {
	c.tb.Helper()
	return Encrypt(c.tb, plan, values)
}

// Read decrypts the blob of the Plan's first output.
func (q *Question) Read(tb testing.TB, data []byte) []float64 {
	tb.Helper()
	out := q.Plan.Outputs[0]
	ct, err := fhe.ParseOutput(q.Plan.Params, out, data)
	if err != nil {
		tb.Fatal(err)
	}
	values, err := lattigo.DecryptVector(q.Secret, out, ct)
	if err != nil {
		tb.Fatal(err)
	}
	return values
}

// Plan fetches and parses the first Plan of a version; what it parses is the blob that the
// Plan's digest names.
func (c *Client) Plan(version *cerberusv1.ModuleVersion) *fhe.Plan {
	c.tb.Helper()
	raw := c.Download(version.GetPlans()[0].GetPlanDigest())
	// The blob is a label and the Plan's text, each after its length in 8 bytes.
	const lengthBytes = 8
	label := int(raw[0])
	plan, err := fhe.ParsePlan(raw[lengthBytes+label+lengthBytes:])
	if err != nil {
		c.tb.Fatal(err)
	}
	return plan
}

// Install registers a module in a slot and activates it.
func (c *Client) Install(slot uint32, module []byte) *cerberusv1.ModuleVersion {
	c.tb.Helper()
	d := c.Upload(cerberusv1.BlobKind_BLOB_KIND_MODULE, module)
	resp, err := c.Brains.RegisterModule(c.tb.Context(), &cerberusv1.RegisterModuleRequest{
		Brain: slot, ModuleDigest: d[:],
	})
	if err != nil {
		c.tb.Fatal(err)
	}
	_, err = c.Brains.ActivateModule(c.tb.Context(), &cerberusv1.ActivateModuleRequest{
		Brain: slot, ModuleDigest: d[:],
	})
	if err != nil {
		c.tb.Fatal(err)
	}
	return resp.GetVersion()
}

// Submission uploads a question and returns the request that submits it.
func (c *Client) Submission(
	slot uint32, version *cerberusv1.ModuleVersion, q *Question,
) *cerberusv1.SubmitTaskRequest {
	c.tb.Helper()
	c.Upload(cerberusv1.BlobKind_BLOB_KIND_CIPHERTEXT, q.Input)
	c.Upload(cerberusv1.BlobKind_BLOB_KIND_KEY_SET, q.KeySet)
	return c.Request(slot, version, q)
}

// Request returns the request that submits a question, which is not uploaded.
func (c *Client) Request(
	slot uint32, version *cerberusv1.ModuleVersion, q *Question,
) *cerberusv1.SubmitTaskRequest {
	c.tb.Helper()
	once := make([]byte, 16)
	if _, err := rand.Read(once); err != nil {
		c.tb.Fatal(err)
	}
	input, keys := abi.SumDigest(q.Input), abi.SumDigest(q.KeySet)
	return &cerberusv1.SubmitTaskRequest{
		Brain: slot, ModuleDigest: version.GetModuleDigest(),
		PlanDigest: version.GetPlans()[0].GetPlanDigest(),
		Inputs: []*cerberusv1.NamedBlob{{
			Name: q.Plan.Inputs[0].Name, Digest: input[:], Bytes: int64(len(q.Input)),
		}},
		KeySet: keys[:], IdempotencyKey: once,
	}
}

// Await watches a task until it has ended.
func (c *Client) Await(id []byte) *cerberusv1.Task {
	c.tb.Helper()
	task, err := c.TryAwait(c.tb.Context(), id)
	if err != nil {
		c.tb.Fatal(err)
	}
	return task
}

// TryAwait is [Client.Await] for a test that expects an error.
func (c *Client) TryAwait(ctx context.Context, id []byte) (*cerberusv1.Task, error) {
	return c.tryWatch(ctx, &cerberusv1.WatchTaskRequest{Id: id})
}

// AwaitSettled watches a task until its attestation has ended, too.
func (c *Client) AwaitSettled(id []byte) *cerberusv1.Task {
	c.tb.Helper()
	task, err := c.TryAwaitSettled(c.tb.Context(), id)
	if err != nil {
		c.tb.Fatal(err)
	}
	return task
}

// TryAwaitSettled is [Client.AwaitSettled] for a test that expects an error.
func (c *Client) TryAwaitSettled(ctx context.Context, id []byte) (*cerberusv1.Task, error) {
	return c.tryWatch(ctx, &cerberusv1.WatchTaskRequest{Id: id, UntilSettled: true})
}

func (c *Client) tryWatch(
	ctx context.Context, req *cerberusv1.WatchTaskRequest,
) (*cerberusv1.Task, error) {
	stream, err := c.Tasks.WatchTask(ctx, req)
	if err != nil {
		return nil, err
	}
	var last *cerberusv1.Task
	for stream.Receive() {
		last = stream.Msg().GetTask()
	}
	return last, errors.Join(stream.Err(), stream.Close())
}

// Decrypt fetches and decrypts the first output of a finished task.
func (c *Client) Decrypt(q *Question, task *cerberusv1.Task) []float64 {
	c.tb.Helper()
	if task.GetState() != cerberusv1.TaskState_TASK_STATE_DONE {
		c.tb.Fatalf("task is %s: %s %v", task.GetState(), task.GetFailureMessage(),
			task.GetFailure())
	}
	return q.Read(c.tb, c.Download(task.GetOutputs()[0].GetDigest()))
}

// Ask takes values the whole way through an installed Brain and returns the decrypted
// output and the task.
func (c *Client) Ask(
	slot uint32, version *cerberusv1.ModuleVersion, values []float64,
) ([]float64, *cerberusv1.Task) {
	c.tb.Helper()
	q := c.Encrypt(c.Plan(version), values)
	resp, err := c.Tasks.SubmitTask(c.tb.Context(), c.Submission(slot, version, q))
	if err != nil {
		c.tb.Fatal(err)
	}
	task := c.Await(resp.GetTask().GetId())
	return c.Decrypt(q, task), task
}
