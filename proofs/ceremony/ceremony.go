package ceremony

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/consensys/gnark/backend/groth16/bn254/mpcsetup"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/proofs/opening"
)

// PowersBytesMax bounds a file of powers of tau that is imported: enough for 2^19 points. Take
// a smaller one of the same ceremony where there is one.
const PowersBytesMax = 256 << 20

// Init begins a ceremony in a new folder. powers is a file of powers of tau, in this
// package's format or a ptau file, or nil if the parties contribute them. Rules.Powers is
// computed here and must be zero. With powers it takes some CPU-minute for 8192 elements.
func Init(
	ctx context.Context, folder string, rules Rules, powers io.Reader, onProgress opening.Progress,
) error {
	if rules.imported() {
		return fmt.Errorf("%w: the digest of the powers comes from the file", ErrRules)
	}
	if entries, err := os.ReadDir(folder); err == nil && len(entries) > 0 {
		return fmt.Errorf("%w: %s has files", fs.ErrExist, folder)
	}
	shape, err := newShape(rules.Size)
	if err != nil {
		return err
	}
	p := &progress{tell: onProgress, total: 2}
	var imported *mpcsetup.SrsCommons
	if powers != nil {
		if err := p.step(ctx, "check the imported powers of tau"); err != nil {
			return err
		}
		if imported, err = readImport(powers, shape); err != nil {
			return err
		}
		file, err := encodePowers(imported)
		if err != nil {
			return err
		}
		rules.Powers = abi.SumDigest(file)
	}
	if err := rules.Check(); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return fmt.Errorf("begin ceremony: %w", err)
	}
	if imported != nil {
		if err := p.step(ctx, "compute the keys before the contributions"); err != nil {
			return err
		}
		if err := shape.writeStart(folder, imported); err != nil {
			return err
		}
	}
	return writeFile(folder, rulesFile, rules.Bytes(), false)
}

// readImport reads and checks powers for the size.
func readImport(powers io.Reader, shape *shape) (*mpcsetup.SrsCommons, error) {
	data, err := io.ReadAll(io.LimitReader(powers, PowersBytesMax+1))
	if err != nil {
		return nil, fmt.Errorf("read powers of tau: %w", err)
	}
	if len(data) > PowersBytesMax {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrPowers, PowersBytesMax)
	}
	return importPowers(data, shape.domain)
}

// writeStart writes the powers and the state of phase 2 before the first contribution. Both
// follow from other files; they are written to spare contributors the computation.
func (s *shape) writeStart(folder string, powers *mpcsetup.SrsCommons) error {
	data, err := encodePowers(powers)
	if err != nil {
		return err
	}
	start := new(mpcsetup.Phase2)
	start.Initialize(s.system, powers)
	payload, err := encodeStart(start)
	if err != nil {
		return err
	}
	return errors.Join(writeFile(folder, powersFile, data, true),
		writeFile(folder, startFile, payload, true))
}

// Contribute adds the signer's contribution to the phase that is open, with secrets from
// crypto/rand that nobody keeps. It checks who contributed before, not the arithmetic of
// what they contributed: that is [Verify]'s.
func Contribute(
	ctx context.Context, folder string, signer Signer, now time.Time,
) (*Contribution, error) {
	t, err := load(folder)
	if err != nil {
		return nil, err
	}
	phase := t.phase()
	if phase == 0 {
		return nil, ErrFinished
	}
	list := t.list[phase-1]
	c := Contribution{
		Phase: phase, Number: len(list) + 1, Signer: signer.Address(),
		Time: now.UTC().Truncate(time.Second),
	}
	if err := t.rules.checkNext(c, list); err != nil {
		return nil, err
	}
	payload, err := t.contribute(ctx, phase)
	if err != nil {
		return nil, err
	}
	data := encodeContribution(c, t.head, payload, signer)
	c, _, err = parseContribution(data, phase, c.Number, len(payload), t.head)
	if err != nil {
		return nil, err
	}
	return &c, writeFile(folder, contributionFile(phase, c.Number), data, false)
}

// contribute returns the payload of the next contribution.
func (t *transcript) contribute(ctx context.Context, phase int) ([]byte, error) {
	var next interface {
		state
		Contribute()
	}
	if phase == 1 {
		next = mpcsetup.NewPhase1(uint64(t.shape.domain))
	} else {
		next = new(mpcsetup.Phase2)
	}
	if n := len(t.list[phase-1]); n > 0 {
		if err := t.state(phase, n, next); err != nil {
			return nil, err
		}
	} else if start, ok := next.(*mpcsetup.Phase2); ok {
		payload, err := readFile(t.folder, startFile, t.shape.payloadBytes(phase))
		if err != nil {
			return nil, err
		}
		if err := t.shape.decodeStart(payload, start); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("contribute: %w", err)
	}
	next.Contribute()
	return encode(next)
}

// Finish ends the phase that is open with the beacon's value, from 16 to 128 bytes, after it
// verified everything before. At the end of phase 2 it also writes the setup into the folder
// [SetupFolder] and returns it; at the end of phase 1 it returns nil. If the ceremony has
// ended, and with the same value, it writes the setup again if that is missing.
func Finish(
	ctx context.Context, folder string, beacon []byte, now time.Time, onProgress opening.Progress,
) (*opening.Setup, error) {
	t, err := load(folder)
	if err != nil {
		return nil, err
	}
	phase := t.phase()
	if phase == 0 {
		return t.finishAgain(ctx, beacon, onProgress)
	}
	if err := checkBeacon(beacon); err != nil {
		return nil, err
	}
	if end := t.rules.end(phase); now.Before(end) {
		return nil, fmt.Errorf("%w: phase %d ends at %s", ErrEarly, phase, formatTime(end))
	}
	if err := t.rules.checkSigners(phase, t.list[phase-1]); err != nil {
		return nil, err
	}
	file := encodeBeacon(phase, t.head, beacon)
	t.beacons[phase-1], t.head = beacon, abi.SumDigest(file)
	if phase == 1 {
		return nil, t.finishPowers(ctx, file, onProgress)
	}
	setup, err := t.compute(ctx, t.head, onProgress)
	if err != nil {
		return nil, err
	}
	if err := writeFile(folder, beaconFile(2), file, false); err != nil {
		return nil, err
	}
	return setup, setup.Save(filepath.Join(folder, SetupFolder))
}

// finishPowers writes what follows from phase 1, then the beacon that ended it.
func (t *transcript) finishPowers(
	ctx context.Context, file []byte, onProgress opening.Progress,
) error {
	// What an earlier attempt wrote may stem from another value.
	for _, name := range []string{powersFile, startFile} {
		err := os.Remove(filepath.Join(t.folder, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("end phase 1: %w", err)
		}
	}
	p := t.newProgress(onProgress)
	powers, err := t.powers(ctx, p)
	if err != nil {
		return err
	}
	if err := p.step(ctx, "compute the keys before the contributions"); err != nil {
		return err
	}
	if err := t.shape.writeStart(t.folder, powers); err != nil {
		return err
	}
	return writeFile(t.folder, beaconFile(1), file, false)
}

// finishAgain makes up for a crash between the beacon and the setup.
func (t *transcript) finishAgain(
	ctx context.Context, beacon []byte, onProgress opening.Progress,
) (*opening.Setup, error) {
	if string(beacon) != string(t.beacons[1]) {
		return nil, fmt.Errorf("%w with another beacon", ErrFinished)
	}
	setup, err := t.compute(ctx, t.head, onProgress)
	if err != nil {
		return nil, err
	}
	err = setup.Save(filepath.Join(t.folder, SetupFolder))
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	return setup, err
}
