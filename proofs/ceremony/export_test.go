package ceremony

import (
	"context"
	"testing"
	"time"
)

// Forge returns the file of a next contribution, without asking whether it is allowed.
func Forge(t *testing.T, folder string, s Signer, now time.Time) []byte {
	t.Helper()
	transcript, err := load(folder)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := transcript.contribute(context.Background(), transcript.phase())
	if err != nil {
		t.Fatal(err)
	}
	return Sign(t, folder, s, now, payload)
}

// Sign returns the file of a next contribution with that payload.
func Sign(t *testing.T, folder string, s Signer, now time.Time, payload []byte) []byte {
	t.Helper()
	transcript, err := load(folder)
	if err != nil {
		t.Fatal(err)
	}
	phase := transcript.phase()
	c := Contribution{
		Phase: phase, Number: len(transcript.list[phase-1]) + 1, Signer: s.Address(), Time: now,
	}
	return encodeContribution(c, transcript.head, payload, s)
}

// Payload returns what a contribution holds.
func Payload(t *testing.T, folder string, phase, number int) []byte {
	t.Helper()
	transcript, err := load(folder)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := transcript.payload(phase, number)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}
