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
// computed here and must be zero.
func Init(folder string, rules Rules, powers io.Reader) error {
	if rules.imported() {
		return fmt.Errorf("%w: the digest of the powers comes from the file", ErrRules)
	}
	var file []byte
	if powers != nil {
		var err error
		if file, err = readImport(powers, rules.Size); err != nil {
			return err
		}
		rules.Powers = abi.SumDigest(file)
	}
	if err := rules.Check(); err != nil {
		return err
	}
	if entries, err := os.ReadDir(folder); err == nil && len(entries) > 0 {
		return fmt.Errorf("%w: %s has files", fs.ErrExist, folder)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("begin ceremony: %w", err)
	}
	if file != nil {
		if err := writeFile(folder, powersFile, file, false); err != nil {
			return err
		}
	}
	return writeFile(folder, rulesFile, rules.Bytes(), false)
}

// readImport returns the file of powers for that size.
func readImport(powers io.Reader, size int) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(powers, PowersBytesMax+1))
	if err != nil {
		return nil, fmt.Errorf("read powers of tau: %w", err)
	}
	if len(data) > PowersBytesMax {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrPowers, PowersBytesMax)
	}
	s, err := newShape(size)
	if err != nil {
		return nil, err
	}
	c, err := importPowers(data, s.domain)
	if err != nil {
		return nil, err
	}
	return encodePowers(c)
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
	} else if first, ok := next.(*mpcsetup.Phase2); ok {
		powers, err := t.readPowers()
		if err != nil {
			return nil, err
		}
		first.Initialize(t.shape.system, powers)
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

// finishPowers writes the powers of tau, then the beacon that gave them.
func (t *transcript) finishPowers(
	ctx context.Context, file []byte, onProgress opening.Progress,
) error {
	// What an earlier attempt wrote may stem from another value.
	err := os.Remove(filepath.Join(t.folder, powersFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write powers of tau: %w", err)
	}
	powers, err := t.powers(ctx, t.newProgress(onProgress))
	if err != nil {
		return err
	}
	data, err := encodePowers(powers)
	if err != nil {
		return err
	}
	if err := writeFile(t.folder, powersFile, data, true); err != nil {
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
