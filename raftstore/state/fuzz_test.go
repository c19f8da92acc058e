package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
)

// FuzzApply applies arbitrary entries to a state with records: no panic, no broken
// invariant, and two replicas that agree.
func FuzzApply(f *testing.F) {
	x := newScript(f)
	for line := range strings.Lines(goldenScript + attestedScript) {
		verb, fl := parseLine(strings.TrimSpace(line))
		cmd, err := x.build(verb, fl)
		if err != nil {
			f.Fatal(err)
		}
		b, err := EncodeCommand(cmd, 1000)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{})
	f.Add([]byte{0xff})
	base := encode(f, attestedState(f))
	f.Fuzz(func(t *testing.T, entry []byte) {
		a, b := decode(t, base), decode(t, base)
		for i := range Index(2) {
			ra, ea := a.Apply(1000+i, entry)
			rb, eb := b.Apply(1000+i, bytes.Clone(entry))
			if ra != rb || len(ea) != len(eb) {
				t.Fatalf("replicas answer %+v and %+v", ra, rb)
			}
			if !ra.Code.Valid() {
				t.Fatalf("answer %+v", ra)
			}
		}
		if err := a.Check(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(encode(t, a), encode(t, b)) {
			t.Fatal("replicas differ")
		}
	})
}

// FuzzBodies applies arbitrary bodies of every type by signers that may do something.
func FuzzBodies(f *testing.F) {
	x := newScript(f)
	for _, who := range []string{"alice", "bob", "dora", "n1"} {
		r := x.request(fields{"by": who})
		f.Add(r.Signer[:], uint8(1), []byte{8, 1})
		f.Add(r.Signer[:], uint8(30), []byte{10, 1, 2})
	}
	addAttestations(f, x)
	base := encode(f, attestedState(f))
	f.Fuzz(func(t *testing.T, signer []byte, kind uint8, body []byte) {
		s := decode(t, base)
		entry, err := EncodeCommand(&raftlogv1.Command{
			Type: raftlogv1.CommandType(kind), Body: body,
			Request: &raftlogv1.Request{
				Signer: signer, Nonce: []byte("0123456789abcdeX"), ExpiryMs: 2000,
			},
		}, 1500)
		if err != nil {
			t.Skip()
		}
		s.Apply(1000, entry)
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
	})
}

// addAttestations adds bodies that go on with what the attested state holds.
func addAttestations(f *testing.F, x *script) {
	f.Helper()
	for _, line := range []string{
		"judge by=val2 task=a3 bundle=p3 reason=proof",
		"judge by=val2 task=a3 bundle=p3",
		"attest by=n1 task=a1 bundle=p1 fence=48",
		"setup by=alice digest=other kind=ceremony key=vk",
		"lease by=n2 task=a5",
	} {
		verb, fl := parseLine(line)
		cmd, err := x.build(verb, fl)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(cmd.GetRequest().GetSigner(), uint8(cmd.GetType()), cmd.GetBody())
	}
}

// FuzzDecode reads arbitrary snapshots: what is accepted has one encoding.
func FuzzDecode(f *testing.F) {
	f.Add(encode(f, New()))
	f.Add(encode(f, attestedState(f)))
	f.Add(encodeAs(f, goldenState(f), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		// With the right checksum the fuzzer gets past it.
		for _, in := range [][]byte{b, resum(b)} {
			s, err := Decode(bytes.NewReader(in))
			if err != nil {
				if !errors.Is(err, ErrSnapshot) {
					t.Fatal(err)
				}
				continue
			}
			if !bytes.Equal(encodeAs(t, s, binary.BigEndian.Uint16(in[len(snapshotMagic):])), in) {
				t.Fatal("accepted, and encodes to other bytes")
			}
		}
	})
}
