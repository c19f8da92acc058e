package api_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/api"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
	"github.com/cerberus-host/cerberus/proto/gen/cerberus/v1/cerberusv1connect"
)

// backend answers what a test tells it to.
type backend struct {
	api.Nodes
	api.Blobs
	api.Brains
	api.Tasks

	status func(context.Context) (*cerberusv1.GetStatusResponse, error)
	chunk  func(api.Caller, *cerberusv1.PutChunkRequest) error
	watch  func(context.Context, func(*cerberusv1.Task) error) error
}

func (b *backend) Status(ctx context.Context) (*cerberusv1.GetStatusResponse, error) {
	return b.status(ctx)
}

func (b *backend) PutChunk(
	_ context.Context, c api.Caller, req *cerberusv1.PutChunkRequest,
) error {
	return b.chunk(c, req)
}

func (b *backend) WatchTask(
	ctx context.Context, _ api.Caller, _ *cerberusv1.WatchTaskRequest,
	send func(*cerberusv1.Task) error,
) error {
	return b.watch(ctx, send)
}

type callerKey struct{}

// serve starts a server whose callers are whoever the header "Test-Caller" names.
func serve(t *testing.T, b *backend, change func(*api.Config)) *httptest.Server {
	t.Helper()
	cfg := api.Config{
		Nodes: b, Blobs: b, Brains: b, Tasks: b,
		Authenticate: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ctx := r.Context()
				if name := r.Header.Get("Test-Caller"); name != "" {
					ctx = context.WithValue(ctx, callerKey{},
						api.Caller{Address: abi.Address{name[0]}})
				}
				next.ServeHTTP(w, r.WithContext(ctx))
			})
		},
		Caller: func(ctx context.Context) api.Caller {
			c, _ := ctx.Value(callerKey{}).(api.Caller)
			return c
		},
	}
	if change != nil {
		change(&cfg)
	}
	h, err := api.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(h)
	s.Config = api.NewServer(h, time.Now)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// asCaller signs nothing; it names the caller.
func asCaller(name string) connect.ClientOption {
	return connect.WithInterceptors(connect.UnaryInterceptorFunc(
		func(next connect.UnaryFunc) connect.UnaryFunc {
			return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
				r.Header().Set("Test-Caller", name)
				return next(ctx, r)
			}
		}))
}

// wantRefusal checks code, reason and field, and that a fix is given.
func wantRefusal(t *testing.T, err error, code connect.Code, reason api.Reason, field string) {
	t.Helper()
	var ce *connect.Error
	if !errors.As(err, &ce) || ce.Code() != code {
		t.Fatalf("%v, want code %s", err, code)
	}
	if len(ce.Details()) != 1 {
		t.Fatalf("%v has %d details", err, len(ce.Details()))
	}
	v, err := ce.Details()[0].Value()
	if err != nil {
		t.Fatal(err)
	}
	detail, ok := v.(*cerberusv1.ErrorDetail)
	if !ok || detail.GetReason() != string(reason) || detail.GetField() != field ||
		detail.GetFix() == "" {
		t.Fatalf("%v, want reason %s of field %q and a fix", v, reason, field)
	}
}

func chunkRequest() *cerberusv1.PutChunkRequest {
	return &cerberusv1.PutChunkRequest{
		UploadId: make([]byte, 16), Data: []byte("x"), Digest: make([]byte, 32),
	}
}

func TestSchemaIsEnforced(t *testing.T) {
	b := &backend{chunk: func(api.Caller, *cerberusv1.PutChunkRequest) error { return nil }}
	s := serve(t, b, nil)
	c := cerberusv1connect.NewBlobServiceClient(s.Client(), s.URL, asCaller("a"))
	if _, err := c.PutChunk(t.Context(), chunkRequest()); err != nil {
		t.Fatal(err)
	}
	for field, change := range map[string]func(*cerberusv1.PutChunkRequest){
		"upload_id": func(r *cerberusv1.PutChunkRequest) { r.UploadId = []byte{1} },
		"index":     func(r *cerberusv1.PutChunkRequest) { r.Index = -1 },
		"data":      func(r *cerberusv1.PutChunkRequest) { r.Data = make([]byte, 1<<20+1) },
		"digest":    func(r *cerberusv1.PutChunkRequest) { r.Digest = nil },
	} {
		req := chunkRequest()
		change(req)
		_, err := c.PutChunk(t.Context(), req)
		wantRefusal(t, err, connect.CodeInvalidArgument, api.InvalidArgument, field)
	}
}

func TestAnonymousCallersAreRefused(t *testing.T) {
	b := &backend{
		chunk: func(api.Caller, *cerberusv1.PutChunkRequest) error {
			t.Error("the backend was reached")
			return nil
		},
		status: func(context.Context) (*cerberusv1.GetStatusResponse, error) {
			return &cerberusv1.GetStatusResponse{Ready: true}, nil
		},
	}
	s := serve(t, b, nil)
	c := cerberusv1connect.NewBlobServiceClient(s.Client(), s.URL)
	_, err := c.PutChunk(t.Context(), chunkRequest())
	wantRefusal(t, err, connect.CodeUnauthenticated, api.Unauthenticated, "")
	n := cerberusv1connect.NewNodeServiceClient(s.Client(), s.URL, connect.WithHTTPGet())
	if st, err := n.GetStatus(t.Context(), &cerberusv1.GetStatusRequest{}); err != nil ||
		!st.GetReady() {
		t.Fatalf("%v, %v", st, err)
	}
}

func TestErrorsOfBackends(t *testing.T) {
	var failure error
	b := &backend{status: func(context.Context) (*cerberusv1.GetStatusResponse, error) {
		if failure == nil {
			panic("a secret that a guest left behind")
		}
		return nil, failure
	}}
	s := serve(t, b, nil)
	c := cerberusv1connect.NewNodeServiceClient(s.Client(), s.URL)
	status := func(err error) error {
		failure = err
		_, err = c.GetStatus(t.Context(), &cerberusv1.GetStatusRequest{})
		return err
	}
	wantRefusal(t, status(api.Refuse(api.UnknownBlob, "digest", "no such blob")),
		connect.CodeNotFound, api.UnknownBlob, "digest")
	for _, err := range []error{errors.New("a secret of the disk"), nil} {
		err := status(err)
		wantRefusal(t, err, connect.CodeInternal, api.Internal, "")
		if strings.Contains(err.Error(), "secret") {
			t.Fatalf("the answer tells too much: %v", err)
		}
	}
	wantRefusal(t, status(&api.Error{Reason: "no such reason", Message: "m"}),
		connect.CodeInternal, api.Internal, "")
}

// post sends a body and returns status and body of the answer.
func post(t *testing.T, url string, body io.Reader, headers ...string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header
}

// TestRestOfABodyIsNoRequest: what is left of a body that was refused half read is never
// taken for the next request on the connection.
func TestRestOfABodyIsNoRequest(t *testing.T) {
	s := serve(t, &backend{}, nil)
	address := s.Listener.Addr().String()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const next = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	size := 3 * api.MessageBytesMax
	go func() {
		// Where the server stops reading is not known, so all of the body is requests. It may
		// well close before it has them all.
		_, _ = fmt.Fprintf(conn, "POST /cerberus.v1.BlobService/PutChunk HTTP/1.1\r\nHost: x\r\n"+
			"Content-Type: application/proto\r\nContent-Length: %d\r\n\r\n", size)
		_, _ = io.WriteString(conn, strings.Repeat(next, size/len(next)+1)[:size])
	}()
	answers := bufio.NewReader(conn)
	first, err := http.ReadResponse(answers, nil)
	if err != nil || first.StatusCode != http.StatusTooManyRequests {
		t.Fatalf("%v, %v", first, err)
	}
	if err := first.Body.Close(); err != nil { // reads it to its end
		t.Fatal(err)
	}
	if second, err := http.ReadResponse(answers, nil); err == nil {
		t.Errorf("the rest of the body was answered with %d", second.StatusCode)
		_ = second.Body.Close()
	}
}

func TestBodiesThatAreNoMessages(t *testing.T) {
	s := serve(t, &backend{}, nil)
	url := s.URL + "/cerberus.v1.BlobService/PutChunk"
	large := make([]byte, 3*api.MessageBytesMax)
	for name, c := range map[string]struct {
		contentType string
		body        io.Reader
		want        int
	}{
		"not proto":     {"application/proto", strings.NewReader("\xff\xff"), http.StatusBadRequest},
		"not json":      {"application/json", strings.NewReader("{"), http.StatusBadRequest},
		"unknown type":  {"text/html", strings.NewReader("x"), http.StatusUnsupportedMediaType},
		"large message": {"application/proto", bytes.NewReader(large[:api.MessageBytesMax+1]), 429},
		"large body":    {"application/proto", bytes.NewReader(large), 429},
	} {
		if code, _, _ := post(t, url, c.body, "Content-Type", c.contentType); code != c.want {
			t.Errorf("%s: status %d, want %d", name, code, c.want)
		}
	}
	code, _, _ := post(t, url, strings.NewReader(""), "Content-Type", "application/proto",
		"Content-Encoding", "gzip")
	if code != http.StatusNotImplemented {
		t.Errorf("compressed: status %d", code)
	}
}

func TestNothingIsCompressed(t *testing.T) {
	b := &backend{status: func(context.Context) (*cerberusv1.GetStatusResponse, error) {
		return &cerberusv1.GetStatusResponse{Version: strings.Repeat("v", 10000)}, nil
	}}
	s := serve(t, b, nil)
	_, _, header := post(t, s.URL+"/cerberus.v1.NodeService/GetStatus", strings.NewReader("{}"),
		"Content-Type", "application/json", "Accept-Encoding", "gzip")
	if e := header.Get("Content-Encoding"); e != "" {
		t.Errorf("the answer is compressed: %s", e)
	}
}

func TestTooManyRequests(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	b := &backend{status: func(context.Context) (*cerberusv1.GetStatusResponse, error) {
		entered <- struct{}{}
		<-leave
		return &cerberusv1.GetStatusResponse{}, nil
	}}
	s := serve(t, b, func(c *api.Config) { c.RequestsMax = 1 })
	c := cerberusv1connect.NewNodeServiceClient(s.Client(), s.URL)
	first := make(chan error, 1)
	go func() {
		_, err := c.GetStatus(context.Background(), &cerberusv1.GetStatusRequest{})
		first <- err
	}()
	<-entered
	_, err := c.GetStatus(t.Context(), &cerberusv1.GetStatusRequest{})
	wantRefusal(t, err, connect.CodeResourceExhausted, api.Busy, "")
	close(leave)
	if err := <-first; err != nil {
		t.Fatal(err)
	}
}

func TestWatchStreams(t *testing.T) {
	b := &backend{watch: func(_ context.Context, send func(*cerberusv1.Task) error) error {
		for i := range 3 {
			if err := send(&cerberusv1.Task{Attempts: uint32(i)}); err != nil {
				return err
			}
		}
		return api.Refuse(api.UnknownTask, "id", "it was pruned")
	}}
	s := serve(t, b, nil)
	stream := connect.NewClient[cerberusv1.WatchTaskRequest, cerberusv1.WatchTaskResponse](
		s.Client(), s.URL+cerberusv1connect.TaskServiceWatchTaskProcedure)
	req := connect.NewRequest(&cerberusv1.WatchTaskRequest{Id: make([]byte, 32)})
	req.Header().Set("Test-Caller", "a")
	got, err := stream.CallServerStream(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for got.Receive() {
		if a := got.Msg().GetTask().GetAttempts(); a != uint32(n) {
			t.Errorf("message %d has %d", n, a)
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d messages", n)
	}
	wantRefusal(t, got.Err(), connect.CodeNotFound, api.UnknownTask, "id")
	if err := got.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestHealthAndReflection(t *testing.T) {
	ready := false
	s := serve(t, &backend{}, func(c *api.Config) { c.Ready = func() bool { return ready } })
	health := func(service string) string {
		_, text, _ := post(t, s.URL+"/grpc.health.v1.Health/Check",
			strings.NewReader(`{"service":"`+service+`"}`), "Content-Type", "application/json")
		return text
	}
	if got := health(""); !strings.Contains(got, "NOT_SERVING") {
		t.Errorf("before: %s", got)
	}
	ready = true
	got := health("cerberus.v1.TaskService")
	if strings.Contains(got, "NOT_SERVING") || !strings.Contains(got, "SERVING") {
		t.Errorf("after: %s", got)
	}
	if got := health("no.such.Service"); !strings.Contains(got, "not_found") {
		t.Errorf("unknown service: %s", got)
	}
}

func TestReasonsAreComplete(t *testing.T) {
	seen := map[api.Reason]bool{}
	for _, r := range api.Reasons() {
		if seen[r.Reason] || r.Reason == "" || r.Code == 0 || r.Meaning == "" || r.Fix == "" {
			t.Errorf("%+v is incomplete or there twice", r)
		}
		seen[r.Reason] = true
	}
	if api.Reasons()[0].Reason != api.Internal {
		t.Error("the first row is not the one for unknown words")
	}
}

// docs/ERRORS.md shows the table; run with -update to write it.
func TestErrorsPage(t *testing.T) {
	const path = "../../docs/ERRORS.md"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- reasons -->\n", "<!-- /reasons -->\n"
	head, rest, ok := strings.Cut(string(page), begin)
	shown, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("the page lacks %q or %q", begin, end)
	}
	var table strings.Builder
	table.WriteString("\n| reason | code | meaning | what to do |\n| --- | --- | --- | --- |\n")
	for _, r := range api.Reasons() {
		table.WriteString("| `" + string(r.Reason) + "` | " + r.Code.String() + " | " + r.Meaning +
			" | " + r.Fix + " |\n")
	}
	table.WriteString("\n")
	if shown == table.String() {
		return
	}
	if *update {
		page := head + begin + table.String() + end + tail
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s is out of date: go test ./host/api -run ErrorsPage -update", path)
}
