package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/client"
	"github.com/cerberus-host/cerberus/host/identity"
	"github.com/cerberus-host/cerberus/host/runtime"
	"github.com/cerberus-host/cerberus/proofs/attest"
	"github.com/cerberus-host/cerberus/proofs/bundle"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
	"github.com/cerberus-host/cerberus/proto/gen/cerberus/v1/cerberusv1connect"
)

const (
	// lifePage is the page that TestLifeOfATask follows.
	lifePage = "docs/LIFE_OF_A_TASK.md"
	// repository is where it is seen from here.
	repository = "../.."
)

var (
	stepHeading = regexp.MustCompile(`(?m)^## (\d+\. .+)$`)
	stepHop     = regexp.MustCompile("`([a-z0-9_/-]+\\.go)`((?: `[A-Za-z]+`)+)")
	hopFunc     = regexp.MustCompile("`([A-Za-z]+)`")
)

// TestLifeNamesWhatExists: every file that the page names is there and holds every function
// that the page says it does.
func TestLifeNamesWhatExists(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(repository, lifePage))
	if err != nil {
		t.Fatal(err)
	}
	sections := stepHeading.Split(string(page), -1)
	for i, section := range sections[1:] {
		hops := stepHop.FindAllStringSubmatch(section, -1)
		if len(hops) == 0 || len(hops) != strings.Count(section, ".go` `") ||
			!strings.Contains(section, "\nVisible: ") {
			t.Errorf("step %d names no hop, or nothing that is visible", i+1)
		}
		for _, hop := range hops {
			declared := functionsOf(t, hop[1])
			for _, f := range hopFunc.FindAllStringSubmatch(hop[2], -1) {
				if !declared[f[1]] {
					t.Errorf("step %d: %s has no function %s", i+1, hop[1], f[1])
				}
			}
		}
	}
}

// functionsOf returns the names of the functions and methods of a file.
func functionsOf(t *testing.T, file string) map[string]bool {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(),
		filepath.Join(repository, filepath.FromSlash(file)), nil, 0)
	if err != nil {
		t.Error(err)
		return nil
	}
	names := make(map[string]bool)
	for _, d := range parsed.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			names[f.Name.Name] = true
		}
	}
	return names
}

// life is one task and all that can be seen of it.
type life struct {
	node   *devNode
	store  *client.DirStore
	api    *observer
	other  *observer
	brain  *client.Brain
	before *cerberusv1.GetStatusResponse

	mu    sync.Mutex
	calls []string
	// stored lists the client's store when the first upload began.
	stored []string

	client *client.Client
	result *client.Result
	// task is what the cluster says of it when all is over.
	task *cerberusv1.Task
}

// observer is the API as an account sees it.
type observer struct {
	nodes  cerberusv1connect.NodeServiceClient
	brains cerberusv1connect.BrainServiceClient
	blobs  cerberusv1connect.BlobServiceClient
	tasks  cerberusv1connect.TaskServiceClient
}

func observe(t *testing.T, url string, key *identity.Key) *observer {
	t.Helper()
	signer := identity.NewTransport(new(http.Transport), key, time.Now, rand.Reader)
	h := &http.Client{Transport: signer}
	o := &observer{
		nodes:  cerberusv1connect.NewNodeServiceClient(h, url),
		brains: cerberusv1connect.NewBrainServiceClient(h, url),
		blobs:  cerberusv1connect.NewBlobServiceClient(h, url),
		tasks:  cerberusv1connect.NewTaskServiceClient(h, url),
	}
	signer.SetCluster(o.status(t).GetClusterId())
	return o
}

func (o *observer) status(t *testing.T) *cerberusv1.GetStatusResponse {
	t.Helper()
	s, err := o.nodes.GetStatus(t.Context(), &cerberusv1.GetStatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// has reports whether the account sees a blob, and its size.
func (o *observer) has(t *testing.T, digest []byte) (bool, int64) {
	t.Helper()
	s, err := o.blobs.StatBlob(t.Context(), &cerberusv1.StatBlobRequest{Digest: digest})
	if err != nil {
		t.Fatal(err)
	}
	return s.GetPresent(), s.GetBytes()
}

// RoundTrip lets the client's calls pass and keeps their order.
func (l *life) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	name := path.Base(r.URL.Path)
	if name == "StartUpload" && !slices.Contains(l.calls, name) {
		for _, folder := range []string{"setups", "keys", "keysets", "cache"} {
			names, err := l.store.List(folder)
			if err != nil {
				l.mu.Unlock()
				return nil, err
			}
			l.stored = append(l.stored, names...)
		}
	}
	l.calls = append(l.calls, name)
	l.mu.Unlock()
	return http.DefaultTransport.RoundTrip(r)
}

// first returns when a procedure was first called, among all calls.
func (l *life) first(t *testing.T, procedure string) int {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.calls, procedure)
	if i < 0 {
		t.Fatalf("%s was not called: %v", procedure, l.calls)
	}
	return i
}

const lifeRequest = `{"exam":"squares","features":{"first":1,"second":2}}`

// live asks the question.
func live(t *testing.T) *life {
	t.Helper()
	l := &life{node: startDevWith(t, developmentSetup(t))}
	var err error
	if l.store, err = client.NewDirStore(filepath.Join(t.TempDir(), "store")); err != nil {
		t.Fatal(err)
	}
	keys := make([]*identity.Key, 2)
	for i := range keys {
		if keys[i], err = identity.GenerateKey(rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.UseIdentity(l.store, keys[0]); err != nil {
		t.Fatal(err)
	}
	l.api, l.other = observe(t, l.node.URL, keys[0]), observe(t, l.node.URL, keys[1])
	l.client = l.connect(t, l.node.URL, l)
	if l.brain, err = l.client.Open(t.Context(), "exam", client.OpenOptions{}); err != nil {
		t.Fatal(err)
	}
	l.before = l.api.status(t)
	if l.result, err = l.brain.Ask(t.Context(), []byte(lifeRequest)); err != nil {
		t.Fatal(err)
	}
	id, err := hex.DecodeString(l.result.Task)
	if err != nil {
		t.Fatal(err)
	}
	l.task = l.api.settled(t, id)
	return l
}

// connect makes a client with the life's store, closed when the test ends.
func (l *life) connect(t *testing.T, url string, over http.RoundTripper) *client.Client {
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
	c, err := client.New(client.Config{
		Node: url, Store: l.store, Sandbox: sandbox, Transport: over, AllowDevelopmentSetup: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// settled watches a task until nothing follows any more.
func (o *observer) settled(t *testing.T, id []byte) *cerberusv1.Task {
	t.Helper()
	stream, err := o.tasks.WatchTask(t.Context(), &cerberusv1.WatchTaskRequest{
		Id: id, UntilSettled: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	var last *cerberusv1.Task
	for stream.Receive() {
		last = stream.Msg().GetTask()
	}
	if err := errors.Join(stream.Err(), stream.Close()); err != nil {
		t.Fatal(err)
	}
	return last
}

// TestLifeOfATask follows docs/LIFE_OF_A_TASK.md: a subtest for each step, under its
// heading, looks at what the page says is visible.
func TestLifeOfATask(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(repository, lifePage))
	if err != nil {
		t.Fatal(err)
	}
	steps := []func(*life, *testing.T){
		(*life).found, (*life).encoded, (*life).derived, (*life).encrypted, (*life).sent,
		(*life).submittedOnce, (*life).committed, (*life).leased, (*life).planned,
		(*life).executed, (*life).recorded, (*life).watched, (*life).proved, (*life).judged,
		(*life).settled, (*life).verified, (*life).answered,
	}
	headings := stepHeading.FindAllStringSubmatch(string(page), -1)
	if len(headings) != len(steps) {
		t.Fatalf("the page has %d steps, this test %d", len(headings), len(steps))
	}
	l := live(t)
	for i, step := range steps {
		t.Run(headings[i][1], func(t *testing.T) { step(l, t) })
	}
}

func (l *life) found(t *testing.T) {
	module := brains(t).exam.Module
	if l.brain.Module() != module {
		t.Errorf("module %s, built was %s", l.brain.Module(), module)
	}
	cached, err := l.store.Read("cache/blobs/" + strings.TrimPrefix(module.String(), "sha256:"))
	if err != nil || abi.SumDigest(cached) != module {
		t.Errorf("the cached module is another, %v", err)
	}
	lock, err := l.store.Read("brains.lock")
	cluster := hex.EncodeToString(l.before.GetClusterId())
	if err != nil || !bytes.Contains(lock, []byte(module.String())) ||
		!bytes.Contains(lock, []byte(cluster)) {
		t.Errorf("pins %s, %v", lock, err)
	}
}

func (l *life) encoded(t *testing.T) {
	args, err := l.brain.PublicArguments([]byte(lifeRequest))
	if err != nil || args.String() != "exam=squares" {
		t.Errorf("public arguments %q, %v", args, err)
	}
	for _, call := range l.calls[:l.first(t, "StartUpload")] {
		if !slices.Contains([]string{"GetStatus", "GetBrain", "ReadBlob"}, call) {
			t.Errorf("%s was called before the request was encrypted", call)
		}
	}
}

// registered returns the registered Plan for the task's arguments.
func (l *life) registered(t *testing.T) *cerberusv1.PlanRef {
	t.Helper()
	got, err := l.api.brains.GetBrain(t.Context(), &cerberusv1.GetBrainRequest{
		Key: &cerberusv1.GetBrainRequest_Name{Name: "exam"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range got.GetBrain().GetVersions() {
		for _, p := range v.GetPlans() {
			if p.GetArguments()[0].GetValue() == "squares" {
				return p
			}
		}
	}
	t.Fatal("no Plan is registered")
	return nil
}

func (l *life) derived(t *testing.T) {
	var program, plan int
	for _, name := range l.stored {
		program += strings.Count(name, ".program")
		plan += strings.Count(name, ".plan")
	}
	if program != 1 || plan != 1 {
		t.Errorf("the store held %v when the first upload began", l.stored)
	}
	if p := l.registered(t); !bytes.Equal(p.GetPlanDigest(), l.task.GetPlanDigest()) ||
		!p.GetNeedsKeys() {
		t.Errorf("registered %x, submitted %x", p.GetPlanDigest(), l.task.GetPlanDigest())
	}
}

func (l *life) encrypted(t *testing.T) {
	pin := "setups/" + hex.EncodeToString(l.before.GetSetup().GetDigest()) + ".pin"
	if !slices.Contains(l.stored, pin) ||
		!slices.Contains(l.stored, "keys/default/ckks-13.secret") ||
		!slices.ContainsFunc(l.stored, func(n string) bool {
			return strings.HasPrefix(n, "keysets/default/ckks-13-")
		}) {
		t.Errorf("the store held %v when the first upload began", l.stored)
	}
}

func (l *life) sent(t *testing.T) {
	in := l.task.GetInputs()
	if len(in) != 1 || in[0].GetName() != "x" {
		t.Fatalf("inputs %v", in)
	}
	for digest, want := range map[string]int64{
		string(in[0].GetDigest()): l.result.Bytes.Upload, string(l.task.GetKeySet()): l.result.Bytes.Keys,
	} {
		if there, size := l.api.has(t, []byte(digest)); !there || size != want {
			t.Errorf("blob %x: there %t, %d bytes, sent %d", digest, there, size, want)
		}
		if there, _ := l.other.has(t, []byte(digest)); there {
			t.Errorf("another account sees blob %x", digest)
		}
		name := hex.EncodeToString([]byte(digest))
		found := false
		err := filepath.WalkDir(filepath.Join(l.node.DataDir, "blobs"),
			func(path string, _ os.DirEntry, err error) error {
				found = found || strings.Contains(filepath.Base(path), name)
				return err
			})
		if err != nil || !found {
			t.Errorf("no file of blob %s on the node, %v", name, err)
		}
	}
}

func (l *life) submittedOnce(t *testing.T) {
	if l.first(t, "SubmitTask") < l.first(t, "CommitUpload") {
		t.Error("the task was submitted before its inputs were there")
	}
	request := &cerberusv1.SubmitTaskRequest{
		Brain: l.task.GetBrain(), ModuleDigest: l.task.GetModuleDigest(),
		PlanDigest: l.task.GetPlanDigest(), Arguments: l.task.GetArguments(),
		Inputs: l.task.GetInputs(), KeySet: l.task.GetKeySet(),
		IdempotencyKey: bytes.Repeat([]byte{7}, 16),
	}
	var ids [][]byte
	for range 2 {
		got, err := l.api.tasks.SubmitTask(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, got.GetTask().GetId())
	}
	if !bytes.Equal(ids[0], ids[1]) || bytes.Equal(ids[0], l.task.GetId()) {
		t.Errorf("submissions gave %x, the first task is %x", ids, l.task.GetId())
	}
	request.Brain = abi.BrainsMax + 1
	_, err := l.api.tasks.SubmitTask(t.Context(), request)
	if connect.CodeOf(err) != connect.CodeInvalidArgument {
		t.Errorf("a task for slot %d: %v", request.GetBrain(), err)
	}
	_, err = l.api.brains.RegisterModule(t.Context(), &cerberusv1.RegisterModuleRequest{
		Brain: request.GetBrain(), ModuleDigest: l.task.GetModuleDigest(),
	})
	if connect.CodeOf(err) != connect.CodeInvalidArgument {
		t.Errorf("a module for slot %d: %v", request.GetBrain(), err)
	}
}

func (l *life) committed(t *testing.T) {
	if now := l.api.status(t).GetCommitIndex(); now <= l.before.GetCommitIndex() {
		t.Errorf("the log was at %d and is at %d", l.before.GetCommitIndex(), now)
	}
	self := l.task.GetClient()
	list, err := l.api.tasks.ListTasks(t.Context(), &cerberusv1.ListTasksRequest{Client: self})
	if err != nil || !slices.ContainsFunc(list.GetTasks(), func(x *cerberusv1.Task) bool {
		return bytes.Equal(x.GetId(), l.task.GetId())
	}) {
		t.Errorf("the task is not listed, %v", err)
	}
}

func (l *life) leased(t *testing.T) {
	if l.task.GetAttempts() != 1 || !bytes.Equal(l.task.GetNode(), l.before.GetNodeAddress()) {
		t.Errorf("%d attempts by %x", l.task.GetAttempts(), l.task.GetNode())
	}
}

func (l *life) planned(t *testing.T) {
	if p := l.registered(t); !bytes.Equal(p.GetPlanDigest(), l.task.GetPlanDigest()) {
		t.Errorf("the task's Plan is %x, registered is %x", l.task.GetPlanDigest(), p.GetPlanDigest())
	}
	if !bytes.Equal(l.task.GetModuleDigest(), l.result.Module[:]) {
		t.Errorf("the task's module is %x", l.task.GetModuleDigest())
	}
}

func (l *life) executed(t *testing.T) {
	if l.task.GetEngine() != "lattigo" || l.task.GetTimings().GetExecuteUs() <= 0 ||
		l.result.Timings.Execute <= 0 {
		t.Errorf("engine %s, %v", l.task.GetEngine(), l.task.GetTimings())
	}
	if l.task.GetGas() == 0 || l.result.Gas != l.task.GetGas() {
		t.Errorf("gas %d, the client was told %d", l.task.GetGas(), l.result.Gas)
	}
}

func (l *life) recorded(t *testing.T) {
	out := l.task.GetOutputs()
	if l.task.GetState() != cerberusv1.TaskState_TASK_STATE_DONE || len(out) != 1 ||
		out[0].GetName() != "sum" {
		t.Fatalf("state %s, outputs %v", l.task.GetState(), out)
	}
	if there, size := l.api.has(t, out[0].GetDigest()); !there || size != out[0].GetBytes() {
		t.Errorf("there %t, %d bytes instead of %d", there, size, out[0].GetBytes())
	}
}

func (l *life) watched(t *testing.T) {
	watched := l.first(t, "WatchTask")
	if watched < l.first(t, "SubmitTask") || !slices.Contains(l.calls[watched:], "ReadBlob") ||
		slices.Contains(l.calls[l.first(t, "SubmitTask"):watched], "ReadBlob") {
		t.Errorf("calls %v", l.calls)
	}
	_, err := l.other.blobs.ReadBlob(t.Context(), &cerberusv1.ReadBlobRequest{
		Digest: l.task.GetOutputs()[0].GetDigest(), Limit: 1,
	})
	if connect.CodeOf(err) != connect.CodePermissionDenied {
		t.Errorf("another account reads the output: %v", err)
	}
}

// bundle reads the task's attestation as its owner.
func (l *life) bundle(t *testing.T) *bundle.Bundle {
	t.Helper()
	a := l.task.GetAttestation()
	got, err := l.api.blobs.ReadBlob(t.Context(), &cerberusv1.ReadBlobRequest{
		Digest: a.GetBundleDigest(), Limit: int32(a.GetBundleBytes()),
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Parse(got.GetData())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (l *life) proved(t *testing.T) {
	a, b := l.task.GetAttestation(), l.bundle(t)
	if there, _ := l.other.has(t, a.GetBundleDigest()); there {
		t.Error("another account sees the bundle")
	}
	s, statement := b.Statement, b.Statement.Digest()
	in, out := l.task.GetInputs()[0], l.task.GetOutputs()[0]
	for what, pair := range map[string][2][]byte{
		"task":      {s.Task[:], l.task.GetId()},
		"client":    {s.Client[:], l.task.GetClient()},
		"node":      {s.Node[:], l.task.GetNode()},
		"module":    {s.Module[:], l.task.GetModuleDigest()},
		"plan":      {s.Plan[:], l.task.GetPlanDigest()},
		"key set":   {s.KeySet[:], l.task.GetKeySet()},
		"input":     {s.Inputs[0].Digest[:], in.GetDigest()},
		"output":    {s.Outputs[0].Digest[:], out.GetDigest()},
		"setup":     {s.Setup[:], l.before.GetSetup().GetDigest()},
		"statement": {statement[:], a.GetStatementDigest()},
		"miner":     {a.GetMiner(), l.before.GetNodeAddress()},
	} {
		if !bytes.Equal(pair[0], pair[1]) {
			t.Errorf("%s: %x, not %x", what, pair[0], pair[1])
		}
	}
	signer, err := attest.Recover(s.SigningDigest(), b.Signature)
	if err != nil || !bytes.Equal(signer[:], l.task.GetNode()) {
		t.Errorf("signed by %s, %v", signer, err)
	}
	if a.GetProveUs() <= 0 || a.GetAttempts() != 1 || len(b.Proof) == 0 {
		t.Errorf("attestation %v", a)
	}
}

func (l *life) judged(t *testing.T) {
	a := l.task.GetAttestation()
	if len(a.GetVerdicts()) != 1 {
		t.Fatalf("verdicts %v", a.GetVerdicts())
	}
	got := a.GetVerdicts()[0]
	want := attest.Verdict{
		Task: [32]byte(l.task.GetId()), Statement: abi.Digest(a.GetStatementDigest()),
		Bundle: abi.Digest(a.GetBundleDigest()), Accepted: true,
		Validator: abi.Address(l.before.GetNodeAddress()),
	}
	signer, err := attest.Recover(want.SigningDigest(), attest.Signature(got.GetSignature()))
	if err != nil || signer != want.Validator || !got.GetAccepted() ||
		!bytes.Equal(got.GetValidator(), signer[:]) {
		t.Errorf("verdict %v, signed by %s, %v", got, signer, err)
	}
}

func (l *life) settled(t *testing.T) {
	a := l.task.GetAttestation()
	if a.GetState() != cerberusv1.AttestationState_ATTESTATION_STATE_SETTLED ||
		a.GetEndedMs() < a.GetProvedMs() || a.GetProvedMs() < l.task.GetEndedMs() {
		t.Errorf("attestation %v of a task that ended at %d", a, l.task.GetEndedMs())
	}
	now, before := l.api.status(t).GetAttestations(), l.before.GetAttestations()
	if now.GetSettled() != before.GetSettled()+1 {
		t.Errorf("counted %v before and %v now", before, now)
	}
}

func (l *life) verified(t *testing.T) {
	a := l.result.Attestation
	if a.State != client.AttestationVerified || a.Kind != "development" || a.VerifyMS <= 0 ||
		a.HonestBits < a.ProvenBits {
		t.Errorf("attestation %+v", a)
	}
	// What was decrypted came in the bundle: nothing else was downloaded.
	if n := l.task.GetAttestation().GetBundleBytes(); l.result.Bytes.Download != n {
		t.Errorf("downloaded %d bytes, the bundle has %d", l.result.Bytes.Download, n)
	}
	changed, err := lies("output", l.task.GetModuleDigest())
	if err != nil {
		t.Fatal(err)
	}
	between, err := newLiar(l.node.URL, changed)
	if err != nil {
		t.Fatal(err)
	}
	defer between.Close()
	brain, err := l.connect(t, between.URL, nil).Open(t.Context(), "exam", client.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := brain.Ask(t.Context(), []byte(lifeRequest))
	if r != nil || !errors.Is(err, client.ErrVerification) {
		t.Errorf("of a changed bundle: %+v, %v", r, err)
	}
}

func (l *life) answered(t *testing.T) {
	sum, ok := l.result.Answer.Get("sum")
	if l.result.Answer.Label != "high" || !ok || math.Abs(sum-5) > 1e-3 {
		t.Errorf("answer %+v", l.result.Answer)
	}
	l.client.Close()
	if _, err := l.brain.Ask(t.Context(), []byte(lifeRequest)); !errors.Is(err, client.ErrClosed) {
		t.Errorf("the client was closed: %v", err)
	}
}
