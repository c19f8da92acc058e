package ceremony_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/backend/groth16/bn254/mpcsetup"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/identity"
	"github.com/cerberus-host/cerberus/proofs/ceremony"
	"github.com/cerberus-host/cerberus/proofs/opening"
)

const size = 16

// signer is a key in the form that a ceremony wants.
type signer struct{ key *identity.Key }

func (s signer) Address() abi.Address            { return s.key.Address() }
func (s signer) Sign(digest abi.Digest) [65]byte { return s.key.Sign(digest) }

func newSigner(t testing.TB) signer {
	t.Helper()
	key, err := identity.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{key}
}

// at returns a time so many hours after the beginning.
func at(hours int) time.Time {
	return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(hours) * time.Hour)
}

var (
	beacon1 = []byte("the first beacon's value")
	beacon2 = []byte("the second beacon's value")
)

// party is a ceremony in a folder with three operators and an outsider.
type party struct {
	t         *testing.T
	folder    string
	operators []signer
	outsider  signer
}

func newParty(t *testing.T, powers []byte) *party {
	t.Helper()
	p := &party{t: t, folder: filepath.Join(t.TempDir(), "ceremony"), outsider: newSigner(t)}
	rules := ceremony.Rules{
		Size: size, Beacon: "the first block of the day", End1: at(10), End2: at(20),
	}
	for range 3 {
		s := newSigner(t)
		p.operators = append(p.operators, s)
		rules.Operators = append(rules.Operators, s.Address())
	}
	var err error
	if powers == nil {
		err = ceremony.Init(context.Background(), p.folder, rules, nil, nil)
	} else {
		rules.End1, rules.Source = time.Time{}, "a test"
		err = ceremony.Init(context.Background(), p.folder, rules, bytes.NewReader(powers), nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// contribute lets them contribute an hour each, from the given one on.
func (p *party) contribute(hour int, signers ...signer) {
	p.t.Helper()
	for i, s := range signers {
		c, err := ceremony.Contribute(context.Background(), p.folder, s, at(hour+i))
		if err != nil {
			p.t.Fatal(err)
		}
		if c.Signer != s.Address() || !c.Time.Equal(at(hour+i)) {
			p.t.Errorf("contribution %+v", c)
		}
	}
}

func (p *party) finish(beacon []byte, hour int) *opening.Setup {
	p.t.Helper()
	s, err := ceremony.Finish(context.Background(), p.folder, beacon, at(hour), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// whole holds a ceremony from beginning to end.
func whole(t *testing.T) (*party, *opening.Setup) {
	p := newParty(t, nil)
	p.contribute(1, p.operators[0], p.outsider, p.operators[1])
	p.finish(beacon1, 10)
	p.contribute(11, p.operators[2], p.operators[0], p.outsider)
	return p, p.finish(beacon2, 20)
}

func (p *party) verifyError() error {
	_, err := ceremony.Verify(context.Background(), p.folder, nil)
	return err
}

// TestHonestCeremony: three parties make keys that prove and verify, and whoever verifies the
// files finds the same keys.
func TestHonestCeremony(t *testing.T) {
	p, setup := whole(t)
	loaded, err := opening.Load(filepath.Join(p.folder, ceremony.SetupFolder))
	if err != nil {
		t.Fatal(err)
	}
	v := loaded.Verifier()
	if v.Kind() != opening.SetupCeremony || v.Size() != size ||
		v.Digest() != setup.Verifier().Digest() {
		t.Errorf("loaded a %s setup for %d elements", v.Kind(), v.Size())
	}
	opens(t, loaded)
	steps, last := 0, 0
	r, err := ceremony.Verify(context.Background(), p.folder, func(done, total int, _ string) {
		if done >= total || done < last {
			t.Errorf("step %d of %d after %d", done, total, last)
		}
		last = done
		steps++
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Phase != 0 || r.Setup != v.Digest() || len(r.Contributions) != 6 || steps == 0 ||
		!bytes.Equal(r.Beacons[0], beacon1) || !bytes.Equal(r.Beacons[1], beacon2) {
		t.Errorf("report %+v", r)
	}
	if r.Contributions[1].Signer != p.outsider.Address() || r.Contributions[1].Number != 2 {
		t.Errorf("second contribution %+v", r.Contributions[1])
	}
	// The end is the end.
	_, err = ceremony.Contribute(context.Background(), p.folder, newSigner(t), at(19))
	if !errors.Is(err, ceremony.ErrFinished) {
		t.Errorf("contribute after the end: error %v", err)
	}
	_, err = ceremony.Finish(context.Background(), p.folder, beacon1, at(21), nil)
	if !errors.Is(err, ceremony.ErrFinished) {
		t.Errorf("finish with another value: error %v", err)
	}
	if err := os.RemoveAll(filepath.Join(p.folder, ceremony.SetupFolder)); err != nil {
		t.Fatal(err)
	}
	if again := p.finish(beacon2, 21); again.Verifier().Digest() != v.Digest() {
		t.Error("finishing again gives another setup")
	}
}

// opens checks that a setup opens a commitment to what it holds, and to nothing else.
func opens(t *testing.T, s *opening.Setup) {
	t.Helper()
	w, y := make(fr.Vector, size), make(fr.Vector, size)
	small := make([]int64, size)
	for i := range w {
		small[i] = int64(i) - 7
		w[i].SetInt64(small[i])
		y[i].SetUint64(uint64(i + 5))
	}
	product := y.InnerProduct(w)
	c, err := s.Commit(small)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := s.Open(context.Background(), w, y, product)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verifier().Verify(c, y, product, proof); err != nil {
		t.Error(err)
	}
	if err := s.Verifier().Verify(c, y, y[0], proof); !errors.Is(err, opening.ErrOpening) {
		t.Errorf("a false claim: error %v", err)
	}
}

// TestRefuseEmptyCeremony: gnark makes keys from no contribution at all, whose secrets anybody
// can compute. This package does not.
func TestRefuseEmptyCeremony(t *testing.T) {
	system, err := opening.Compile(size)
	if err != nil {
		t.Fatal(err)
	}
	powers, err := mpcsetup.VerifyPhase1(2*size, beacon1)
	if err != nil {
		t.Fatalf("gnark refuses an empty phase 1: %v; say so in doc.go", err)
	}
	if _, _, err := mpcsetup.VerifyPhase2(system, &powers, beacon2); err != nil {
		t.Fatalf("gnark refuses an empty phase 2: %v; say so in doc.go", err)
	}
	p := newParty(t, nil)
	_, err = ceremony.Finish(context.Background(), p.folder, beacon1, at(10), nil)
	if !errors.Is(err, ceremony.ErrTooFew) {
		t.Errorf("phase 1: error %v", err)
	}
	p.contribute(1, p.operators[0], p.operators[1], p.outsider)
	p.finish(beacon1, 10)
	_, err = ceremony.Finish(context.Background(), p.folder, beacon2, at(20), nil)
	if !errors.Is(err, ceremony.ErrTooFew) {
		t.Errorf("phase 2: error %v", err)
	}
	// A folder that claims to have ended is no better.
	head := mustRead(t, p.folder, "beacon1")
	mustWrite(t, p.folder, "beacon2", []byte("cerberus ceremony beacon 1\nphase 2\nafter "+
		abi.SumDigest(head).String()+"\nvalue 00112233445566778899aabbccddeeff\n"))
	if err := p.verifyError(); !errors.Is(err, ceremony.ErrTooFew) {
		t.Errorf("a forged end: error %v", err)
	}
}

// TestRefuseTooFew: two contributions are not enough.
func TestRefuseTooFew(t *testing.T) {
	p := newParty(t, nil)
	p.contribute(1, p.operators[0], p.outsider)
	_, err := ceremony.Finish(context.Background(), p.folder, beacon1, at(10), nil)
	if !errors.Is(err, ceremony.ErrTooFew) {
		t.Errorf("error %v", err)
	}
}

// TestRefuseRepeatedIdentity: nobody counts twice in a phase.
func TestRefuseRepeatedIdentity(t *testing.T) {
	p := newParty(t, nil)
	p.contribute(1, p.operators[0], p.outsider)
	_, err := ceremony.Contribute(context.Background(), p.folder, p.operators[0], at(3))
	if !errors.Is(err, ceremony.ErrRepeated) {
		t.Errorf("error %v", err)
	}
	// Neither does a file that somebody wrote by other means.
	folder := p.folder
	other := newParty(t, nil)
	mustWrite(t, other.folder, "rules", mustRead(t, folder, "rules"))
	for _, name := range []string{"phase1-001", "phase1-002"} {
		mustWrite(t, other.folder, name, mustRead(t, folder, name))
	}
	forged := ceremony.Forge(t, other.folder, p.operators[0], at(3))
	mustWrite(t, other.folder, "phase1-003", forged)
	if err := other.verifyError(); !errors.Is(err, ceremony.ErrRepeated) {
		t.Errorf("written by other means: error %v", err)
	}
}

// TestRefuseOperatorsOnly: clients must not have to trust the operators alone, in either
// phase.
func TestRefuseOperatorsOnly(t *testing.T) {
	p := newParty(t, nil)
	p.contribute(1, p.operators...)
	_, err := ceremony.Finish(context.Background(), p.folder, beacon1, at(10), nil)
	if !errors.Is(err, ceremony.ErrOperators) {
		t.Errorf("phase 1: error %v", err)
	}
	p.contribute(5, p.outsider)
	p.finish(beacon1, 10)
	p.contribute(11, p.operators...)
	_, err = ceremony.Finish(context.Background(), p.folder, beacon2, at(20), nil)
	if !errors.Is(err, ceremony.ErrOperators) {
		t.Errorf("phase 2: error %v", err)
	}
}

// TestRefuseLate: no contribution at or after the time of the beacon, none after the beacon,
// and no beacon before its time.
func TestRefuseLate(t *testing.T) {
	p := newParty(t, nil)
	p.contribute(1, p.operators[0], p.outsider, p.operators[1])
	for _, hour := range []int{10, 11} {
		_, err := ceremony.Contribute(context.Background(), p.folder, p.operators[2], at(hour))
		if !errors.Is(err, ceremony.ErrLate) {
			t.Errorf("hour %d: error %v", hour, err)
		}
	}
	early := at(10).Add(-time.Second)
	_, err := ceremony.Finish(context.Background(), p.folder, beacon1, early, nil)
	if !errors.Is(err, ceremony.ErrEarly) {
		t.Errorf("an early beacon: error %v", err)
	}
	late := ceremony.Forge(t, p.folder, p.operators[2], at(9))
	p.finish(beacon1, 10)
	// Its time is said to be in time, but the beacon was there before.
	mustWrite(t, p.folder, "phase1-004", late)
	if err := p.verifyError(); !errors.Is(err, ceremony.ErrLate) {
		t.Errorf("after the beacon: error %v", err)
	}
}

// TestRefuseTampered: every byte of every file is signed, named or recomputed.
func TestRefuseTampered(t *testing.T) {
	p, _ := whole(t)
	names := []string{
		"rules", "phase1-001", "phase1-003", "beacon1", "powers", "start", "phase2-001",
		"phase2-003", "beacon2",
	}
	for _, name := range names {
		data := mustRead(t, p.folder, name)
		for _, i := range []int{0, 40, len(data) / 2, len(data) - 2, len(data) - 1} {
			b := bytes.Clone(data)
			b[i] ^= 1
			mustWrite(t, p.folder, name, b)
			if err := p.verifyError(); err == nil {
				t.Errorf("%s: byte %d may be anything", name, i)
			}
		}
		for what, b := range map[string][]byte{
			"nothing": nil, "one byte less": data[:len(data)-1], "one byte more": append(
				bytes.Clone(data), 0),
		} {
			mustWrite(t, p.folder, name, b)
			if err := p.verifyError(); err == nil {
				t.Errorf("%s: %s", name, what)
			}
		}
		if name != "powers" && name != "start" { // they can be computed
			if err := os.Remove(filepath.Join(p.folder, name)); err != nil {
				t.Fatal(err)
			}
			if err := p.verifyError(); err == nil {
				t.Errorf("%s may be missing", name)
			}
		}
		mustWrite(t, p.folder, name, data)
	}
	mustWrite(t, p.folder, "phase2-005", mustRead(t, p.folder, "phase2-003"))
	if err := p.verifyError(); !errors.Is(err, ceremony.ErrTranscript) {
		t.Errorf("a file after a gap: error %v", err)
	}
}

// TestRefuseUnrelatedContribution: a signed contribution that does not build on the one before
// it is refused by the arithmetic.
func TestRefuseUnrelatedContribution(t *testing.T) {
	p := newParty(t, nil)
	p.contribute(1, p.operators[0], p.outsider)
	alone := newParty(t, nil)
	alone.contribute(1, newSigner(t))
	payload := ceremony.Payload(t, alone.folder, 1, 1)
	mustWrite(t, p.folder, "phase1-003", ceremony.Sign(t, p.folder, p.operators[1], at(3), payload))
	if err := p.verifyError(); !errors.Is(err, ceremony.ErrContribution) {
		t.Errorf("error %v", err)
	}
	// The one before it once more: nothing was contributed.
	payload = ceremony.Payload(t, p.folder, 1, 2)
	mustWrite(t, p.folder, "phase1-003", ceremony.Sign(t, p.folder, p.operators[1], at(3), payload))
	if err := p.verifyError(); !errors.Is(err, ceremony.ErrContribution) {
		t.Errorf("a copy: error %v", err)
	}
}

// TestRefuseAnotherSetup: the setup's files must be those of the ceremony.
func TestRefuseAnotherSetup(t *testing.T) {
	p, _ := whole(t)
	folder := filepath.Join(p.folder, ceremony.SetupFolder)
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if _, err := opening.LoadDevelopment(context.Background(), folder, size, nil); err != nil {
		t.Fatal(err)
	}
	if err := p.verifyError(); !errors.Is(err, ceremony.ErrTranscript) {
		t.Errorf("error %v", err)
	}
}

// TestInit: a ceremony begins in a folder of its own, with sound rules.
func TestInit(t *testing.T) {
	ctx := context.Background()
	p := newParty(t, nil)
	rules, err := ceremony.ParseRules(mustRead(t, p.folder, "rules"))
	if err != nil {
		t.Fatal(err)
	}
	if err := ceremony.Init(ctx, p.folder, *rules, nil, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a folder with files: error %v", err)
	}
	for what, change := range map[string]func(r *ceremony.Rules){
		"size":              func(r *ceremony.Rules) { r.Size = 17 },
		"no operators":      func(r *ceremony.Rules) { r.Operators = nil },
		"an operator twice": func(r *ceremony.Rules) { r.Operators[1] = r.Operators[0] },
		"nobody":            func(r *ceremony.Rules) { r.Operators[1] = abi.Address{} },
		"no beacon":         func(r *ceremony.Rules) { r.Beacon = "" },
		"two lines":         func(r *ceremony.Rules) { r.Beacon = "a\nb" },
		"no end":            func(r *ceremony.Rules) { r.End2 = time.Time{} },
		"ends in disorder":  func(r *ceremony.Rules) { r.End1 = r.End2 },
		"half a second":     func(r *ceremony.Rules) { r.End2 = r.End2.Add(time.Second / 2) },
		"a source":          func(r *ceremony.Rules) { r.Source = "x" },
		"powers":            func(r *ceremony.Rules) { r.Powers[0] = 1 },
	} {
		r := *rules
		r.Operators = append([]abi.Address{}, rules.Operators...)
		change(&r)
		err := ceremony.Init(ctx, filepath.Join(t.TempDir(), "x"), r, nil, nil)
		if !errors.Is(err, ceremony.ErrRules) {
			t.Errorf("%s: error %v", what, err)
		}
	}
	if _, err := ceremony.Verify(context.Background(), t.TempDir(), nil); !errors.Is(err,
		fs.ErrNotExist) {
		t.Errorf("an empty folder: error %v", err)
	}
}

// TestCancel: long computations end when they are told to.
func TestCancel(t *testing.T) {
	p := newParty(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := ceremony.Contribute(ctx, p.folder, p.outsider, at(1))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("contribute: error %v", err)
	}
	p.contribute(1, p.operators[0])
	if _, err := ceremony.Verify(ctx, p.folder, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("verify: error %v", err)
	}
}

func mustRead(t testing.TB, folder, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func mustWrite(t testing.TB, folder, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}
