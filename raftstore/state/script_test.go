package state

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
)

var rewrite = flag.Bool("rewrite", false, "write what the scripts in testdata print")

// TestScripts runs testdata/*.txt: commands, "----", and what they print up to the next
// empty line. Words stand for digests, task ids and addresses.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := newScript(t).run(string(b))
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			} else if got != string(b) {
				t.Errorf("%s differs (rerun with -rewrite and look at the diff):\n%s", file,
					firstDifference(string(b), got))
			}
		})
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		if i >= len(w) || i >= len(g) || w[i] != g[i] {
			return fmt.Sprintf("line %d\nwant %q\ngot  %q", i+1, at(w, i), at(g, i))
		}
	}
	return ""
}

func at(l []string, i int) string {
	if i < len(l) {
		return l[i]
	}
	return "the end"
}

// script is one state and the names that stand for its digests.
type script struct {
	t      testing.TB
	s      *State
	index  Index
	nowMS  int64
	nonce  int
	fences map[string]Index
	names  map[string]string
}

func newScript(t testing.TB) *script {
	return &script{
		t: t, s: New(), nowMS: 1000, fences: map[string]Index{}, names: map[string]string{},
	}
}

// run returns the script with the output of each block.
func (x *script) run(text string) string {
	var out strings.Builder
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if line == "" || strings.HasPrefix(line, "#") {
			if line != "" || i < len(lines)-1 {
				out.WriteString(line + "\n")
			}
			continue
		}
		var block strings.Builder
		for ; i < len(lines) && lines[i] != "----"; i++ {
			out.WriteString(lines[i] + "\n")
			if lines[i] != "" && !strings.HasPrefix(lines[i], "#") {
				block.WriteString(x.command(lines[i]))
			}
		}
		out.WriteString("----\n" + x.readable(block.String()))
		for i+1 < len(lines) && lines[i+1] != "" {
			i++
		}
	}
	return out.String()
}

// readable puts the names back.
func (x *script) readable(s string) string {
	keys := make([]string, 0, len(x.names))
	for k := range x.names {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return len(keys[i]) > len(keys[j]) })
	for _, k := range keys {
		s = strings.ReplaceAll(s, k, x.names[k])
	}
	return s
}

func (x *script) digest(name string) []byte {
	if name == "" {
		return nil
	}
	d := abi.SumDigest([]byte(name))
	x.names[d.String()] = name
	x.names[hex.EncodeToString(d[:])] = name
	return d[:]
}

func (x *script) address(name string) []byte {
	if name == "" {
		return nil
	}
	d := abi.SumDigest([]byte("address " + name))
	a := abi.Address(d[:abi.AddressBytes])
	x.names[a.String()] = name
	return a[:]
}

// fields are the name=value words of a line.
type fields map[string]string

func (f fields) num(name string, otherwise int64) int64 {
	v, ok := f[name]
	if !ok {
		return otherwise
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

func (x *script) command(line string) string {
	verb, f := parseLine(line)
	switch verb {
	case "at":
		x.nowMS = f.num("ms", 0)
		return ""
	case "show":
		return x.show(strings.Fields(line)[1])
	case "restore":
		return x.restore()
	case "entry":
		b, err := hex.DecodeString(f["hex"])
		if err != nil {
			x.t.Fatal(err)
		}
		x.index++
		return x.print(x.s.Apply(x.index, b))
	}
	return x.apply(verb, f)
}

func parseLine(line string) (verb string, f fields) {
	words := strings.Fields(line)
	f = fields{}
	for _, w := range words[1:] {
		k, v, _ := strings.Cut(w, "=")
		f[k] = v
	}
	return words[0], f
}

// script request: by, nonce and ttl may be given.
func (x *script) request(f fields) Request {
	x.nonce++
	nonce := fmt.Sprintf("%016d", x.nonce)
	if v, ok := f["nonce"]; ok {
		nonce = v
	}
	r := Request{Nonce: []byte(nonce), ExpiryMS: x.nowMS + f.num("ttl", 60_000)}
	if f["by"] != "" {
		r.Signer = abi.Address(x.address(f["by"]))
	}
	return r
}

func (x *script) apply(verb string, f fields) string {
	cmd, err := x.build(verb, f)
	if err != nil {
		x.t.Fatalf("%s: %v", verb, err)
	}
	if v, ok := f["type"]; ok {
		n, _ := strconv.Atoi(v)
		cmd.Type = raftlogv1.CommandType(n)
	}
	b, err := EncodeCommand(cmd, x.nowMS)
	if err != nil {
		x.t.Fatal(err)
	}
	x.index++
	resp, events := x.s.Apply(x.index, b)
	if resp.Fence != 0 {
		x.fences[f["task"]] = resp.Fence
	}
	if err := x.s.Check(); err != nil {
		x.t.Errorf("after %s: %v", verb, err)
	}
	if f["quiet"] != "" {
		return ""
	}
	return x.print(resp, events)
}

func (x *script) print(r Response, events []Event) string {
	var b strings.Builder
	if err := r.Err(); err != nil {
		fmt.Fprintf(&b, "%v", err)
	} else {
		b.WriteString("ok")
	}
	if r.Brain != 0 {
		fmt.Fprintf(&b, " brain=%d", r.Brain)
	}
	if r.Task != (abi.TaskID{}) {
		fmt.Fprintf(&b, " task=%s", r.Task)
	}
	if r.Fence != 0 {
		b.WriteString(" fence")
	}
	if r.Count != 0 {
		fmt.Fprintf(&b, " count=%d", r.Count)
	}
	if r.Existing {
		b.WriteString(" existing")
	}
	if r.Replayed {
		b.WriteString(" replayed")
	}
	b.WriteString("\n")
	for _, e := range events {
		fmt.Fprintf(&b, "  event %s", e.Kind)
		switch e.Kind {
		case EventTask:
			fmt.Fprintf(&b, " %s %s", e.Task, e.TaskState)
			if e.Attestation != 0 {
				fmt.Fprintf(&b, " %s", e.Attestation)
			}
		case EventSetup:
			fmt.Fprintf(&b, " %s", e.Blob)
		case EventMark:
			fmt.Fprintf(&b, " %s %s %s", e.Node, e.Task, e.Blob)
		case EventMismatch:
			fmt.Fprintf(&b, " %s %s", e.Node, e.Task)
		case EventTaskPruned:
			fmt.Fprintf(&b, " %s", e.Task)
		case EventModule:
			fmt.Fprintf(&b, " %d %s %s", e.Brain, e.Module, e.ModuleState)
		case EventBrain:
			fmt.Fprintf(&b, " %d", e.Brain)
		case EventBlob, EventBlobForgotten:
			fmt.Fprintf(&b, " %s", e.Blob)
		case EventAccess:
		}
		b.WriteString("\n")
	}
	return b.String()
}

// restore encodes the state and goes on with what was decoded.
func (x *script) restore() string {
	var b bytes.Buffer
	if err := x.s.Freeze().Encode(&b); err != nil {
		x.t.Fatal(err)
	}
	s, err := Decode(bytes.NewReader(b.Bytes()))
	if err != nil {
		x.t.Fatal(err)
	}
	var again bytes.Buffer
	if err := s.Freeze().Encode(&again); err != nil {
		x.t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), again.Bytes()) {
		x.t.Error("a decoded state encodes to other bytes")
	}
	x.s = s
	return "restored\n"
}

func (x *script) show(what string) string {
	var b strings.Builder
	v := x.s.View()
	switch what {
	case "counts":
		fmt.Fprintf(&b, "%+v\n", v.Counts())
	case "accounts":
		for _, a := range v.Accounts() {
			fmt.Fprintf(&b, "%s %v\n", a.Address, a.Roles.List())
		}
	case "policy":
		fmt.Fprintf(&b, "%+v\n", v.Policy())
	case "brains":
		for _, r := range v.Brains() {
			fmt.Fprintf(&b, "%d %s by %s retired=%t\n", r.ID, r.Name, r.Author, r.Retired)
			for _, m := range r.Versions {
				fmt.Fprintf(&b, "  %s %s open=%d\n", m.Module, m.State, v.OpenTasks(r.ID, m.Module))
			}
		}
	case "tasks":
		for _, t := range v.Tasks(TaskFilter{}, 100) {
			fmt.Fprintf(&b, "%s %s attempts=%d module=%s", t.ID, t.State, t.Attempts, t.Module)
			if t.Failure.Code != 0 {
				fmt.Fprintf(&b, " failure=%s %q", t.Failure.Code, t.Failure.Message)
			}
			for _, o := range t.Outputs {
				fmt.Fprintf(&b, " %s=%s", o.Name, o.Digest)
			}
			b.WriteString("\n")
		}
	case "queue":
		for _, t := range v.QueuedTasks(100) {
			fmt.Fprintf(&b, "%s\n", t.ID)
		}
	case "blobs":
		for _, r := range v.Blobs(abi.Digest{}, 100) {
			fmt.Fprintf(&b, "%s %d bytes %v of %s refs=%d\n", r.Digest, r.SizeBytes, r.Kinds.List(),
				r.Owner, v.BlobReferences(r.Digest))
		}
	default:
		return x.showAttested(what)
	}
	return b.String()
}

func (x *script) showAttested(what string) string {
	var b strings.Builder
	v := x.s.View()
	switch what {
	case "totals":
		fmt.Fprintf(&b, "%+v\n", v.Totals())
	case "setup":
		s := v.Setup()
		fmt.Fprintf(&b, "%s %s key=%s refs=%d\n", s.Digest, s.Kind, s.Key, v.BlobReferences(s.Key))
	case "conducts":
		for _, k := range v.Conducts() {
			fmt.Fprintf(&b, "%s proofs %d settled %d rejected %d expired, verdicts %d for %d against"+
				" %d refused\n", k.Address, k.ProofsSettled, k.ProofsRejected, k.ProofsExpired,
				k.VerdictsAccepting, k.VerdictsRejecting, k.VerdictsRefused)
			for _, m := range k.Marks {
				fmt.Fprintf(&b, "  mark %s %s %s by", m.Task, m.Bundle, m.Reason)
				for _, verdict := range m.Verdicts {
					fmt.Fprintf(&b, " %s", verdict.Validator)
				}
				b.WriteString("\n")
			}
		}
	case "attestations":
		for _, t := range v.Tasks(TaskFilter{}, 100) {
			showAttestation(&b, &t)
		}
	default:
		x.t.Fatalf("show %s?", what)
	}
	return b.String()
}

func showAttestation(b *strings.Builder, t *Task) {
	a := &t.Attestation
	fmt.Fprintf(b, "%s %s attempts=%d", t.ID, a.State, a.Attempts)
	if !a.Lease.Node.IsZero() {
		fmt.Fprintf(b, " miner=%s until=%d", a.Lease.Node, a.Lease.DeadlineMS)
	}
	for _, w := range []struct {
		is   bool
		word string
	}{{a.Waiting(), "waiting"}, {a.Rerunning(), "rerunning"}, {a.Proving(), "proving"}} {
		if w.is {
			b.WriteString(" " + w.word)
		}
	}
	if !a.Bundle.IsZero() {
		fmt.Fprintf(b, " bundle=%s statement=%s", a.Bundle, a.Statement)
	}
	for _, v := range a.Verdicts {
		fmt.Fprintf(b, " %s:%t%s", v.Validator, v.Accepted, v.Reason)
	}
	for _, d := range a.Rejected {
		fmt.Fprintf(b, " rejected=%s", d)
	}
	for _, o := range a.Rerun.Outputs {
		fmt.Fprintf(b, " rerun=%s", o.Digest)
	}
	if a.Failure.Code != 0 {
		fmt.Fprintf(b, " failure=%s %q", a.Failure.Code, a.Failure.Message)
	}
	b.WriteString("\n")
}
