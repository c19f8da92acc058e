package ceremony

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	groth16 "github.com/consensys/gnark/backend/groth16/bn254"
	"github.com/consensys/gnark/backend/groth16/bn254/mpcsetup"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/proofs/opening"
)

// Report is what [Verify] found.
type Report struct {
	// Rules are the ceremony's.
	Rules Rules
	// Phase is the phase that is open, 0 if the ceremony has ended.
	Phase int
	// Contributions are all of them, in order.
	Contributions []Contribution
	// Beacons are the values that ended phase 1 and 2, nil while a phase is open or if it was
	// held elsewhere. Compare them with what the rules announce.
	Beacons [2][]byte
	// Transcript is the digest of the last file, which names all the others.
	Transcript abi.Digest
	// Setup is the digest of the setup; zero before the end.
	Setup abi.Digest
}

// Verify recomputes a ceremony from its files. An open ceremony is checked as far as it is. If
// it has ended and the folder has the setup's files, they must be what was computed.
func Verify(ctx context.Context, folder string, onProgress opening.Progress) (*Report, error) {
	t, err := load(folder)
	if err != nil {
		return nil, err
	}
	setup, err := t.compute(ctx, t.head, onProgress)
	if err != nil {
		return nil, err
	}
	r := t.report()
	if setup == nil {
		return r, nil
	}
	r.Setup = setup.Verifier().Digest()
	written, err := opening.Load(filepath.Join(folder, SetupFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	same, err := sameFiles(written, setup)
	if err == nil && !same {
		err = fmt.Errorf("%w: the folder %q has another setup", ErrTranscript, SetupFolder)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// sameFiles tells whether two setups have equal files.
func sameFiles(a, b *opening.Setup) (bool, error) {
	hashA, hashB := sha256.New(), sha256.New()
	err := errors.Join(a.WriteProver(hashA), b.WriteProver(hashB))
	return bytes.Equal(hashA.Sum(nil), hashB.Sum(nil)) &&
		a.Verifier().Digest() == b.Verifier().Digest(), err
}

func (t *transcript) report() *Report {
	return &Report{
		Rules: *t.rules, Phase: t.phase(), Beacons: t.beacons, Transcript: t.head,
		Contributions: append(append([]Contribution{}, t.list[0]...), t.list[1]...),
	}
}

// progress counts what a computation has done.
type progress struct {
	tell  opening.Progress
	done  int
	total int
}

// step checks whether to go on and tells what comes next.
func (p *progress) step(ctx context.Context, what string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("ceremony: %w", err)
	}
	if p.tell != nil {
		p.tell(p.done, p.total, what)
	}
	p.done++
	return nil
}

func (t *transcript) newProgress(tell opening.Progress) *progress {
	return &progress{tell: tell, total: len(t.list[0]) + len(t.list[1]) + 3}
}

// compute verifies every contribution and returns the setup, with that digest of the
// transcript in it; nil if a phase is open.
func (t *transcript) compute(
	ctx context.Context, digest abi.Digest, onProgress opening.Progress,
) (*opening.Setup, error) {
	p := t.newProgress(onProgress)
	powers, err := t.powers(ctx, p)
	if err != nil || powers == nil {
		return nil, err
	}
	if err := p.step(ctx, "compute the keys before the contributions"); err != nil {
		return nil, err
	}
	last := new(mpcsetup.Phase2)
	evaluations := last.Initialize(t.shape.system, powers)
	if err := t.compareStart(last); err != nil {
		return nil, err
	}
	for i := range t.list[1] {
		if err := p.step(ctx, fmt.Sprintf("verify contribution %d of phase 2", i+1)); err != nil {
			return nil, err
		}
		next := new(mpcsetup.Phase2)
		if err := t.state(2, i+1, next); err != nil {
			return nil, err
		}
		if err := last.Verify(next); err != nil {
			return nil, fmt.Errorf("%w: number %d of phase 2: %w", ErrContribution, i+1, err)
		}
		last = next
	}
	if t.beacons[1] == nil {
		return nil, nil //nolint:nilnil // no setup yet, and no error
	}
	if err := p.step(ctx, "compute the keys"); err != nil {
		return nil, err
	}
	proving, verifying := last.Seal(powers, &evaluations, t.beacons[1])
	pk, ok1 := proving.(*groth16.ProvingKey)
	vk, ok2 := verifying.(*groth16.VerifyingKey)
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("%w: keys of another curve", ErrTranscript)
	}
	setup, err := opening.NewSetup(t.rules.Size, opening.SetupCeremony, digest, t.shape.system, pk,
		vk)
	if err != nil {
		return nil, err
	}
	return setup, try(ctx, setup)
}

// state reads the gnark object of a contribution that load has seen.
func (t *transcript) state(phase, number int, into state) error {
	payload, err := t.payload(phase, number)
	if err != nil {
		return err
	}
	if err := t.shape.decode(phase, payload, into); err != nil {
		return fmt.Errorf("number %d of phase %d: %w", number, phase, err)
	}
	return nil
}

// powers returns the powers of tau after phase 1, recomputed or imported; nil if the phase is
// open, whose contributions are verified then.
func (t *transcript) powers(ctx context.Context, p *progress) (*mpcsetup.SrsCommons, error) {
	if t.rules.imported() {
		if err := p.step(ctx, "check the imported powers of tau"); err != nil {
			return nil, err
		}
		c, err := t.readPowers()
		if err != nil {
			return nil, err
		}
		return c, checkPowers(c)
	}
	last := mpcsetup.NewPhase1(uint64(t.shape.domain))
	for i := range t.list[0] {
		if err := p.step(ctx, fmt.Sprintf("verify contribution %d of phase 1", i+1)); err != nil {
			return nil, err
		}
		next := new(mpcsetup.Phase1)
		if err := t.state(1, i+1, next); err != nil {
			return nil, err
		}
		if err := last.Verify(next); err != nil {
			return nil, fmt.Errorf("%w: number %d of phase 1: %w", ErrContribution, i+1, err)
		}
		last = next
	}
	if t.beacons[0] == nil {
		return nil, nil //nolint:nilnil // no powers yet, and no error
	}
	if err := p.step(ctx, "compute the powers of tau"); err != nil {
		return nil, err
	}
	c := last.Seal(t.beacons[0])
	want, err := encodePowers(&c)
	if err != nil {
		return nil, err
	}
	return &c, t.compare(powersFile, want)
}

// compareStart checks the file that spares contributors a computation.
func (t *transcript) compareStart(start *mpcsetup.Phase2) error {
	want, err := encodeStart(start)
	if err != nil {
		return err
	}
	return t.compare(startFile, want)
}

// compare returns an error if a file whose content can be computed has another one. It may be
// missing.
func (t *transcript) compare(name string, want []byte) error {
	data, err := readFile(t.folder, name, len(want))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && !bytes.Equal(data, want) {
		err = fmt.Errorf("%w: %q is not what the files before it give", ErrTranscript, name)
	}
	return err
}

// readPowers reads the file of powers and checks points and, if they are imported, digest.
func (t *transcript) readPowers() (*mpcsetup.SrsCommons, error) {
	data, err := readFile(t.folder, powersFile, powersBytes(t.shape.domain))
	if err != nil {
		return nil, err
	}
	if t.rules.imported() && abi.SumDigest(data) != t.rules.Powers {
		return nil, fmt.Errorf("%w: the file is not the one that the rules name", ErrPowers)
	}
	return parsePowers(data, t.shape.domain)
}

// try opens a commitment with a setup: keys that do not work are found here.
func try(ctx context.Context, s *opening.Setup) error {
	size := s.Verifier().Size()
	w, y := make(fr.Vector, size), make(fr.Vector, size)
	for i := range w {
		w[i].SetUint64(uint64(i) + 1)
		y[i].SetUint64(uint64(size - i))
	}
	product := y.InnerProduct(w)
	c, err := s.CommitScalars(w)
	if err != nil {
		return err
	}
	proof, err := s.Open(ctx, w, y, product)
	if err != nil {
		return err
	}
	return s.Verifier().Verify(c, y, product, proof)
}
