package client

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"connectrpc.com/connect"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/runtime"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
	"github.com/cerberus-host/cerberus/proto/gen/cerberus/v1/cerberusv1connect"
)

// blobNode is a blob service that holds one upload and can misbehave.
type blobNode struct {
	cerberusv1connect.UnimplementedBlobServiceHandler

	mu     sync.Mutex
	chunks map[int32][]byte
	total  int
	// order lists the chunks as they came.
	order []int32
	// cutAfter cuts the connection instead of taking a chunk, once so many were taken; cuts
	// is how often it does.
	cutAfter, cuts int
	// start, commit and read, if set, answer in place of the node.
	start  func() *cerberusv1.StartUploadResponse
	commit func() *cerberusv1.CommitUploadResponse
	read   func(*cerberusv1.ReadBlobRequest) *cerberusv1.ReadBlobResponse
}

const testChunk = 10

func (n *blobNode) StartUpload(
	_ context.Context, req *cerberusv1.StartUploadRequest,
) (*cerberusv1.StartUploadResponse, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.start != nil {
		return n.start(), nil
	}
	n.total = int(req.GetBytes()+testChunk-1) / testChunk
	out := &cerberusv1.StartUploadResponse{UploadId: make([]byte, 16), ChunkBytes: testChunk}
	for i := range int32(n.total) {
		if n.chunks[i] == nil {
			out.Missing = append(out.Missing, &cerberusv1.ChunkRange{First: i, End: i + 1})
		}
	}
	return out, nil
}

func (n *blobNode) PutChunk(
	_ context.Context, req *cerberusv1.PutChunkRequest,
) (*cerberusv1.PutChunkResponse, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.order) >= n.cutAfter && n.cuts > 0 {
		n.cuts--
		panic(http.ErrAbortHandler) // the server cuts the connection
	}
	n.order = append(n.order, req.GetIndex())
	n.chunks[req.GetIndex()] = req.GetData()
	return &cerberusv1.PutChunkResponse{}, nil
}

func (n *blobNode) CommitUpload(
	context.Context, *cerberusv1.CommitUploadRequest,
) (*cerberusv1.CommitUploadResponse, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.commit != nil {
		return n.commit(), nil
	}
	d := abi.SumDigest(n.content())
	return &cerberusv1.CommitUploadResponse{Digest: d[:]}, nil
}

func (n *blobNode) content() []byte {
	var all []byte
	for i := range int32(n.total) {
		all = append(all, n.chunks[i]...)
	}
	return all
}

func (n *blobNode) ReadBlob(
	_ context.Context, req *cerberusv1.ReadBlobRequest,
) (*cerberusv1.ReadBlobResponse, error) {
	return n.read(req), nil
}

// dial makes a client of a handler.
func dial(t *testing.T, handler http.Handler) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	c, err := New(Config{
		Node: server.URL, Store: NewMemStore(), Sandbox: newSandbox(t), Transport: transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newSandbox(t *testing.T) *runtime.Runtime {
	t.Helper()
	sandbox, err := runtime.New(t.Context(), runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sandbox.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return sandbox
}

func (n *blobNode) dial(t *testing.T) *Client {
	t.Helper()
	n.chunks = make(map[int32][]byte)
	path, h := cerberusv1connect.NewBlobServiceHandler(n)
	mux := http.NewServeMux()
	mux.Handle(path, h)
	return dial(t, mux)
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return b
}

func (n *blobNode) upload(t *testing.T, c *Client, data []byte) (int64, error) {
	t.Helper()
	return c.upload(t.Context(), cerberusv1.BlobKind_BLOB_KIND_CIPHERTEXT, abi.SumDigest(data),
		data, nil)
}

// A connection that is cut now and then does not stop an upload, and no chunk is sent again.
func TestUploadSurvivesCuts(t *testing.T) {
	n := &blobNode{cutAfter: 3, cuts: 4}
	c := n.dial(t)
	data := pattern(95)
	sent, err := n.upload(t, c, data)
	if err != nil || sent != 95 {
		t.Fatalf("sent %d, %v", sent, err)
	}
	if want := []int32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(n.order, want) {
		t.Errorf("chunks came as %v", n.order)
	}
	if !bytes.Equal(n.content(), data) {
		t.Error("the node has another content")
	}
}

// An upload that was given up is resumed by the next one: only missing chunks are sent.
func TestUploadResumes(t *testing.T) {
	n := &blobNode{cutAfter: 4, cuts: 1 << 20}
	c := n.dial(t)
	data := pattern(100)
	sent, err := n.upload(t, c, data)
	if !errors.Is(wrapRPC("upload", err), ErrUnreachable) || sent != 40 {
		t.Fatalf("sent %d, %v", sent, err)
	}
	n.mu.Lock()
	n.cuts = 0
	n.mu.Unlock()
	if sent, err = n.upload(t, c, data); err != nil || sent != 60 {
		t.Fatalf("sent %d, %v", sent, err)
	}
	if len(n.order) != 10 || !bytes.Equal(n.content(), data) {
		t.Errorf("chunks came as %v", n.order)
	}
}

func TestUploadRefusesOddAnswers(t *testing.T) {
	ask := func(chunk int32, ranges ...*cerberusv1.ChunkRange) *cerberusv1.StartUploadResponse {
		return &cerberusv1.StartUploadResponse{
			UploadId: make([]byte, 16), ChunkBytes: chunk, Missing: ranges,
		}
	}
	span := func(first, end int32) *cerberusv1.ChunkRange {
		return &cerberusv1.ChunkRange{First: first, End: end}
	}
	for name, answer := range map[string]*cerberusv1.StartUploadResponse{
		"no chunk size":     ask(0, span(0, 1)),
		"negative size":     ask(-1, span(0, 1)),
		"huge size":         ask(chunkBytesMax+1, span(0, 1)),
		"beyond the end":    ask(testChunk, span(0, 11)),
		"negative index":    ask(testChunk, span(-1, 1)),
		"turned round":      ask(testChunk, span(3, 2)),
		"twice the same":    ask(testChunk, span(0, 1), span(0, 1)),
		"in disorder":       ask(testChunk, span(5, 6), span(0, 1)),
		"largest end":       ask(testChunk, span(0, 1<<31-1)),
		"far beyond, empty": ask(testChunk, span(1<<30, 1<<30)),
	} {
		n := &blobNode{start: func() *cerberusv1.StartUploadResponse { return answer }}
		if _, err := n.upload(t, n.dial(t), pattern(100)); !errors.Is(err, ErrVerification) {
			t.Errorf("%s: %v", name, err)
		}
		if len(n.order) > 2 {
			t.Errorf("%s: %d chunks were sent", name, len(n.order))
		}
	}
	n := &blobNode{commit: func() *cerberusv1.CommitUploadResponse {
		return &cerberusv1.CommitUploadResponse{Digest: make([]byte, 32)}
	}}
	if _, err := n.upload(t, n.dial(t), pattern(100)); !errors.Is(err, ErrVerification) {
		t.Errorf("another digest: %v", err)
	}
}

func TestUploadOfWhatIsThereSendsNothing(t *testing.T) {
	n := &blobNode{start: func() *cerberusv1.StartUploadResponse {
		return &cerberusv1.StartUploadResponse{Complete: true}
	}}
	if sent, err := n.upload(t, n.dial(t), pattern(100)); err != nil || sent != 0 ||
		len(n.order) != 0 {
		t.Errorf("sent %d, %v", sent, err)
	}
}

func TestDownloadRefusesLies(t *testing.T) {
	data := pattern(2500)
	digest := abi.SumDigest(data)
	const limit = 3000
	honest := func(req *cerberusv1.ReadBlobRequest) *cerberusv1.ReadBlobResponse {
		from := min(int(req.GetOffset()), len(data))
		return &cerberusv1.ReadBlobResponse{
			Data: data[from:min(from+1000, len(data))], TotalBytes: int64(len(data)),
		}
	}
	n := &blobNode{read: honest}
	if got, err := n.dial(t).download(t.Context(), digest, limit); err != nil ||
		!bytes.Equal(got, data) {
		t.Fatalf("an honest node: %d bytes, %v", len(got), err)
	}
	type answer = *cerberusv1.ReadBlobResponse
	for name, change := range map[string]func(offset int64, a answer) answer{
		"one byte": func(_ int64, a answer) answer {
			a.Data = bytes.Clone(a.GetData())
			a.Data[0] ^= 1
			return a
		},
		"more than allowed": func(_ int64, a answer) answer { a.TotalBytes = limit + 1; return a },
		"negative":          func(_ int64, a answer) answer { a.TotalBytes = -1; return a },
		"total grows":       func(offset int64, a answer) answer { a.TotalBytes += offset / 100; return a },
		"total shrinks":     func(offset int64, a answer) answer { a.TotalBytes -= offset / 100; return a },
		"longer than total": func(_ int64, a answer) answer { a.TotalBytes = 10; return a },
		"ends early": func(offset int64, a answer) answer {
			if offset > 0 {
				a.Data = nil
			}
			return a
		},
		"empty":     func(int64, answer) answer { return &cerberusv1.ReadBlobResponse{} },
		"truncated": func(_ int64, a answer) answer { a.TotalBytes = 1000; return a },
		"huge part": func(int64, answer) answer {
			return &cerberusv1.ReadBlobResponse{
				Data: make([]byte, readChunkBytes+1), TotalBytes: readChunkBytes + 1,
			}
		},
	} {
		n := &blobNode{read: func(req *cerberusv1.ReadBlobRequest) *cerberusv1.ReadBlobResponse {
			return change(req.GetOffset(), honest(req))
		}}
		if got, err := n.dial(t).download(t.Context(), digest, limit); got != nil ||
			!errors.Is(err, ErrVerification) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

// A message beyond the limit is refused by the transport, whatever it holds.
func TestDownloadRefusesOversizedMessages(t *testing.T) {
	n := &blobNode{read: func(*cerberusv1.ReadBlobRequest) *cerberusv1.ReadBlobResponse {
		return &cerberusv1.ReadBlobResponse{Data: make([]byte, readBytesMax+1), TotalBytes: 1}
	}}
	_, err := n.dial(t).download(t.Context(), abi.Digest{}, 1<<30)
	if connect.CodeOf(err) != connect.CodeResourceExhausted {
		t.Errorf("%v", err)
	}
}
