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

// The golden files are states as versions 1 and 2 wrote them. They stay, and stay readable.
const (
	goldenFile1 = "testdata/formats/v1/state.bin"
	goldenFile2 = "testdata/formats/v2/state.bin"
)

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

// attestedScript goes on from the golden script: an attestation in every state.
const attestedScript = `role by=alice who=val role=validator
role by=alice who=val2 role=validator
policy by=alice live=77 attempts=2 open=yes quorum=2 proof-attempts=2 proof-deadline=500
blob by=alice name=vk kind=setup
blob by=n1 name=p1 kind=bundle
blob by=n1 name=p2 kind=bundle
blob by=n1 name=p3 kind=bundle
blob by=n1 name=out2 kind=ciphertext
setup by=alice digest=setup kind=development key=vk
activate by=bob brain=7 module=m1
submit by=dora task=a1 brain=7 module=m1 args=exam:a input=in proof=yes setup=setup
submit by=dora task=a2 brain=7 module=m1 args=exam:a input=in proof=yes
submit by=dora task=a3 brain=7 module=m1 args=exam:a input=in proof=yes
submit by=dora task=a4 brain=7 module=m1 args=exam:a input=in proof=yes
submit by=dora task=a5 brain=7 module=m1 args=exam:a input=in proof=yes
submit by=dora task=a6 brain=7 module=m1 args=exam:a input=in proof=yes
lease by=n1 task=a1
finish by=n1 task=a1 outputs=label:out
lease by=n1 task=a2
finish by=n1 task=a2 outputs=label:out
attest by=n1 task=a2 bundle=p1
judge by=val task=a2 bundle=p1
judge by=val2 task=a2 bundle=p1
lease by=n1 task=a3
finish by=n1 task=a3 outputs=label:out
attest by=n1 task=a3 bundle=p2
judge by=val task=a3 bundle=p2 reason=proof
judge by=val2 task=a3 bundle=p2 reason=proof
lease by=n2 task=a3
finish by=n2 task=a3 outputs=label:out2
attest by=n2 task=a3 bundle=p3
judge by=val task=a3 bundle=p3 reason=statement
lease by=n1 task=a4
finish by=n1 task=a4 outputs=label:out
fail by=n1 task=a4 message=bound retryable=no
lease by=n1 task=a5
finish by=n1 task=a5 outputs=label:out
fail by=n1 task=a5 message=memory
judge by=val task=a5 bundle=p1
`

func goldenState(t testing.TB) *State { return goldenStateOf(t, goldenScript) }

func attestedState(t testing.TB) *State { return goldenStateOf(t, goldenScript+attestedScript) }

func goldenStateOf(t testing.TB, text string) *State { return runScript(t, text).s }

func runScript(t testing.TB, text string) *script {
	x := newScript(t)
	for line := range strings.Lines(text) {
		x.command(strings.TrimSpace(line))
	}
	return x
}

// smallState is the attested state when all requests but one have been forgotten, so that
// what is done to each of its bytes is done to fewer.
func smallState(t testing.TB) *State {
	x := runScript(t, goldenScript+attestedScript)
	x.nowMS += 61_000
	x.command("role by=alice who=bob role=author")
	if n := x.s.View().Counts().Requests; n != 1 {
		t.Fatalf("%d requests are remembered", n)
	}
	return x.s
}

// encodeAs encodes a state as the version that wrote a sample.
func encodeAs(t testing.TB, s *State, version uint16) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := s.Freeze().encodeAs(&b, version); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGoldenSnapshots(t *testing.T) {
	for _, g := range []struct {
		file    string
		version uint16
		state   *State
		counts  Counts
	}{
		{goldenFile1, 1, goldenState(t), Counts{
			Accounts: 5, Blobs: 9, Brains: 1, Tasks: 4, Queued: 1, Running: 1, Requests: 31,
		}},
		{goldenFile2, 2, attestedState(t), Counts{
			Accounts: 7, Blobs: 14, Brains: 1, Tasks: 10, Queued: 3, Running: 1, Requests: 70,
			Proving: 1, Proved: 1, Conducts: 3,
		}},
	} {
		want := encodeAs(t, g.state, g.version)
		if _, err := os.Stat(g.file); *rewrite && errors.Is(err, os.ErrNotExist) {
			if err := os.WriteFile(g.file, want, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		b, err := os.ReadFile(g.file)
		if err != nil {
			t.Fatal(err)
		}
		s := decode(t, b)
		if !bytes.Equal(encodeAs(t, s, g.version), b) {
			t.Errorf("%s is not what its state encodes to", g.file)
		}
		if !bytes.Equal(b, want) {
			t.Errorf("the same commands give another state than when %s was written", g.file)
		}
		if c := s.View().Counts(); c != g.counts {
			t.Errorf("%s holds %+v", g.file, c)
		}
	}
}

// A state that was read from version 1 is the one that the same commands give now: what
// version 1 does not have has its default.
func TestVersion1IsReadWithDefaults(t *testing.T) {
	b, err := os.ReadFile(goldenFile1)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(encode(t, decode(t, b)), encode(t, goldenState(t))) {
		t.Error("the state read from version 1 is another one")
	}
}

// Every flipped byte and every cut is refused.
func TestDamagedSnapshots(t *testing.T) {
	t.Parallel()
	b := encode(t, smallState(t))
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
	t.Parallel()
	b := encode(t, smallState(t))
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

// The golden entries are of every type as it was first written, in hexadecimal, with the
// word of the answer. They stay, and what they lead to stays the same.
const (
	goldenEntries1 = "testdata/formats/v1/entries.txt"
	goldenEntries2 = "testdata/formats/v2/entries.txt"
)

func TestGoldenEntries(t *testing.T) {
	const cleanup = "expire-leases by=n1\nexpire-blobs by=n1\nprune by=n1 before=99999\n" +
		"forget by=n1 name=out\n"
	types := map[raftlogv1.CommandType]bool{}
	for _, g := range []struct {
		file, lines string
		version     uint16
		want        string
	}{
		{
			goldenEntries1, goldenScript + cleanup, 1,
			"sha256:2aae80fc6955416a2a40361468dbe925102b6ba8f6c07cf06a738c140826ecc8",
		},
		{
			goldenEntries2, goldenScript + attestedScript + cleanup, 2,
			"sha256:dfa03693d56e46c4b40beb12023af3f73066ab4d59a2b86182f6f010c5d11e7b",
		},
	} {
		if *rewrite {
			writeGoldenEntries(t, g.file, g.lines)
		}
		s := applyGolden(t, g.file, types)
		if got := abi.SumDigest(encodeAs(t, s, g.version)).String(); got != g.want {
			t.Errorf("the entries of %s lead to state %s, want %s", g.file, got, g.want)
		}
	}
	if len(types) != len(raftlogv1.CommandType_name)-1 {
		t.Errorf("%d of %d types are there", len(types), len(raftlogv1.CommandType_name)-1)
	}
}

// applyGolden applies the entries of a file to an empty state.
func applyGolden(t *testing.T, file string, types map[raftlogv1.CommandType]bool) *State {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := New()
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
	return s
}

func writeGoldenEntries(t *testing.T, file, lines string) {
	t.Helper()
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		return
	}
	x := newScript(t)
	var out strings.Builder
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
	if err := os.WriteFile(file, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
