package host_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/host"
	"github.com/cerberus-host/cerberus/host/api"
	"github.com/cerberus-host/cerberus/host/hosttest"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
)

// refusal returns the detail of an error; the test fails without one.
func refusal(t *testing.T, err error) *cerberusv1.ErrorDetail {
	t.Helper()
	var ce *connect.Error
	if !errors.As(err, &ce) {
		t.Fatalf("%v is no refusal", err)
	}
	for _, d := range ce.Details() {
		v, err := d.Value()
		if err != nil {
			t.Fatal(err)
		}
		if detail, ok := v.(*cerberusv1.ErrorDetail); ok {
			return detail
		}
	}
	t.Fatalf("%v has no detail", err)
	return nil
}

// want checks reason and field of a refusal, and that it says a fix.
func want(t *testing.T, name string, err error, reason api.Reason, field string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: accepted, want %s", name, reason)
		return
	}
	d := refusal(t, err)
	if d.GetReason() != string(reason) || d.GetField() != field || d.GetFix() == "" {
		t.Errorf("%s: reason %q, field %q, fix %q (%v); want %s of %q", name, d.GetReason(),
			d.GetField(), d.GetFix(), err, reason, field)
	}
}

func register(t *testing.T, c *hosttest.Client, slot uint32, module []byte) error {
	t.Helper()
	d := c.Upload(cerberusv1.BlobKind_BLOB_KIND_MODULE, module)
	_, err := c.Brains.RegisterModule(t.Context(), &cerberusv1.RegisterModuleRequest{
		Brain: slot, ModuleDigest: d[:],
	})
	return err
}

// manifest returns the harness's manifest with a change.
func manifest(name string, change func(*abi.Manifest)) *abi.Manifest {
	m := hosttest.SquareManifest(name)
	change(m)
	return m
}

func TestBadModules(t *testing.T) {
	node := hosttest.Start(t, time.Now, func(o *host.Options) {
		o.GuestTimeout = 300 * time.Millisecond
	})
	square := hosttest.SquareCode()
	missing := abi.SumDigest([]byte("no such model"))
	for name, c := range map[string]struct {
		module []byte
		reason api.Reason
	}{
		"not wasm": {[]byte("not wasm"), api.ModuleRefused},
		"cut":      {hosttest.Square(t, "cut")[:60], api.ModuleRefused},
		"unknown parameters": {hosttest.Attach(t, square, manifest("a", func(m *abi.Manifest) {
			m.Params = "ckks-99"
		})), api.ParamsUnknown},
		"model missing": {hosttest.Attach(t, square, manifest("b", func(m *abi.Manifest) {
			m.Model = &abi.Model{Digest: missing, Bytes: 8, Tensors: []abi.Tensor{
				{Name: "t", Type: abi.Int8, Shape: []int{8}},
			}}
		})), api.ModelMismatch},
		"infer does nothing": {
			hosttest.Attach(t, hosttest.EmptyCode(), hosttest.SquareManifest("c")), api.InferFailed,
		},
		"infer never ends": {
			hosttest.Attach(t, hosttest.LoopCode(), hosttest.SquareManifest("d")), api.InferFailed,
		},
		"output of another length": {hosttest.Attach(t, square, manifest("e",
			func(m *abi.Manifest) { m.Outputs[0].Length = 3 })), api.InferFailed},
		"input that infer does not use": {hosttest.Attach(t, square, manifest("f",
			func(m *abi.Manifest) {
				m.Inputs = append(m.Inputs, abi.Input{
					Name: "z", Packing: abi.PackSlots, Length: 4, Bound: 1,
				})
			})), api.InferFailed},
		"bound that the modulus does not hold": {hosttest.Attach(t, square, manifest("g",
			func(m *abi.Manifest) { m.Outputs[0].Bound = 1 << 20 })), api.PlanFailed},
	} {
		want(t, name, register(t, node.Admin, 1, c.module), c.reason, "module_digest")
	}
	unknown := abi.SumDigest([]byte("never uploaded"))
	_, err := node.Admin.Brains.RegisterModule(t.Context(), &cerberusv1.RegisterModuleRequest{
		Brain: 1, ModuleDigest: unknown[:],
	})
	want(t, "unknown digest", err, api.UnknownBlob, "module_digest")
	for _, slot := range []uint32{0, 1025} {
		_, err := node.Admin.Brains.RegisterModule(t.Context(), &cerberusv1.RegisterModuleRequest{
			Brain: slot, ModuleDigest: unknown[:],
		})
		want(t, "slot out of range", err, api.InvalidArgument, "brain")
	}
	brains, err := node.Admin.Brains.ListBrains(t.Context(), &cerberusv1.ListBrainsRequest{})
	if err != nil || len(brains.GetBrains()) != 0 {
		t.Fatalf("refused modules left %v, %v", brains, err)
	}
	// The node serves on.
	version := node.Install(1, hosttest.Square(t, "good"))
	node.Stranger().Ask(1, version, []float64{1})
}

func TestInsecureParametersAreRefused(t *testing.T) {
	node := hosttest.Start(t, time.Now, func(o *host.Options) { o.AllowInsecureParams = false })
	want(t, "insecure", register(t, node.Admin, 1, hosttest.Square(t, "square")),
		api.ParamsInsecure, "module_digest")
}

func TestSlotsAndNames(t *testing.T) {
	node := hosttest.Start(t, time.Now, nil)
	node.Install(7, hosttest.Square(t, "square"))
	_, err := node.Admin.Brains.GetBrain(t.Context(), &cerberusv1.GetBrainRequest{
		Key: &cerberusv1.GetBrainRequest_Name{Name: "nobody"},
	})
	want(t, "unknown name", err, api.UnknownBrain, "name")
	_, err = node.Admin.Brains.GetBrain(t.Context(), &cerberusv1.GetBrainRequest{
		Key: &cerberusv1.GetBrainRequest_Number{Number: 8},
	})
	want(t, "unknown number", err, api.UnknownBrain, "number")
	other := hosttest.Attach(t, hosttest.SquareCode(), manifest("square", func(m *abi.Manifest) {
		m.Version = "2"
	}))
	want(t, "taken name", register(t, node.Admin, 8, other), api.NameTaken, "module_digest")

	// Another author may not touch the slot, nor anybody without the role.
	author := node.Stranger()
	d := abi.SumDigest([]byte("module"))
	_, err = author.Brains.RegisterModule(t.Context(), &cerberusv1.RegisterModuleRequest{
		Brain: 9, ModuleDigest: d[:],
	})
	want(t, "no author", err, api.PermissionDenied, "")
	address := author.Key.Address()
	_, err = node.Admin.Nodes.SetRole(t.Context(), &cerberusv1.SetRoleRequest{
		Address: address[:], Role: cerberusv1.Role_ROLE_AUTHOR, Grant: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "slot of another author", register(t, author, 7, other), api.BrainTaken, "brain")
	_, err = author.Brains.RetireBrain(t.Context(), &cerberusv1.RetireBrainRequest{Brain: 7})
	want(t, "retire", err, api.PermissionDenied, "")
}

// submission makes one that would be accepted.
func submission(
	t *testing.T, c *hosttest.Client,
) (*cerberusv1.SubmitTaskRequest, *hosttest.Question) {
	t.Helper()
	found, err := c.Brains.GetBrain(t.Context(), &cerberusv1.GetBrainRequest{
		Key: &cerberusv1.GetBrainRequest_Number{Number: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	version := found.GetBrain().GetVersions()[0]
	q := c.Encrypt(c.Plan(version), []float64{1, 2, 3})
	return c.Submission(1, version, q), q
}

// badSubmission is a change to a good submission, and how it is refused.
type badSubmission struct {
	name   string
	change func(*cerberusv1.SubmitTaskRequest)
	reason api.Reason
	field  string
}

// badReferences name what is not there, or not what it should be.
func badReferences() []badSubmission {
	type req = cerberusv1.SubmitTaskRequest
	unknown := abi.SumDigest([]byte("nowhere"))
	arguments := func(value string) func(*req) {
		return func(r *req) {
			r.Arguments = []*cerberusv1.Argument{{Name: "exam", Value: value}}
		}
	}
	twice := func(r *req) { r.Inputs = append(r.Inputs, r.GetInputs()[0]) }
	return []badSubmission{
		{"free slot", func(r *req) { r.Brain = 2 }, api.UnknownBrain, "brain"},
		{
			"other module", func(r *req) { r.ModuleDigest = unknown[:] },
			api.UnknownModule, "module_digest",
		},
		{
			"other plan", func(r *req) { r.PlanDigest = unknown[:] },
			api.PlanMismatch, "plan_digest",
		},
		{"arguments", arguments("heart"), api.UnknownArguments, "arguments"},
		{"no name", arguments("a,b"), api.InvalidArgument, "arguments"},
		{"no keys", func(r *req) { r.KeySet = nil }, api.KeySetRequired, "key_set"},
		{"short keys", func(r *req) { r.KeySet = []byte{1} }, api.InvalidArgument, "key_set"},
		{"unknown keys", func(r *req) { r.KeySet = unknown[:] }, api.UnknownBlob, "key_set"},
		{
			"unknown input", func(r *req) { r.Inputs[0].Digest = unknown[:] },
			api.UnknownBlob, "inputs",
		},
		{"input name", func(r *req) { r.Inputs[0].Name = "z" }, api.InputMismatch, "inputs.z"},
		{"claimed size", func(r *req) { r.Inputs[0].Bytes++ }, api.InputMismatch, "inputs[0].bytes"},
		{"no inputs", func(r *req) { r.Inputs = nil }, api.InvalidArgument, "inputs"},
		{"input twice", twice, api.InvalidArgument, "inputs"},
	}
}

// badBlobs name blobs that are there and do not fit.
func badBlobs(t *testing.T, c *hosttest.Client, q *hosttest.Question) []badSubmission {
	t.Helper()
	header := append([]byte(nil), q.Input...)
	header[30] ^= 1
	input := func(data []byte) func(*cerberusv1.SubmitTaskRequest) {
		d := c.Upload(cerberusv1.BlobKind_BLOB_KIND_CIPHERTEXT, data)
		return func(r *cerberusv1.SubmitTaskRequest) {
			r.Inputs[0].Digest, r.Inputs[0].Bytes = d[:], 0
		}
	}
	keys := func(data []byte) func(*cerberusv1.SubmitTaskRequest) {
		d := c.Upload(cerberusv1.BlobKind_BLOB_KIND_KEY_SET, data)
		return func(r *cerberusv1.SubmitTaskRequest) { r.KeySet = d[:] }
	}
	none := emptyKeySet(t, q.Plan.Params)
	return []badSubmission{
		{"short input", input(q.Input[:len(q.Input)-1]), api.InputMismatch, "inputs.x"},
		{"long input", input(append(header, header...)), api.InputMismatch, "inputs.x"},
		{"other metadata", input(header), api.InputMismatch, "inputs.x"},
		{"missing keys", keys(none), api.KeySetMismatch, "key_set"},
		{"cut keys", keys(q.KeySet[:1000]), api.KeySetMismatch, "key_set"},
	}
}

func TestBadSubmissions(t *testing.T) {
	node := hosttest.Start(t, time.Now, nil)
	node.Install(1, hosttest.Square(t, "square"))
	c := node.Stranger()
	good, q := submission(t, c)
	for _, x := range append(badReferences(), badBlobs(t, c, q)...) {
		req, ok := proto.Clone(good).(*cerberusv1.SubmitTaskRequest)
		if !ok {
			t.Fatal("a clone is of another type")
		}
		x.change(req)
		_, err := c.Tasks.SubmitTask(t.Context(), req)
		want(t, x.name, err, x.reason, x.field)
	}
	tasks, err := node.Admin.Tasks.ListTasks(t.Context(), &cerberusv1.ListTasksRequest{})
	if err != nil || len(tasks.GetTasks()) != 0 {
		t.Fatalf("refused submissions left %v, %v", tasks, err)
	}
	resp, err := c.Tasks.SubmitTask(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	c.Decrypt(q, c.Await(resp.GetTask().GetId()))
}

// emptyKeySet is a canonical key set without any key.
func emptyKeySet(t *testing.T, p *fhe.Params) []byte {
	t.Helper()
	var b strings.Builder
	if err := fhe.WriteKeySet(&b, &fhe.KeySet{Params: p}); err != nil {
		t.Fatal(err)
	}
	return []byte(b.String())
}
