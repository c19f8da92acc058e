package ceremony

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/consensys/gnark/backend/groth16/bn254/mpcsetup"

	"github.com/cerberus-host/cerberus/abi"
)

// FuzzParseRules: what is read is written again byte for byte.
func FuzzParseRules(f *testing.F) {
	r := Rules{
		Size: 16, Beacon: "b", End1: time.Unix(1000, 0), End2: time.Unix(2000, 0),
		Operators: []abi.Address{{1}, {2}},
	}
	f.Add(r.Bytes())
	r.End1, r.Powers, r.Source = time.Time{}, abi.Digest{1}, "s"
	f.Add(r.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseRules(data)
		if err != nil {
			if !errors.Is(err, ErrRules) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if !bytes.Equal(r.Bytes(), data) || r.Check() != nil {
			t.Errorf("%q is not canonical", data)
		}
	})
}

// FuzzParseBeacon: the same for beacons.
func FuzzParseBeacon(f *testing.F) {
	f.Add(encodeBeacon(1, abi.Digest{3}, make([]byte, 32)))
	f.Fuzz(func(t *testing.T, data []byte) {
		previous, value, err := parseBeacon(data, 1)
		if err == nil && !bytes.Equal(encodeBeacon(1, previous, value), data) {
			t.Errorf("%q is not canonical", data)
		}
	})
}

// FuzzDecode: no payload makes gnark allocate more than its length asks for, or panic.
func FuzzDecode(f *testing.F) {
	s, err := newShape(16)
	if err != nil {
		f.Fatal(err)
	}
	one := mpcsetup.NewPhase1(uint64(s.domain))
	one.Contribute()
	two := new(mpcsetup.Phase2)
	commons := one.Seal([]byte("beacon"))
	two.Initialize(s.system, &commons)
	two.Contribute()
	for i, seed := range []state{one, two} {
		raw, err := encode(seed)
		if err != nil {
			f.Fatal(err)
		}
		if len(raw) != s.payloadBytes(i+1) {
			f.Fatalf("phase %d: %d bytes instead of %d", i+1, len(raw), s.payloadBytes(i+1))
		}
		f.Add(i == 1, raw)
	}
	f.Fuzz(func(t *testing.T, second bool, data []byte) {
		var err error
		if second {
			err = s.decode(2, data, new(mpcsetup.Phase2))
		} else {
			err = s.decode(1, data, new(mpcsetup.Phase1))
		}
		if err != nil && !errors.Is(err, ErrContribution) {
			t.Fatalf("error %v", err)
		}
	})
}
