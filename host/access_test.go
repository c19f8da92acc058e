package host_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/big"
	"net/http"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/api"
	"github.com/cerberus-host/cerberus/host/hosttest"
	"github.com/cerberus-host/cerberus/host/identity"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
	"github.com/cerberus-host/cerberus/proto/gen/cerberus/v1/cerberusv1connect"
)

// forger sends one SetRole request with a signature of the test's choice.
type forger struct {
	t       *testing.T
	node    *hosttest.Node
	key     *identity.Key
	cluster []byte
	body    []byte
	nonce   byte
}

func newForger(t *testing.T, node *hosttest.Node, key *identity.Key) *forger {
	t.Helper()
	status, err := node.Admin.Nodes.GetStatus(t.Context(), &cerberusv1.GetStatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	body, err := proto.Marshal(&cerberusv1.SetRoleRequest{
		Address: bytes.Repeat([]byte{7}, abi.AddressBytes), Role: cerberusv1.Role_ROLE_AUTHOR,
		Grant: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return &forger{t: t, node: node, key: key, cluster: status.GetClusterId(), body: body}
}

// request is what a good request signs; each has a nonce of its own.
func (f *forger) request() identity.Request {
	f.nonce++
	return identity.Request{
		Procedure:   cerberusv1connect.NodeServiceSetRoleProcedure,
		ContentType: "application/proto", Body: abi.SumDigest(f.body), Cluster: f.cluster,
		Nonce: identity.Nonce{f.nonce}, ExpiryMS: time.Now().Add(time.Minute).UnixMilli(),
	}
}

// send posts the body under a header and returns the refusal, or nil.
func (f *forger) send(header string) error {
	f.t.Helper()
	h := &http.Client{Transport: headers{header}}
	c := cerberusv1connect.NewNodeServiceClient(h, f.node.URL)
	req := &cerberusv1.SetRoleRequest{}
	if err := proto.Unmarshal(f.body, req); err != nil {
		f.t.Fatal(err)
	}
	_, err := c.SetRole(f.t.Context(), req)
	return err
}

// headers sets the signature header as it is.
type headers struct{ value string }

func (h headers) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if h.value != "" {
		r.Header.Set(identity.Header, h.value)
	}
	return http.DefaultTransport.RoundTrip(r)
}

func TestForgedSignatures(t *testing.T) {
	node := hosttest.Start(t, time.Now, nil)
	f := newForger(t, node, node.Admin.Key)
	sign := func(change func(*identity.Request)) string {
		r := f.request()
		change(&r)
		return f.key.SignRequest(r).String()
	}
	// A signature over something else is somebody else's, who has no role.
	for name, change := range map[string]func(*identity.Request){
		"wrong body":         func(r *identity.Request) { r.Body = abi.SumDigest(nil) },
		"wrong method":       func(r *identity.Request) { r.Procedure = "/cerberus.v1.NodeService/GetStatus" },
		"wrong cluster":      func(r *identity.Request) { r.Cluster = []byte("another cluster") },
		"wrong content type": func(r *identity.Request) { r.ContentType = "application/json" },
	} {
		want(t, name, f.send(sign(change)), api.PermissionDenied, "")
	}
	want(t, "none", f.send(""), api.Unauthenticated, "")
	want(t, "malformed", f.send("v1 zz"), api.MalformedSignature, "")
	want(t, "expired", f.send(sign(func(r *identity.Request) {
		r.ExpiryMS = time.Now().Add(-time.Second).UnixMilli()
	})), api.SignatureExpired, "")
	want(t, "far ahead", f.send(sign(func(r *identity.Request) {
		r.ExpiryMS = time.Now().Add(time.Hour).UnixMilli()
	})), api.SignatureExpired, "")
	want(t, "high S", f.send(highS(f.key.SignRequest(f.request())).String()),
		api.InvalidSignature, "")

	good := f.key.SignRequest(f.request()).String()
	for range 2 { // a repeated command takes effect once and is answered as the first time
		if err := f.send(good); err != nil {
			t.Fatal(err)
		}
	}
	roles, err := node.Admin.Nodes.ListRoles(t.Context(), &cerberusv1.ListRolesRequest{})
	if err != nil || len(roles.GetAccounts()) != 2 || !roles.GetOpenToClients() {
		t.Fatalf("%v, %v", roles, err)
	}
	// The same nonce for another command is refused, whatever it is.
	reused := f.request()
	reused.Nonce = identity.Nonce{f.nonce - 1}
	f.body, err = proto.Marshal(&cerberusv1.SetRoleRequest{
		Address: bytes.Repeat([]byte{8}, abi.AddressBytes), Role: cerberusv1.Role_ROLE_ADMIN,
		Grant: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	reused.Body = abi.SumDigest(f.body)
	want(t, "reused nonce", f.send(f.key.SignRequest(reused).String()), api.NonceReused, "")
}

// highS is the other form of the same signature.
func highS(s identity.Signed) identity.Signed {
	order, _ := new(big.Int).SetString(
		"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16)
	low := new(big.Int).SetBytes(s.Signature[32:64])
	order.Sub(order, low).FillBytes(s.Signature[32:64])
	s.Signature[64] ^= 1
	return s
}

func TestReplayedReadsAndChunks(t *testing.T) {
	node := hosttest.Start(t, time.Now, nil)
	recorded := &recorder{}
	key := hosttest.Key(t)
	c := node.As(key)
	d := c.Upload(cerberusv1.BlobKind_BLOB_KIND_CIPHERTEXT, []byte("ciphertext"))
	status, err := c.Nodes.GetStatus(t.Context(), &cerberusv1.GetStatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	signer := identity.NewTransport(recorded, key, time.Now, randomBytes{})
	signer.SetCluster(status.GetClusterId())
	blobs := cerberusv1connect.NewBlobServiceClient(&http.Client{Transport: signer}, node.URL)
	_, err = blobs.ReadBlob(t.Context(), &cerberusv1.ReadBlobRequest{Digest: d[:], Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	again := recorded.last.Clone(t.Context())
	again.Body = io.NopCloser(bytes.NewReader(recorded.body))
	resp, err := http.DefaultTransport.RoundTrip(again)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a replayed read is answered with status %d", resp.StatusCode)
	}
}

// recorder keeps the last request that passed.
type recorder struct {
	last *http.Request
	body []byte
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	r.last, r.body = req, body
	out := req.Clone(req.Context())
	out.Body = io.NopCloser(bytes.NewReader(body))
	return http.DefaultTransport.RoundTrip(out)
}

type randomBytes struct{}

func (randomBytes) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(i) + 1
	}
	return len(b), nil
}

func TestWhoMayReadWhat(t *testing.T) {
	node := hosttest.Start(t, time.Now, nil)
	version := node.Install(1, hosttest.Square(t, "square"))
	owner, other := node.Stranger(), node.Stranger()
	_, task := owner.Ask(1, version, []float64{1, 2})
	anonymous := cerberusv1connect.NewBlobServiceClient(http.DefaultClient, node.URL)
	read := func(c cerberusv1connect.BlobServiceClient, digest []byte) error {
		_, err := c.ReadBlob(t.Context(), &cerberusv1.ReadBlobRequest{Digest: digest, Limit: 1})
		return err
	}
	stat := func(c cerberusv1connect.BlobServiceClient, digest []byte) bool {
		s, err := c.StatBlob(t.Context(), &cerberusv1.StatBlobRequest{Digest: digest})
		if err != nil {
			t.Fatal(err)
		}
		return s.GetPresent()
	}
	for name, public := range map[string][]byte{
		"module": version.GetModuleDigest(), "program": version.GetPlans()[0].GetProgramDigest(),
		"plan": version.GetPlans()[0].GetPlanDigest(),
	} {
		if err := read(anonymous, public); err != nil || !stat(anonymous, public) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, private := range map[string][]byte{
		"input": task.GetInputs()[0].GetDigest(), "keys": task.GetKeySet(),
		"output": task.GetOutputs()[0].GetDigest(),
	} {
		if err := read(owner.Blobs, private); err != nil || !stat(owner.Blobs, private) {
			t.Errorf("%s: the owner: %v", name, err)
		}
		want(t, name, read(anonymous, private), api.Unauthenticated, "")
		want(t, name, read(other.Blobs, private), api.PermissionDenied, "digest")
		if stat(other.Blobs, private) || stat(anonymous, private) {
			t.Errorf("%s: a stranger learns that it is there", name)
		}
	}
	unknown := abi.SumDigest([]byte("nothing"))
	want(t, "unknown", read(anonymous, unknown[:]), api.UnknownBlob, "digest")

	_, err := other.Tasks.GetTask(t.Context(), &cerberusv1.GetTaskRequest{Id: task.GetId()})
	want(t, "task of another", err, api.PermissionDenied, "id")
	_, err = other.Tasks.CancelTask(t.Context(), &cerberusv1.CancelTaskRequest{Id: task.GetId()})
	want(t, "cancel of another", err, api.PermissionDenied, "")
	_, err = other.Tasks.ListTasks(t.Context(), &cerberusv1.ListTasksRequest{})
	want(t, "everybody's tasks", err, api.PermissionDenied, "client")
	self := owner.Key.Address()
	mine, err := owner.Tasks.ListTasks(t.Context(), &cerberusv1.ListTasksRequest{Client: self[:]})
	if err != nil || len(mine.GetTasks()) != 1 {
		t.Errorf("own tasks: %v, %v", mine, err)
	}
	all, err := node.Admin.Tasks.ListTasks(t.Context(), &cerberusv1.ListTasksRequest{})
	if err != nil || len(all.GetTasks()) != 1 {
		t.Errorf("all tasks: %v, %v", all, err)
	}
}

// Knowing a digest is not having the bytes: it must not make a private blob readable.
func TestADigestAloneGivesNothing(t *testing.T) {
	node := hosttest.Start(t, time.Now, nil)
	owner, thief := node.Stranger(), node.Stranger()
	secret := []byte("somebody's ciphertext")
	d := owner.Upload(cerberusv1.BlobKind_BLOB_KIND_CIPHERTEXT, secret)
	// As a ciphertext it is there, so nothing need be sent; but it stays the owner's.
	start, err := thief.Blobs.StartUpload(t.Context(), &cerberusv1.StartUploadRequest{
		Digest: d[:], Bytes: int64(len(secret)), Kind: cerberusv1.BlobKind_BLOB_KIND_CIPHERTEXT,
	})
	if err != nil || !start.GetComplete() {
		t.Fatalf("%v, %v", start, err)
	}
	_, err = thief.Blobs.ReadBlob(t.Context(), &cerberusv1.ReadBlobRequest{Digest: d[:], Limit: 1})
	want(t, "read", err, api.PermissionDenied, "digest")
	// As another kind all of it has to be sent again, and strangers may not add public kinds.
	start, err = thief.Blobs.StartUpload(t.Context(), &cerberusv1.StartUploadRequest{
		Digest: d[:], Bytes: int64(len(secret)), Kind: cerberusv1.BlobKind_BLOB_KIND_KEY_SET,
	})
	if err != nil || start.GetComplete() {
		t.Fatalf("%v, %v", start, err)
	}
	_, err = thief.Blobs.CommitUpload(t.Context(), &cerberusv1.CommitUploadRequest{
		UploadId: start.GetUploadId(),
	})
	want(t, "commit without bytes", err, api.UploadIncomplete, "")
	_, err = thief.Blobs.StartUpload(t.Context(), &cerberusv1.StartUploadRequest{
		Digest: d[:], Bytes: int64(len(secret)), Kind: cerberusv1.BlobKind_BLOB_KIND_MODULE,
	})
	want(t, "public kind", err, api.PermissionDenied, "")
}

func TestBadUploads(t *testing.T) {
	node := hosttest.Start(t, time.Now, nil)
	c, other := node.Stranger(), node.Stranger()
	data := []byte("some bytes")
	d := abi.SumDigest(data)
	start := func(req *cerberusv1.StartUploadRequest) (*cerberusv1.StartUploadResponse, error) {
		return c.Blobs.StartUpload(t.Context(), req)
	}
	request := func() *cerberusv1.StartUploadRequest {
		return &cerberusv1.StartUploadRequest{
			Digest: d[:], Bytes: int64(len(data)), Kind: cerberusv1.BlobKind_BLOB_KIND_KEY_SET,
		}
	}
	for field, change := range map[string]func(*cerberusv1.StartUploadRequest){
		"digest": func(r *cerberusv1.StartUploadRequest) { r.Digest = d[:5] },
		"bytes":  func(r *cerberusv1.StartUploadRequest) { r.Bytes = 0 },
		"kind":   func(r *cerberusv1.StartUploadRequest) { r.Kind = 99 },
	} {
		req := request()
		change(req)
		_, err := start(req)
		want(t, field, err, api.InvalidArgument, field)
	}
	module := request()
	module.Kind, module.Bytes = cerberusv1.BlobKind_BLOB_KIND_MODULE, abi.ModuleBytesMax+1
	_, err := node.Admin.Blobs.StartUpload(t.Context(), module)
	want(t, "large module", err, api.BlobSize, "bytes")
	up, err := start(request())
	if err != nil {
		t.Fatal(err)
	}
	put := func(c *hosttest.Client, data []byte, digest abi.Digest, index int32) error {
		_, err := c.Blobs.PutChunk(t.Context(), &cerberusv1.PutChunkRequest{
			UploadId: up.GetUploadId(), Index: index, Data: data, Digest: digest[:],
		})
		return err
	}
	want(t, "other owner", put(other, data, d, 0), api.UnknownUpload, "")
	want(t, "wrong digest", put(c, data, abi.Digest{1}, 0), api.ChunkMismatch, "")
	want(t, "wrong index", put(c, data, d, 1), api.ChunkMismatch, "")
	want(t, "wrong length", put(c, data[1:], abi.SumDigest(data[1:]), 0), api.ChunkMismatch, "")
	forged := []byte("other byte")
	if err := put(c, forged, abi.SumDigest(forged), 0); err != nil {
		t.Fatal(err)
	}
	_, err = c.Blobs.CommitUpload(t.Context(), &cerberusv1.CommitUploadRequest{
		UploadId: up.GetUploadId(),
	})
	want(t, "wrong content", err, api.DigestMismatch, "")
	c.Upload(cerberusv1.BlobKind_BLOB_KIND_KEY_SET, data)
}

// A node that is starting answers, and says that it is not ready.
func TestClosedNodeAnswersNobody(t *testing.T) {
	node := hosttest.Start(t, time.Now, nil)
	version := node.Install(1, hosttest.Square(t, "square"))
	c := node.Stranger()
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
	defer stop()
	_, err := c.Blobs.ReadBlob(ctx, &cerberusv1.ReadBlobRequest{
		Digest: version.GetModuleDigest(), Limit: 1,
	})
	var ce *connect.Error
	if !errors.As(err, &ce) || ce.Code() != connect.CodeUnavailable {
		t.Fatalf("%v, want unavailable", err)
	}
}
