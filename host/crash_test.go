package host_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host"
	"github.com/cerberus-host/cerberus/host/hosttest"
	"github.com/cerberus-host/cerberus/host/identity"
	"github.com/cerberus-host/cerberus/proofs/opening"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
)

// The environment of a child: its data directory, the admin's key, and the step after which
// it kills itself (0 for never).
const (
	childDir  = "CERBERUS_TEST_CHILD_DIR"
	childStep = "CERBERUS_TEST_CHILD_STEP"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir, os.Getenv(childStep)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child is a node that kills itself after a numbered step. It prints its address, and, when
// its standard input ends, the number of steps and how many of them were of snapshots.
func child(dir, step string) error {
	last, err := strconv.ParseInt(step, 10, 64)
	if err != nil {
		return err
	}
	admin, _, err := identity.LoadOrCreateKey(filepath.Join(dir, "admin.key"), rand.Reader)
	if err != nil {
		return err
	}
	opts := crashOptions(filepath.Join(dir, "node"), admin)
	if opts.Setup, err = opening.Load(filepath.Join(dir, "setup")); err != nil {
		return err
	}
	var steps, snapshots atomic.Int64
	opts.Step = func(name string) {
		if strings.HasPrefix(name, "snapshot") {
			snapshots.Add(1)
		}
		if steps.Add(1) == last {
			// No deferred function runs and no buffer is written: the node is simply gone.
			self, err := os.FindProcess(os.Getpid())
			if err == nil {
				err = self.Kill()
			}
			if err != nil {
				os.Exit(1)
			}
			select {}
		}
	}
	ctx := context.Background()
	n, err := host.Open(ctx, opts)
	if err != nil {
		return err
	}
	if err := n.Start(ctx); err != nil {
		return err
	}
	fmt.Println("http://" + n.Addr().String())
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	fmt.Println(steps.Load(), snapshots.Load())
	return n.Close()
}

// crashOptions make snapshots so often that their steps come between the others.
func crashOptions(dir string, admin *identity.Key) host.Options {
	opts := hosttest.Options(dir, admin, time.Now)
	opts.SnapshotEntries = 1
	opts.SnapshotInterval = 10 * time.Millisecond
	return opts
}

// process is a running child.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	errs *bytes.Buffer
	url  string
}

// spawn starts a child; url is empty if it died before it served.
func spawn(t *testing.T, dir string, step int) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.CommandContext(t.Context(), os.Args[0]), errs: &bytes.Buffer{}}
	p.cmd.Env = append(os.Environ(), childDir+"="+dir, childStep+"="+strconv.Itoa(step))
	p.cmd.Stderr = p.errs
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := p.out.ReadString('\n')
	if err == nil {
		p.url = strings.TrimSpace(line)
	}
	return p
}

// stop ends a child in good order and returns how many steps it made, and how many of them
// were of snapshots; -1 if it had killed itself.
func (p *process) stop() (steps, snapshots int) {
	p.t.Helper()
	// A dead child has closed the pipe.
	_ = p.in.Close()
	line, err := p.out.ReadString('\n')
	steps = -1
	if err == nil {
		if _, err := fmt.Sscan(line, &steps, &snapshots); err != nil {
			p.t.Fatal(err)
		}
	}
	err = p.cmd.Wait()
	var exit *exec.ExitError
	killed := errors.As(err, &exit) && !exit.Exited()
	if err != nil && !killed {
		p.t.Fatalf("the child failed: %v\n%s", err, p.errs)
	}
	return steps, snapshots
}

// journal is what the client was told: it must hold whatever happens to the node.
type journal struct {
	uploaded map[abi.Digest][]byte
	task     []byte
	outputs  []*cerberusv1.NamedBlob
	settled  bool
}

// scene is one question and the account that asks it.
type scene struct {
	key *identity.Key
	q   *hosttest.Question
	req *cerberusv1.SubmitTaskRequest
}

// errGone is any way to notice that a node is not there any more.
var errGone = errors.New("the node is gone")

func gone(err error) error {
	if err == nil {
		return nil
	}
	code := connect.CodeOf(err)
	if code == connect.CodeUnavailable || code == connect.CodeUnknown ||
		code == connect.CodeInternal || code == connect.CodeCanceled {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return err
}

// connectTo waits until a node is ready and returns the API for the scene's account.
func connectTo(t *testing.T, url string, key *identity.Key) (*hosttest.Client, error) {
	t.Helper()
	if url == "" {
		return nil, errGone
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errGone, err)
		}
		status := resp.StatusCode
		if err := resp.Body.Close(); err != nil {
			return nil, fmt.Errorf("%w: %w", errGone, err)
		}
		if status == http.StatusOK {
			return hosttest.TryClient(t, url, key, time.Now)
		}
	}
}

// play goes on with the scene where the journal ends, until all is done or the node is
// gone.
func (s *scene) play(t *testing.T, url string, j *journal) error {
	t.Helper()
	c, err := connectTo(t, url, s.key)
	if err != nil {
		return gone(err)
	}
	for _, b := range []struct {
		kind cerberusv1.BlobKind
		data []byte
	}{
		{cerberusv1.BlobKind_BLOB_KIND_KEY_SET, s.q.KeySet},
		{cerberusv1.BlobKind_BLOB_KIND_CIPHERTEXT, s.q.Input},
	} {
		d, err := c.TryUpload(t.Context(), b.kind, b.data)
		if err != nil {
			return gone(err)
		}
		j.uploaded[d] = b.data
	}
	resp, err := c.Tasks.SubmitTask(t.Context(), s.req)
	if err != nil {
		return gone(err)
	}
	id := resp.GetTask().GetId()
	if j.task != nil && !bytes.Equal(j.task, id) {
		t.Fatalf("the same submission is task %x and task %x", j.task, id)
	}
	j.task = id
	task, err := c.TryAwait(t.Context(), id)
	if err != nil {
		return gone(err)
	}
	wantState(t, task, cerberusv1.TaskState_TASK_STATE_DONE)
	j.outputs = task.GetOutputs()
	if task, err = c.TryAwaitSettled(t.Context(), id); err != nil {
		return gone(err)
	}
	// Whatever died with the miner, it proves the result and is marked for nothing.
	if s := task.GetAttestation().GetState(); s != settled {
		t.Fatalf("the attestation is %v", task.GetAttestation())
	}
	j.settled = true
	return nil
}

// check compares a node with what the client was told.
func (s *scene) check(t *testing.T, c *hosttest.Client, j *journal) {
	t.Helper()
	for d, data := range j.uploaded {
		if got := c.Download(d[:]); !bytes.Equal(got, data) {
			t.Errorf("blob %s has other bytes", d)
		}
	}
	if j.task == nil {
		return
	}
	got, err := c.Tasks.GetTask(t.Context(), &cerberusv1.GetTaskRequest{Id: j.task})
	if err != nil {
		t.Fatalf("an acknowledged task: %v", err)
	}
	if j.outputs == nil {
		return
	}
	a := got.GetTask().GetAttestation()
	if j.settled && (a.GetState() != settled || len(c.Download(a.GetBundleDigest())) == 0) {
		t.Errorf("the attestation was settled and is %v", a)
	}
	outputs := got.GetTask().GetOutputs()
	if len(outputs) != len(j.outputs) ||
		!bytes.Equal(outputs[0].GetDigest(), j.outputs[0].GetDigest()) {
		t.Fatalf("the result was %v and is %v", j.outputs, outputs)
	}
	if y := c.Decrypt(s.q, got.GetTask()); math.Abs(y[0]-2.25) > 1e-3 {
		t.Errorf("the answer is %v", y)
	}
}

// crashAt plays the scene on a copy of the template with a node that dies after step k,
// then with one that does not; it reports whether the first one died.
func crashAt(t *testing.T, template string, s *scene, k int) (died bool) {
	t.Helper()
	dir := t.TempDir()
	copyTree(t, dir, template)
	j := &journal{uploaded: make(map[abi.Digest][]byte)}
	p := spawn(t, dir, k)
	if err := s.play(t, p.url, j); err != nil && !errors.Is(err, errGone) {
		t.Fatalf("step %d: %v", k, err)
	}
	steps, _ := p.stop()
	died = steps < 0
	p = spawn(t, dir, 0)
	defer p.stop()
	c, err := connectTo(t, p.url, s.key)
	if err != nil {
		t.Fatalf("step %d: the restarted node: %v\n%s", k, err, p.errs)
	}
	s.check(t, c, j)
	before := *j
	if err := s.play(t, p.url, j); err != nil {
		t.Fatalf("step %d: after the restart: %v", k, err)
	}
	if before.outputs != nil && !bytes.Equal(before.outputs[0].GetDigest(),
		j.outputs[0].GetDigest()) {
		t.Errorf("step %d: the result changed", k)
	}
	s.check(t, c, j)
	self := s.key.Address()
	tasks, err := c.Tasks.ListTasks(t.Context(), &cerberusv1.ListTasksRequest{Client: self[:]})
	if err != nil || len(tasks.GetTasks()) != 1 {
		t.Errorf("step %d: %d tasks, %v", k, len(tasks.GetTasks()), err)
	}
	return died
}

// copyTree copies plain files and directories, private to their owner as key files must be.
func copyTree(t *testing.T, to, from string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if e.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// newDir makes the folder of a child, which has a setup and no node yet.
func newDir(t *testing.T, setup *opening.Setup) string {
	t.Helper()
	dir := t.TempDir()
	if err := setup.Save(filepath.Join(dir, "setup")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// template makes a data directory with an installed Brain, and the scene for it.
func template(t *testing.T) (string, *scene) {
	t.Helper()
	dir := newDir(t, hosttest.Setup(t))
	admin, _, err := identity.LoadOrCreateKey(filepath.Join(dir, "admin.key"), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := spawn(t, dir, 0)
	c, err := connectTo(t, p.url, admin)
	if err != nil {
		t.Fatal(err)
	}
	installed := c.Install(1, hosttest.Square(t, "square"))
	s := &scene{key: hosttest.Key(t)}
	if c, err = connectTo(t, p.url, s.key); err != nil {
		t.Fatal(err)
	}
	s.q = c.Encrypt(c.Plan(installed), []float64{1.5})
	s.req = c.Request(1, installed, s.q)
	s.req.Attestation = cerberusv1.AttestationPolicy_ATTESTATION_POLICY_PROOF
	p.stop()
	return dir, s
}

// TestCrashAfterEveryStep kills a child node after its k-th change of a file, of log,
// snapshot or blob, and starts it again. What was acknowledged is there, and each task has
// one result. Without the tag "slow" some steps are chosen, spread over the whole scene.
func TestCrashAfterEveryStep(t *testing.T) {
	if testing.Short() {
		t.Skip("children take a second each")
	}
	dir, s := template(t)
	j := &journal{uploaded: make(map[abi.Digest][]byte)}
	whole := t.TempDir()
	copyTree(t, whole, dir)
	p := spawn(t, whole, 0)
	if err := s.play(t, p.url, j); err != nil {
		t.Fatal(err)
	}
	total, snapshots := p.stop()
	if total < 60 || snapshots == 0 {
		t.Fatalf("only %d steps are numbered, %d of snapshots", total, snapshots)
	}
	t.Logf("the scene has %d steps, %d of snapshots", total, snapshots)
	died := 0
	for k := 1; k <= total; k += stride(total) {
		if crashAt(t, dir, s, k) {
			died++
		}
	}
	if died == 0 {
		t.Error("no child died")
	}
}

// TestCrashWhileTheClusterIsMade does the same to the first start of a node.
func TestCrashWhileTheClusterIsMade(t *testing.T) {
	if testing.Short() {
		t.Skip("children take a second each")
	}
	setup := hosttest.Setup(t)
	whole := newDir(t, setup)
	p := spawn(t, whole, 0)
	if _, err := connectTo(t, p.url, hosttest.Key(t)); err != nil {
		t.Fatal(err)
	}
	total, _ := p.stop()
	for k := 1; k <= total; k += stride(total) {
		dir := newDir(t, setup)
		p := spawn(t, dir, k)
		_, err := connectTo(t, p.url, hosttest.Key(t))
		if err != nil && !errors.Is(err, errGone) && !errors.Is(gone(err), errGone) {
			t.Fatalf("step %d: %v", k, err)
		}
		p.stop()
		p = spawn(t, dir, 0)
		admin, err := identity.LoadKey(filepath.Join(dir, "admin.key"))
		if err != nil {
			t.Fatal(err)
		}
		c, err := connectTo(t, p.url, admin)
		if err != nil {
			t.Fatalf("step %d: the restarted node: %v\n%s", k, err, p.errs)
		}
		c.Install(1, hosttest.Square(t, "square"))
		checkSetup(t, c, setup)
		p.stop()
	}
}

// checkSetup asks that the cluster proves under a setup, which everybody can fetch.
func checkSetup(t *testing.T, c *hosttest.Client, setup *opening.Setup) {
	t.Helper()
	status, err := c.Nodes.GetStatus(t.Context(), &cerberusv1.GetStatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	digest := setup.Verifier().Digest()
	if got := status.GetSetup().GetDigest(); !bytes.Equal(got, digest[:]) {
		t.Fatalf("the cluster's setup is %x, not %s", got, digest)
	}
	v, err := opening.ParseVerifier(c.Download(status.GetSetup().GetKeyBlob()))
	if err != nil || v.Digest() != digest {
		t.Errorf("the setup's blob is another one: %v", err)
	}
}
