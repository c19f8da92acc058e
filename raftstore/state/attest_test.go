package state

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
)

// attestedCluster has a setup, an active version, two nodes, three validators of which one
// is a node, and bundles b0 to b5.
func attestedCluster(t testing.TB, policy string) *script {
	t.Helper()
	x := newCluster(t)
	lines := `role by=alice who=n2 role=node
role by=alice who=n1 role=validator
role by=alice who=v1 role=validator
role by=alice who=v2 role=validator
blob by=alice name=vk kind=setup
setup by=alice digest=setup kind=development key=vk
blob by=n1 name=out2 kind=ciphertext
register by=bob brain=1 name=b module=m1
activate by=bob brain=1 module=m1
policy by=alice ` + policy
	for line := range strings.Lines(lines) {
		x.must(strings.TrimSpace(line))
	}
	for i := range 6 {
		x.must(fmt.Sprintf("blob by=n1 name=b%d kind=bundle", i))
	}
	return x
}

// must applies a command that has to be accepted.
func (x *script) must(line string) {
	x.t.Helper()
	if out := x.command(line); !strings.HasPrefix(out, "ok") {
		x.t.Fatalf("%s: %s", line, out)
	}
}

// refused applies a command that has to be refused with a code, without a change.
func (x *script) refused(line string, code Code) {
	x.t.Helper()
	if out := x.command(line); !strings.HasPrefix(out, code.String()) {
		x.t.Fatalf("%s: %s, want %s", line, out, code)
	}
}

// task returns a task by its name in the script.
func (x *script) task(name string) Task {
	x.t.Helper()
	task, ok := x.s.View().Task(abi.TaskID(x.digest(name)))
	if !ok {
		x.t.Fatalf("no task %s", name)
	}
	return task
}

// prove brings a task to the state where its proof waits for verdicts.
func (x *script) prove(task, bundle string) {
	x.t.Helper()
	x.must("submit by=dora task=" + task + " brain=1 module=m1 input=in proof=yes")
	x.must("lease by=n1 task=" + task)
	x.must("finish by=n1 task=" + task + " outputs=label:out")
	x.must("attest by=n1 task=" + task + " bundle=" + bundle)
}

// A proof, a report or a failure under the fence of an earlier lease changes nothing, also
// when the same node has leased the task again.
func TestStaleFencesOfProofs(t *testing.T) {
	x := attestedCluster(t, "proof-attempts=3 proof-deadline=100 attempts=3")
	x.must("submit by=dora task=t brain=1 module=m1 input=in proof=yes")
	x.must("lease by=n1 task=t")
	first := x.task("t").Lease.Fence
	x.must("finish by=n1 task=t outputs=label:out")
	x.nowMS += 101
	x.must("expire-leases by=n1")
	stale := fmt.Sprintf(" by=n1 task=t fence=%d ", first)
	x.refused("attest bundle=b0"+stale, CodeStaleFence)
	x.refused("fail"+stale, CodeTaskEnded)
	x.must("lease by=n1 task=t")
	x.refused("attest bundle=b0"+stale, CodeStaleFence)
	x.refused("fail"+stale, CodeTaskEnded)
	x.refused("finish outputs=label:out2"+stale, CodeTaskEnded)
	x.refused("attest by=n1 task=t bundle=b0", CodeProofNotAwaited)
	x.must("finish by=n1 task=t outputs=label:out")
	x.refused("attest bundle=b0"+stale, CodeStaleFence)
	x.must("attest by=n1 task=t bundle=b0")
	x.refused("attest bundle=b1"+stale, CodeStaleFence)
	if a := x.task("t").Attestation; a.Attempts != 2 || a.State != AttestProved {
		t.Errorf("%+v", a)
	}
}

// A miner that never proves loses the task to another one, and is not marked.
func TestMinerThatNeverProves(t *testing.T) {
	x := attestedCluster(t, "proof-attempts=2 proof-deadline=100")
	x.must("submit by=dora task=t brain=1 module=m1 input=in proof=yes")
	x.must("lease by=n1 task=t")
	x.must("finish by=n1 task=t outputs=label:out")
	task := x.task("t")
	if !task.Attestation.Proving() || !task.Open() || !task.State.Ended() {
		t.Fatalf("%+v", task)
	}
	v := x.s.View()
	if v.Overdue(x.nowMS+100, 9) != 0 || v.Overdue(x.nowMS+101, 9) != 1 {
		t.Error("the deadline is another one")
	}
	x.nowMS += 101
	x.must("expire-leases by=n2")
	if task = x.task("t"); !task.Leasable() || (task.Current() != Lease{}) {
		t.Fatalf("%+v", task)
	}
	if queue := x.s.View().QueuedTasks(9); len(queue) != 1 || queue[0].ID != task.ID {
		t.Fatalf("the queue is %v", queue)
	}
	x.must("lease by=n2 task=t")
	x.must("finish by=n2 task=t outputs=label:out")
	x.must("attest by=n2 task=t bundle=b0")
	x.must("judge by=v1 task=t bundle=b0")
	if task = x.task("t"); task.Attestation.State != AttestSettled || task.Open() {
		t.Errorf("%+v", task)
	}
	lazy, _ := x.s.View().Conduct(abi.Address(x.address("n1")))
	if lazy.ProofsExpired != 1 || lazy.ProofsRejected != 0 || len(lazy.Marks) != 0 {
		t.Errorf("n1: %+v", lazy)
	}
	if totals := x.s.View().Totals(); totals != (Totals{Settled: 1, ProofsExpired: 1}) {
		t.Errorf("%+v", totals)
	}
}

// A validator that signs nonsense moves nothing but its own count.
func TestValidatorThatSignsNonsense(t *testing.T) {
	x := attestedCluster(t, "quorum=2")
	x.prove("t", "b0")
	before := x.task("t")
	lines := []string{
		"judge by=v1 task=unknown bundle=b0 reason=proof",
		"judge by=v1 task=t bundle=b1 reason=proof",
		"judge by=v1 task=t bundle=b0 statement=x reason=proof",
		"judge by=v1 task=t bundle=b0 reason=proof accepted=yes",
		"judge by=v1 task=t bundle=b0 signature-bytes=66",
	}
	for _, line := range lines {
		if out := x.command(line); strings.HasPrefix(out, "ok") {
			t.Errorf("%s: %s", line, out)
		}
	}
	after := x.task("t")
	if fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("the task was\n%+v and is\n%+v", before, after)
	}
	k, _ := x.s.View().Conduct(abi.Address(x.address("v1")))
	if k.VerdictsRefused != uint64(len(lines)) || k.VerdictsRejecting != 0 {
		t.Errorf("%+v", k)
	}
	// An entry that is applied again is one verdict, and no second refusal.
	x.command("judge by=v1 task=t bundle=b1 reason=proof nonce=0123456789abcdef")
	x.command("judge by=v1 task=t bundle=b1 reason=proof nonce=0123456789abcdef")
	if got := x.s.View().Totals().VerdictsRefused; got != uint64(len(lines))+1 {
		t.Errorf("%d refusals", got)
	}
}

// A validator counts once, whatever it repeats; verdicts on either side do not add up.
func TestQuorumIsOfDistinctValidators(t *testing.T) {
	x := attestedCluster(t, "quorum=2")
	x.prove("t", "b0")
	for range 3 {
		x.must("judge by=v1 task=t bundle=b0 reason=proof")
	}
	x.refused("judge by=n1 task=t bundle=b0 reason=proof", CodeOwnProof)
	x.must("judge by=v2 task=t bundle=b0")
	if a := x.task("t").Attestation; a.State != AttestProved || len(a.Verdicts) != 2 {
		t.Fatalf("%+v", a)
	}
	x.must("role by=alice who=v3 role=validator")
	x.must("judge by=v3 task=t bundle=b0 reason=statement")
	miner, _ := x.s.View().Conduct(abi.Address(x.address("n1")))
	if len(miner.Marks) != 1 || len(miner.Marks[0].Verdicts) != 2 ||
		miner.Marks[0].Reason != "proof" || miner.Marks[0].Bundle != abi.Digest(x.digest("b0")) {
		t.Errorf("%+v", miner)
	}
	if task := x.task("t"); !task.Attestation.Waiting() || task.State != TaskDone {
		t.Errorf("%+v", task)
	}
}

// Alone, a node that is also the validator judges its own proofs: a development cluster.
func TestOnlyValidatorJudgesItsOwnProof(t *testing.T) {
	x := attestedCluster(t, "")
	x.must("role by=alice who=v1 role=validator grant=no")
	x.must("role by=alice who=v2 role=validator grant=no")
	x.prove("t", "b0")
	x.must("judge by=n1 task=t bundle=b0")
	if a := x.task("t").Attestation; a.State != AttestSettled || a.Quorum != 1 {
		t.Errorf("%+v", a)
	}
}

// Marks are counted without end and kept up to a bound; the latest stay.
func TestMarksAreBounded(t *testing.T) {
	x := attestedCluster(t, "proof-attempts=1")
	for i := range MarksKept + 3 {
		x.prove(fmt.Sprintf("t%d", i), "b0")
		x.must(fmt.Sprintf("judge by=v1 task=t%d bundle=b0 reason=proof", i))
	}
	k, _ := x.s.View().Conduct(abi.Address(x.address("n1")))
	if k.ProofsRejected != MarksKept+3 || len(k.Marks) != MarksKept ||
		k.Marks[0].Task != abi.TaskID(x.digest("t3")) {
		t.Errorf("%d marks of %d, from %s", len(k.Marks), k.ProofsRejected, k.Marks[0].Task)
	}
	if totals := x.s.View().Totals(); totals.Rejected != MarksKept+3 {
		t.Errorf("%+v", totals)
	}
	x.restore()
}

// What a client can do with its inputs, its keys and its cancellations never marks a miner.
func TestClientsCannotMarkMiners(t *testing.T) {
	x := attestedCluster(t, "proof-attempts=3")
	x.must("submit by=dora task=t brain=1 module=m1 input=in proof=yes")
	x.must("lease by=n1 task=t")
	x.must("finish by=n1 task=t outputs=label:out")
	x.refused("judge by=dora task=t bundle=b0 reason=proof", CodePermissionDenied)
	x.refused("cancel by=dora task=t", CodeTaskEnded)
	x.must("fail by=n1 task=t code=4 retryable=no message=inputs.text")
	task := x.task("t")
	if task.Attestation.State != AttestFailed || task.Attestation.Failure.Code != FailureBadInput ||
		task.State != TaskDone {
		t.Errorf("%+v", task)
	}
	if k, ok := x.s.View().Conduct(abi.Address(x.address("n1"))); ok {
		t.Errorf("n1: %+v", k)
	}
}

// A task is kept from the end of its attestation on, not from its result.
func TestPruningCountsFromTheEndOfTheAttestation(t *testing.T) {
	x := attestedCluster(t, "")
	x.prove("t", "b0")
	x.nowMS += 500
	ended := x.nowMS
	x.must("judge by=v1 task=t bundle=b0")
	for _, before := range []int64{ended - 499, ended} {
		x.must(fmt.Sprintf("prune by=n1 before=%d", before))
		if n := x.s.View().Counts().Tasks; n != 1 {
			t.Errorf("before %d: %d tasks are left", before, n)
		}
	}
	x.must(fmt.Sprintf("prune by=n1 before=%d", ended+1))
	if n := x.s.View().Counts().Tasks; n != 0 {
		t.Errorf("%d tasks are left", n)
	}
}

// judgement is what a model of the test remembers about one proof.
type judgement struct{ accepting, rejecting map[string]bool }

// model follows accepted verdicts without looking into the state.
type model struct {
	quorum            int
	proofs            map[string]*judgement
	settled, rejected int
}

func (m *model) accepted(f fields) {
	key := f["task"] + " " + f["bundle"]
	j, ok := m.proofs[key]
	if !ok {
		j = &judgement{map[string]bool{}, map[string]bool{}}
		m.proofs[key] = j
	}
	side := j.accepting
	if f["reason"] != "" {
		side = j.rejecting
	}
	if side[f["by"]] {
		return // a repetition
	}
	side[f["by"]] = true
	if len(side) == m.quorum {
		if f["reason"] == "" {
			m.settled++
		} else {
			m.rejected++
		}
	}
}

// randomAttestation is a command around the proofs of five tasks. Two times out of three it
// is from the node and about the bundle that the task names.
func randomAttestation(r *rand.Rand, x *script) string {
	n := func(prefix string, of int) string { return fmt.Sprintf("%s%d", prefix, r.IntN(of)) }
	task, node, bundle := n("t", 5), fmt.Sprintf("n%d", 1+r.IntN(2)), n("b", 6)
	if t, ok := x.s.View().Task(abi.TaskID(x.digest(task))); ok && r.IntN(3) > 0 {
		if name, ok := x.names[t.Current().Node.String()]; ok {
			node = name
		}
		if name, ok := x.names[t.Attestation.Bundle.String()]; ok {
			bundle = name
		}
	}
	switch r.IntN(16) {
	case 0, 1:
		return fmt.Sprintf("submit by=dora task=%s brain=1 module=m1 input=in proof=%s", task,
			[]string{"yes", "yes", "yes", "no"}[r.IntN(4)])
	case 2, 3:
		return fmt.Sprintf("lease by=%s task=%s for=%d", node, task, 50+r.IntN(300))
	case 4, 5:
		return fmt.Sprintf("finish by=%s task=%s outputs=label:%s", node, task,
			[]string{"out", "out", "out2"}[r.IntN(3)])
	case 6, 7, 8:
		return fmt.Sprintf("attest by=%s task=%s bundle=%s", node, task, bundle)
	case 9, 10, 11, 12:
		line := fmt.Sprintf("judge by=%s task=%s bundle=%s",
			[]string{"n1", "v1", "v2", "eve"}[r.IntN(4)], task, bundle)
		if r.IntN(3) > 0 {
			line += " reason=proof"
		}
		return line
	case 13:
		return fmt.Sprintf("fail by=%s task=%s", node, task)
	case 14:
		return fmt.Sprintf("cancel by=dora task=%s", task)
	}
	return []string{"expire-leases by=n1 limit=2", "prune by=n1 before=99999 limit=1"}[r.IntN(2)]
}

// Random sequences around proofs: every invariant holds; an attestation is settled, and a
// miner marked, exactly when the model has seen a quorum of distinct validators; replicas
// agree, also when one was restored on the way; when everything was pruned, only the
// cluster's setup holds a reference.
func TestRandomAttestations(t *testing.T) {
	var sum Totals
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 11))
		m := &model{quorum: 1 + int(seed%2), proofs: map[string]*judgement{}}
		policy := fmt.Sprintf("quorum=%d proof-attempts=3 attempts=3 proof-deadline=200 "+
			"verdict-deadline=400", m.quorum)
		x, other := attestedCluster(t, policy), attestedCluster(t, policy)
		results := map[Index][]NamedBlob{}
		for i := range 600 {
			line := randomAttestation(r, x)
			x.nowMS += int64(r.IntN(10))
			other.nowMS = x.nowMS
			got, want := x.command(line), other.command(line)
			if got != want {
				t.Fatalf("seed %d, step %d, %s:\n%s\n%s", seed, i, line, got, want)
			}
			verb, f := parseLine(line)
			if verb == "judge" && strings.HasPrefix(got, "ok") {
				m.accepted(f)
			}
			totals := x.s.View().Totals()
			if totals.Settled != uint64(m.settled) || totals.SlashMarks != uint64(m.rejected) {
				t.Fatalf("seed %d, step %d, %s: %+v, the model has %d and %d", seed, i, line, totals,
					m.settled, m.rejected)
			}
			if strings.Contains(got, "event task pruned") || verb == "submit" {
				m.forget(x)
			}
			checkResults(t, x.s, results)
			if r.IntN(50) == 0 {
				other.restore()
			}
		}
		if !bytes.Equal(encode(t, x.s), encode(t, other.s)) {
			t.Fatalf("seed %d: two replicas differ", seed)
		}
		drainAttestations(t, x)
		totals := x.s.View().Totals()
		sum.Settled += totals.Settled
		sum.SlashMarks += totals.SlashMarks
		sum.Mismatches += totals.Mismatches
		sum.Rejected += totals.Rejected
		sum.Failed += totals.Failed
		sum.ProofsExpired += totals.ProofsExpired
	}
	t.Logf("%+v", sum)
	if sum.Settled == 0 || sum.SlashMarks == 0 || sum.Mismatches == 0 || sum.Rejected == 0 ||
		sum.Failed == 0 || sum.ProofsExpired == 0 {
		t.Errorf("some ends are never met: %+v", sum)
	}
}

// forget drops the proofs of tasks that are gone: their ids may be used again.
func (m *model) forget(x *script) {
	for key := range m.proofs {
		name, _, _ := strings.Cut(key, " ")
		if _, ok := x.s.View().Task(abi.TaskID(x.digest(name))); !ok {
			delete(m.proofs, key)
		}
	}
}

// drainAttestations lets every deadline pass and prunes everything.
func drainAttestations(t *testing.T, x *script) {
	t.Helper()
	for range 20 {
		x.nowMS += 1000
		x.must("expire-leases by=n1")
		for _, task := range x.s.View().QueuedTasks(100) {
			if task.State == TaskQueued {
				x.must("cancel by=dora task=" + x.names[task.ID.String()])
				continue
			}
			x.must("lease by=n1 task=" + x.names[task.ID.String()])
		}
	}
	x.must("prune by=n1 before=999999")
	v := x.s.View()
	c := v.Counts()
	if c.Tasks+c.Queued+c.Running+c.Proving+c.Proved != 0 ||
		v.LiveTasks(abi.Address(x.address("dora"))) != 0 ||
		v.OpenTasks(1, abi.Digest(x.digest("m1"))) != 0 {
		t.Fatalf("after the end: %+v", c)
	}
	for _, b := range v.Blobs(abi.Digest{}, 100) {
		want := uint32(0)
		if b.Kinds.Has(BlobSetup) || b.Kinds.Has(BlobProgram) || b.Kinds.Has(BlobPlan) ||
			b.Digest == abi.Digest(x.digest("m1")) {
			want = 1
		}
		if n := v.BlobReferences(b.Digest); n != want {
			t.Errorf("%v %s has %d references", b.Kinds.List(), x.names[b.Digest.String()], n)
		}
	}
}
