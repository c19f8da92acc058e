package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cerberus-host/cerberus/abi"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
)

// goldenFile is a state as version 1 wrote it. It stays, and stays readable.
const goldenFile = "testdata/formats/v1/state.bin"

// goldenScript makes the state of the golden file: every table has a record.
const goldenScript = setup + `role by=alice who=n2 role=node
policy by=alice live=77 attempts=2 open=yes
blob by=bob name=w1 kind=model
blob by=n1 name=consts kind=constants
blob by=dora name=keys kind=key-set expires=5000
register by=bob brain=7 name=sentiment module=m1 model=w1 constants=consts variants=exam:a;exam:b version=1.0
activate by=bob brain=7 module=m1
submit by=dora task=t1 brain=7 module=m1 args=exam:a input=in key=k1
submit by=eve task=t2 brain=7 module=m1 args=exam:b input=in
submit by=dora task=t3 brain=7 module=m1 args=exam:b input=in keyset=keys
submit by=dora task=t4 brain=7 module=m1 args=exam:b input=in
lease by=n1 task=t1
finish by=n1 task=t1 outputs=label:out
lease by=n2 task=t2
fail by=n2 task=t2 message=engine
lease by=n2 task=t3
cancel by=dora task=t4
register by=bob brain=7 name=sentiment module=m2 keys=yes
activate by=bob brain=7 module=m2
register by=bob brain=9 name=heart module=m2
retire by=bob brain=9
forget by=dora name=unknown
`

func goldenState(t testing.TB) *State {
	x := newScript(t)
	for line := range strings.Lines(goldenScript) {
		x.command(strings.TrimSpace(line))
	}
	return x.s
}

func TestGoldenSnapshot(t *testing.T) {
	want := encode(t, goldenState(t))
	if *rewrite {
		if _, err := os.Stat(goldenFile); errors.Is(err, os.ErrNotExist) {
			if err := os.WriteFile(goldenFile, want, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	b, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	s := decode(t, b)
	if !bytes.Equal(encode(t, s), b) {
		t.Error("the golden file is not what its state encodes to")
	}
	if !bytes.Equal(b, want) {
		t.Error("the same commands give another state than when the file was written")
	}
	c := s.View().Counts()
	if c != (Counts{Accounts: 5, Blobs: 9, Brains: 1, Tasks: 4, Queued: 1, Running: 1, Requests: 31}) {
		t.Errorf("the golden file holds %+v", c)
	}
}

// Every flipped byte and every cut is refused.
func TestDamagedSnapshots(t *testing.T) {
	b := encode(t, goldenState(t))
	for i := range b {
		flipped := bytes.Clone(b)
		flipped[i] ^= 1 << (i % 8)
		if _, err := Decode(bytes.NewReader(flipped)); !errors.Is(err, ErrSnapshot) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
	}
	for i := 0; i < len(b); i += 5 {
		if _, err := Decode(bytes.NewReader(b[:i])); !errors.Is(err, ErrSnapshot) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
	if _, err := Decode(bytes.NewReader(append(bytes.Clone(b), 0))); !errors.Is(err, ErrSnapshot) {
		t.Fatalf("a trailing byte: %v", err)
	}
}

// resum puts the right checksum at the end.
func resum(b []byte) []byte {
	if len(b) < sha256.Size {
		return b
	}
	body := b[:len(b)-sha256.Size]
	sum := sha256.Sum256(body)
	return append(bytes.Clone(body), sum[:]...)
}

// A wrong state with a right checksum is refused as well, or is a state that holds every
// invariant and has no other encoding.
func TestForgedSnapshots(t *testing.T) {
	b := encode(t, goldenState(t))
	accepted := 0
	for i := range b[:len(b)-sha256.Size] {
		forged := bytes.Clone(b)
		forged[i] ^= 1 << (i % 8)
		forged = resum(forged)
		s, err := Decode(bytes.NewReader(forged))
		if err != nil {
			if !errors.Is(err, ErrSnapshot) {
				t.Fatalf("byte %d: %v", i, err)
			}
			continue
		}
		accepted++
		if !bytes.Equal(encode(t, s), forged) {
			t.Fatalf("byte %d: accepted, and encodes to other bytes", i)
		}
	}
	if accepted == 0 {
		t.Error("no forged state was accepted: the test changes nothing")
	}
}

func TestReadAndWriteErrors(t *testing.T) {
	broken := errors.New("broken disk")
	s := goldenState(t)
	b := encode(t, s)
	r := io.MultiReader(bytes.NewReader(b[:100]), iotest.ErrReader(broken))
	if _, err := Decode(r); !errors.Is(err, broken) || errors.Is(err, ErrSnapshot) {
		t.Errorf("a read error: %v", err)
	}
	if err := s.Freeze().Encode(failingWriter{broken}); !errors.Is(err, broken) {
		t.Errorf("a write error: %v", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// goldenEntries holds an entry of every type as version 1 wrote it, in hexadecimal, with
// the word of its answer. It stays, and what it leads to stays the same.
const goldenEntries = "testdata/formats/v1/entries.txt"

func TestGoldenEntries(t *testing.T) {
	if *rewrite {
		writeGoldenEntries(t)
	}
	b, err := os.ReadFile(goldenEntries)
	if err != nil {
		t.Fatal(err)
	}
	s := New()
	types := map[raftlogv1.CommandType]bool{}
	for line := range strings.Lines(string(b)) {
		text, want, _ := strings.Cut(strings.TrimSpace(line), " ")
		entry, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		cmd, bad := decodeCommand(entry)
		if bad != nil {
			t.Fatal(bad)
		}
		types[cmd.kind] = true
		if resp, _ := s.Apply(s.Index()+1, entry); resp.Code.String() != want {
			t.Errorf("entry %d, %s: %v, want %s", s.Index(), cmd.kind, resp.Err(), want)
		}
	}
	if len(types) != len(raftlogv1.CommandType_name)-1 {
		t.Errorf("%d of %d types are there", len(types), len(raftlogv1.CommandType_name)-1)
	}
	const want = "sha256:2aae80fc6955416a2a40361468dbe925102b6ba8f6c07cf06a738c140826ecc8"
	if got := abi.SumDigest(encode(t, s)).String(); got != want {
		t.Errorf("the entries lead to state %s, want %s", got, want)
	}
}

func writeGoldenEntries(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(goldenEntries); !errors.Is(err, os.ErrNotExist) {
		return
	}
	x := newScript(t)
	var out strings.Builder
	lines := goldenScript + `expire-leases by=n1
expire-blobs by=n1
prune by=n1 before=99999
forget by=n1 name=out
`
	for line := range strings.Lines(lines) {
		verb, f := parseLine(strings.TrimSpace(line))
		cmd, err := x.build(verb, f)
		if err != nil {
			t.Fatal(err)
		}
		entry, err := EncodeCommand(cmd, x.nowMS)
		if err != nil {
			t.Fatal(err)
		}
		x.index++
		resp, _ := x.s.Apply(x.index, entry)
		if resp.Fence != 0 {
			x.fences[f["task"]] = resp.Fence
		}
		fmt.Fprintf(&out, "%x %s\n", entry, resp.Code)
	}
	if err := os.WriteFile(goldenEntries, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
