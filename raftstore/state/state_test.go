package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/cerberus-host/cerberus/abi"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
)

func encode(t testing.TB, s *State) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := s.Freeze().Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decode(t testing.TB, b []byte) *State {
	t.Helper()
	s, err := Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// setup is a cluster with one admin, author and client each and the blobs of a module.
const setup = `bootstrap by=n1 cluster=test admin=alice node=n1
role by=alice who=bob role=author
role by=alice who=dora role=client
blob by=n1 name=program kind=program
blob by=n1 name=plan kind=plan
blob by=bob name=m1 kind=module
blob by=bob name=m2 kind=module
blob by=dora name=in kind=ciphertext
blob by=n1 name=out kind=ciphertext
`

func newCluster(t testing.TB) *script {
	x := newScript(t)
	for line := range strings.Lines(setup) {
		if out := x.command(strings.TrimSpace(line)); !strings.HasPrefix(out, "ok") {
			t.Fatalf("%s: %s", line, out)
		}
	}
	return x
}

// The numbers of roles, kinds and failures are those of the log's messages.
func TestNumbersAreThoseOfTheLog(t *testing.T) {
	for r := RoleAdmin; r <= RoleValidator; r++ {
		want := "ROLE_" + strings.ToUpper(r.String())
		if got := raftlogv1.Role(r).String(); got != want {
			t.Errorf("role %d is %s here and %s in the log", r, want, got)
		}
	}
	if n := len(raftlogv1.Role_name); n != int(RoleValidator)+1 {
		t.Errorf("the log has %d roles", n)
	}
	for k := BlobModule; k <= BlobSetup; k++ {
		want := "BLOB_KIND_" + strings.ToUpper(strings.ReplaceAll(k.String(), " ", ""))
		if got := raftlogv1.BlobKind(k).String(); got != want {
			t.Errorf("kind %d is %s here and %s in the log", k, want, got)
		}
	}
	if n := len(raftlogv1.BlobKind_name); n != int(BlobSetup)+1 {
		t.Errorf("the log has %d kinds", n)
	}
	if n := len(raftlogv1.FailureCode_name); n != int(FailureAttempts)+1 {
		t.Errorf("the log has %d failures", n)
	}
	for k := SetupDevelopment; k <= SetupCeremony; k++ {
		want := "SETUP_KIND_" + strings.ToUpper(k.String())
		if got := raftlogv1.SetupKind(k).String(); got != want {
			t.Errorf("kind %d is %s here and %s in the log", k, want, got)
		}
	}
	if n := len(raftlogv1.SetupKind_name); n != int(SetupCeremony)+1 {
		t.Errorf("the log has %d kinds of setups", n)
	}
}

func TestEveryCodeHasWordAndFix(t *testing.T) {
	seen := map[string]bool{}
	codes := Codes()
	for c := range Code(1000) {
		if c.Valid() != slices.Contains(codes, c) {
			t.Errorf("code %d: Valid is %t", c, c.Valid())
		}
	}
	for i, c := range codes {
		if i > 0 && codes[i-1] >= c {
			t.Errorf("code %d follows %d", c, codes[i-1])
		}
		if seen[c.String()] {
			t.Errorf("the word %q is there twice", c)
		}
		seen[c.String()] = true
		if (c.Fix() == "") != (c == CodeOK) {
			t.Errorf("%s: the fix is %q", c, c.Fix())
		}
	}
	err := fmt.Errorf("wrapped: %w", &Error{Code: CodeUnknownBlob, Field: "inputs"})
	if !errors.Is(err, &Error{Code: CodeUnknownBlob}) || errors.Is(err, &Error{Code: CodeOK}) {
		t.Error("errors.Is does not compare codes")
	}
}

// The 1,025th registration is refused, by number and by "any free slot", and still after
// a restore; a retired slot can be taken again.
func TestThe1025thRegistrationIsRefused(t *testing.T) {
	x := newCluster(t)
	for i := 1; i <= abi.BrainsMax; i++ {
		out := x.command(fmt.Sprintf("register by=bob name=b%d module=m1", i))
		if want := fmt.Sprintf("ok brain=%d\n", i); !strings.HasPrefix(out, want) {
			t.Fatalf("registration %d: %s", i, out)
		}
	}
	refused := func(line string, code Code) {
		t.Helper()
		if out := x.command(line); !strings.HasPrefix(out, code.String()) {
			t.Errorf("%s: %s, want %s", line, out, code)
		}
	}
	for range 2 {
		refused("register by=bob name=one-more module=m1", CodeBrainLimit)
		refused("register by=bob brain=1025 name=one-more module=m1", CodeBrainLimit)
		refused("register by=alice brain=3 name=one-more module=m1", CodeInvalidArgument)
		x.restore()
	}
	if out := x.command("retire by=bob brain=517"); !strings.HasPrefix(out, "ok") {
		t.Fatal(out)
	}
	if out := x.command("register by=bob name=one-more module=m2"); !strings.HasPrefix(out,
		"ok brain=517\n") {
		t.Fatal(out)
	}
	refused("register by=bob name=two-more module=m1", CodeBrainLimit)
	if n := len(x.s.View().Brains()); n != abi.BrainsMax {
		t.Errorf("%d slots in use", n)
	}
}

// A Brain keeps its latest versions; removed ones give way, others do not.
func TestVersionsOfABrainAreBounded(t *testing.T) {
	x := newCluster(t)
	register := func(i int) string {
		x.command(fmt.Sprintf("blob by=bob name=v%d kind=module", i))
		return x.command(fmt.Sprintf("register by=bob brain=1 name=b module=v%d", i))
	}
	for i := range VersionsMax {
		if out := register(i); !strings.HasPrefix(out, "ok") {
			t.Fatal(out)
		}
	}
	if out := register(VersionsMax); !strings.HasPrefix(out, "version_limit") {
		t.Fatal(out)
	}
	x.command("activate by=bob brain=1 module=v3")
	x.command("activate by=bob brain=1 module=v4")
	if out := x.command(fmt.Sprintf("register by=bob brain=1 name=b module=v%d",
		VersionsMax)); !strings.HasPrefix(out, "ok") {
		t.Fatal(out)
	}
	b, _ := x.s.View().Brain(1)
	if len(b.Versions) != VersionsMax || b.version(abi.SumDigest([]byte("v3"))) >= 0 {
		t.Errorf("%d versions, v3 at %d", len(b.Versions), b.version(abi.SumDigest([]byte("v3"))))
	}
}

// What a view hands out is a copy: writing to it changes nothing.
func TestViewsReturnCopies(t *testing.T) {
	x := newCluster(t)
	for _, line := range []string{
		"register by=bob brain=1 name=b module=m1 variants=exam:a",
		"activate by=bob brain=1 module=m1",
		"submit by=dora task=t1 brain=1 module=m1 args=exam:a input=in",
	} {
		if out := x.command(line); !strings.HasPrefix(out, "ok") {
			t.Fatal(out)
		}
	}
	before := encode(t, x.s)
	v := x.s.View()
	b, _ := v.Brain(1)
	b.Versions[0].State = ModuleRemoved
	b.Versions[0].Variants[0].Args[0].Value = "z"
	task := v.Tasks(TaskFilter{}, 1)[0]
	task.Args[0].Value = "z"
	task.Inputs[0].Name = "z"
	v.QueuedTasks(1)[0].Inputs[0].Digest = abi.Digest{}
	if !bytes.Equal(before, encode(t, x.s)) {
		t.Error("writing to what a view returned changed the state")
	}
	frozen := x.s.Freeze()
	x.command("cancel by=dora task=t1")
	var after bytes.Buffer
	if err := frozen.Encode(&after); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after.Bytes()) {
		t.Error("a frozen state changed")
	}
}

func TestTaskFilter(t *testing.T) {
	x := newCluster(t)
	x.command("register by=bob brain=1 name=b module=m1")
	x.command("activate by=bob brain=1 module=m1")
	for i := range 5 {
		x.command(fmt.Sprintf("submit by=dora task=t%d brain=1 module=m1 input=in", i))
	}
	x.command("submit by=alice task=a brain=1 module=m1 input=in")
	x.command("cancel by=dora task=t3")
	v := x.s.View()
	third := v.Tasks(TaskFilter{}, 10)[3]
	for name, c := range map[string]struct {
		filter TaskFilter
		limit  int
		want   string
	}{
		"all":       {TaskFilter{}, 10, "a t4 t3 t2 t1 t0"},
		"limit":     {TaskFilter{}, 2, "a t4"},
		"none":      {TaskFilter{}, 0, ""},
		"client":    {TaskFilter{Client: abi.Address(x.address("alice"))}, 10, "a"},
		"state":     {TaskFilter{State: TaskCancelled}, 10, "t3"},
		"brain":     {TaskFilter{Brain: 2}, 10, ""},
		"next page": {TaskFilter{Before: third.SubmitIndex}, 10, "t1 t0"},
	} {
		var got []string
		for _, task := range v.Tasks(c.filter, c.limit) {
			got = append(got, x.readable(task.ID.String()))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %q, want %q", name, s, c.want)
		}
	}
}

// randomLine is a command that is sometimes refused and sometimes not.
func randomLine(r *rand.Rand) string {
	who := func() string { return []string{"alice", "bob", "dora", "n1", "n2", "eve"}[r.IntN(6)] }
	n := func(prefix string, of int) string { return fmt.Sprintf("%s%d", prefix, r.IntN(of)) }
	kinds := []string{"module", "module", "ciphertext", "ciphertext", "key-set", "program", "plan"}
	switch r.IntN(22) {
	case 0:
		return fmt.Sprintf("role by=alice who=%s role=%s grant=%s", who(),
			[]string{"admin", "author", "client", "node"}[r.IntN(4)], []string{"yes", "no"}[r.IntN(2)])
	case 1, 2, 3:
		return fmt.Sprintf("blob by=%s name=%s kind=%s expires=%d", who(), n("x", 12),
			kinds[r.IntN(len(kinds))], r.IntN(3)*200)
	case 4:
		return fmt.Sprintf("forget by=%s name=%s", who(), n("x", 12))
	case 5:
		return "expire-blobs by=n1 limit=2"
	case 6, 7:
		return fmt.Sprintf("register by=bob brain=%d name=%s module=%s variants=;k:a", r.IntN(4),
			n("b", 3), n("x", 12))
	case 8, 9:
		return fmt.Sprintf("activate by=bob brain=%d module=%s", r.IntN(4), n("x", 12))
	case 10:
		return fmt.Sprintf("retire by=bob brain=%d", r.IntN(4))
	case 11, 12, 13:
		return fmt.Sprintf("submit by=%s task=%s brain=%d module=%s input=%s key=%s", who(),
			n("t", 20), r.IntN(4), n("x", 12), n("x", 12), n("", 5))
	case 14, 15, 16:
		return fmt.Sprintf("lease by=n%d task=%s for=%d", 1+r.IntN(2), n("t", 20), 1+r.IntN(200))
	case 17, 18:
		return fmt.Sprintf("finish by=n%d task=%s outputs=y:%s", 1+r.IntN(2), n("t", 20), n("x", 12))
	case 19:
		return fmt.Sprintf("fail by=n%d task=%s", 1+r.IntN(2), n("t", 20))
	case 20:
		return fmt.Sprintf("cancel by=%s task=%s", who(), n("t", 20))
	}
	return []string{"expire-leases by=n1 limit=3", "prune by=n1 before=99999 limit=4"}[r.IntN(2)]
}

// Random sequences keep every invariant; the same entries give the same bytes, also when
// one replica was restored from a snapshot on the way; a result changes only when another
// one is settled.
func TestRandomSequences(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		x := newCluster(t)
		other := newCluster(t)
		x.command("role by=alice who=n2 role=node")
		other.command("role by=alice who=n2 role=node")
		results := map[Index][]NamedBlob{}
		accepted := 0
		for i := range 400 {
			line := randomLine(r)
			if r.IntN(40) == 0 {
				x.nowMS += int64(r.IntN(100))
				other.nowMS = x.nowMS
			}
			got, want := x.command(line), other.command(line)
			if got != want {
				t.Fatalf("seed %d, step %d, %s:\n%s\n%s", seed, i, line, got, want)
			}
			if strings.HasPrefix(got, "ok") {
				accepted++
			}
			checkResults(t, x.s, results)
			if r.IntN(50) == 0 {
				other.restore()
			}
		}
		if !bytes.Equal(encode(t, x.s), encode(t, other.s)) {
			t.Fatalf("seed %d: two replicas differ", seed)
		}
		if accepted < 50 {
			t.Errorf("seed %d: only %d commands were accepted", seed, accepted)
		}
	}
}

// checkResults fails if a task's result changes, except to one that is settled. Tasks are
// known by the entry that submitted them.
func checkResults(t *testing.T, s *State, results map[Index][]NamedBlob) {
	t.Helper()
	for id, task := range s.tasks {
		first, ok := results[task.SubmitIndex]
		if !ok && task.State != TaskDone {
			continue
		}
		if ok && !slices.Equal(first, task.Outputs) && task.Attestation.State != AttestSettled {
			t.Fatalf("task %s is %s, its result was %v and is %v", id, task.State, first,
				task.Outputs)
		}
		results[task.SubmitIndex] = task.Outputs
	}
}

// A retired nonce table never grows beyond what log time allows.
func TestRequestsAreForgotten(t *testing.T) {
	x := newCluster(t)
	for i := range 1000 {
		x.nowMS += 1000
		x.command(fmt.Sprintf("role by=alice who=c%d role=client grant=no ttl=%d", i, i%7*1000))
	}
	if n := x.s.View().Counts().Requests; n > 8 {
		t.Errorf("%d requests are remembered", n)
	}
	if len(x.s.expiries) != len(x.s.requests) {
		t.Errorf("%d expiries for %d requests", len(x.s.expiries), len(x.s.requests))
	}
}

func TestCommandLimits(t *testing.T) {
	_, err := NewCommand(Request{}, &raftlogv1.Bootstrap{
		ClusterId: strings.Repeat("x", BodyBytesMax),
	})
	if !errors.Is(err, ErrCommand) {
		t.Errorf("a long body: %v", err)
	}
	_, err = EncodeCommand(&raftlogv1.Command{Body: make([]byte, EntryBytesMax)}, 1)
	if !errors.Is(err, ErrCommand) {
		t.Errorf("a long entry: %v", err)
	}
	s := New()
	resp, _ := s.Apply(1, make([]byte, EntryBytesMax+1))
	if resp.Code != CodeUndecodable {
		t.Errorf("a longer entry: %v", resp.Err())
	}
	if resp, _ = s.Apply(1, nil); resp.Code != CodeUndecodable || s.Index() != 1 {
		t.Errorf("the same index again: %+v", resp)
	}
}

// Fields inside a nested message that this version does not know are refused as well.
func TestUnknownNestedFields(t *testing.T) {
	policy := protoUnknown(t, &raftlogv1.Policy{LiveTasksMax: 3})
	body := binary.AppendUvarint([]byte{1<<3 | 2}, uint64(len(policy)))
	body = append(body, policy...)
	m := &raftlogv1.SetPolicy{}
	if bad := decodeStrict(body, m); bad == nil || bad.Code != CodeUnsupported {
		t.Errorf("got %v", bad)
	}
}

func protoUnknown(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return append(b, 0xfa, 0x01, 0)
}
