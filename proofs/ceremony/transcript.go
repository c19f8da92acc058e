package ceremony

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/proofs/attest"
)

// The names of a ceremony's files.
const (
	rulesFile  = "rules"
	powersFile = "powers"
	startFile  = "start"
	// SetupFolder has the setup's files when the ceremony has ended.
	SetupFolder = "setup"

	beaconFileBytesMax = 1 << 10
)

func contributionFile(phase, number int) string {
	return fmt.Sprintf("phase%d-%03d", phase, number)
}

func beaconFile(phase int) string { return fmt.Sprintf("beacon%d", phase) }

// transcript is what a folder holds, after every check that needs no curve arithmetic.
type transcript struct {
	folder string
	rules  *Rules
	shape  *shape
	// list are the contributions of phase 1 and 2, at 0 and 1; beacons their ends' values, nil
	// while a phase is open.
	list    [2][]Contribution
	beacons [2][]byte
	// head is the digest of the newest file.
	head abi.Digest
}

// phase is the phase that is open, 0 if none is.
func (t *transcript) phase() int {
	switch {
	case !t.rules.imported() && t.beacons[0] == nil:
		return 1
	case t.beacons[1] == nil:
		return 2
	default:
		return 0
	}
}

// load reads a folder and refuses missing, superfluous, repeated, late and unsigned
// contributions, and a phase that ended without enough of them.
func load(folder string) (*transcript, error) {
	text, err := readFile(folder, rulesFile, rulesBytesMax)
	if err != nil {
		return nil, err
	}
	rules, err := ParseRules(text)
	if err != nil {
		return nil, err
	}
	shape, err := newShape(rules.Size)
	if err != nil {
		return nil, err
	}
	t := &transcript{folder: folder, rules: rules, shape: shape, head: abi.SumDigest(text)}
	known := map[string]bool{}
	for phase := 1; phase <= 2; phase++ {
		if phase == 1 && rules.imported() {
			continue
		}
		if err := t.loadPhase(phase, known); err != nil {
			return nil, err
		}
		if t.beacons[phase-1] == nil {
			break
		}
	}
	known[SetupFolder] = t.phase() == 0
	return t, t.refuseOthers(known)
}

// loadPhase reads the contributions of a phase and the beacon that ended it, if one did.
func (t *transcript) loadPhase(phase int, known map[string]bool) error {
	heads := []abi.Digest{t.head}
	for number := 1; ; number++ {
		name := contributionFile(phase, number)
		c, _, err := t.read(phase, number, t.head)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return err
		}
		if err := t.rules.checkNext(c, t.list[phase-1]); err != nil {
			return err
		}
		known[name] = true
		t.list[phase-1] = append(t.list[phase-1], c)
		t.head = c.Digest
		heads = append(heads, t.head)
	}
	name := beaconFile(phase)
	data, err := readFile(t.folder, name, beaconFileBytesMax)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	known[name] = true
	after, value, err := parseBeacon(data, phase)
	if err != nil {
		return err
	}
	if after != t.head {
		for i, h := range heads {
			if h == after {
				return fmt.Errorf("%w: phase %d had ended after contribution %d", ErrLate, phase, i)
			}
		}
		return fmt.Errorf("%w: the beacon of phase %d ended another ceremony", ErrTranscript, phase)
	}
	t.beacons[phase-1], t.head = value, abi.SumDigest(data)
	return t.rules.checkSigners(phase, t.list[phase-1])
}

// refuseOthers returns an error if the folder has a file of a ceremony that load did not come
// to: one after a gap, of a phase that has not begun, or a setup before the end.
func (t *transcript) refuseOthers(known map[string]bool) error {
	entries, err := os.ReadDir(t.folder)
	if err != nil {
		return fmt.Errorf("read ceremony: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		ours := strings.HasPrefix(name, "phase") || strings.HasPrefix(name, "beacon") ||
			name == SetupFolder
		if ours && !known[name] {
			return fmt.Errorf("%w: %s follows no file before it", ErrTranscript, name)
		}
	}
	return nil
}

// read reads a contribution that follows the file with the digest previous, and returns its
// payload too.
func (t *transcript) read(phase, number int, previous abi.Digest) (Contribution, []byte, error) {
	payload := t.shape.payloadBytes(phase)
	limit := headBytes + payload + attest.SignatureBytes
	data, err := readFile(t.folder, contributionFile(phase, number), limit)
	if err != nil {
		return Contribution{}, nil, err
	}
	return parseContribution(data, phase, number, payload, previous)
}

// payload reads the payload of a contribution that load has seen.
func (t *transcript) payload(phase, number int) ([]byte, error) {
	data, err := readFile(t.folder, contributionFile(phase, number),
		headBytes+t.shape.payloadBytes(phase)+attest.SignatureBytes)
	if err != nil {
		return nil, err
	}
	if abi.SumDigest(data) != t.list[phase-1][number-1].Digest {
		return nil, fmt.Errorf("%w: %s changed while it was read", ErrTranscript,
			contributionFile(phase, number))
	}
	return data[headBytes : len(data)-attest.SignatureBytes], nil
}

// readFile reads at most limit bytes, and one more that no parser takes.
func readFile(folder, name string, limit int) ([]byte, error) {
	f, err := os.Open(filepath.Join(folder, name))
	if err != nil {
		return nil, fmt.Errorf("read ceremony: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read ceremony: %w", err)
	}
	return data, nil
}

// writeFile writes a file that appears whole or not at all. It replaces one only if told so.
func writeFile(folder, name string, data []byte, replace bool) (err error) {
	target := filepath.Join(folder, name)
	if _, err := os.Lstat(target); err == nil && !replace {
		return fmt.Errorf("%w: %s is there already", fs.ErrExist, name)
	}
	f, err := os.CreateTemp(folder, ".new-*")
	if err != nil {
		return fmt.Errorf("write ceremony: %w", err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), target)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write ceremony: %w", err), os.Remove(f.Name()))
	}
	return nil
}
