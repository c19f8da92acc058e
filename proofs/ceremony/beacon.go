package ceremony

import (
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/cerberus-host/cerberus/abi"
)

const (
	// BeaconBytesMin is the length of the shortest value that a beacon may have.
	BeaconBytesMin = 16
	// BeaconBytesMax is the length of the longest.
	BeaconBytesMax = 128

	beaconMagic = "cerberus ceremony beacon 1\n"
)

// encodeBeacon returns the file of a beacon: which phase it ends, after which file, and its
// value.
func encodeBeacon(phase int, previous abi.Digest, value []byte) []byte {
	return []byte(beaconMagic + "phase " + strconv.Itoa(phase) + "\nafter " + previous.String() +
		"\nvalue " + hex.EncodeToString(value) + "\n")
}

// parseBeacon reads the beacon of a phase and returns the digest of the file that it follows
// and its value.
func parseBeacon(data []byte, phase int) (abi.Digest, []byte, error) {
	var digest, value string
	format := beaconMagic + "phase " + strconv.Itoa(phase) + "\nafter %s\nvalue %s\n"
	if _, err := fmt.Sscanf(string(data), format, &digest, &value); err != nil {
		return abi.Digest{}, nil, fmt.Errorf("%w: no beacon of phase %d", ErrTranscript, phase)
	}
	previous, err := abi.ParseDigest(digest)
	if err != nil {
		return abi.Digest{}, nil, fmt.Errorf("%w: beacon: %w", ErrTranscript, err)
	}
	raw, err := hex.DecodeString(value)
	if err != nil {
		return abi.Digest{}, nil, fmt.Errorf("%w: beacon: %w", ErrTranscript, err)
	}
	if err := checkBeacon(raw); err != nil {
		return abi.Digest{}, nil, err
	}
	if string(encodeBeacon(phase, previous, raw)) != string(data) {
		return abi.Digest{}, nil, fmt.Errorf("%w: beacon not in its canonical form", ErrTranscript)
	}
	return previous, raw, nil
}

func checkBeacon(value []byte) error {
	if n := len(value); n < BeaconBytesMin || n > BeaconBytesMax {
		return fmt.Errorf("%w: a beacon of %d bytes; from %d to %d", ErrTranscript, n,
			BeaconBytesMin, BeaconBytesMax)
	}
	return nil
}
