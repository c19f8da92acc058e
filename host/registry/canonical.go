package registry

import (
	"encoding/binary"
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

// The labels under which package fhe hashes Programs and Plans.
const (
	programLabel = "cerberus program v1"
	planLabel    = "cerberus plan v1"
)

// ProgramBlob returns the content of a Program's blob: label, ABI version and text of the
// Program, each preceded by its length in 8 bytes, little endian. Its SHA-256 is the
// Program's digest.
func ProgramBlob(p *fhe.Program) ([]byte, error) {
	return preimage(p.Digest(), programLabel, []byte(abi.Version), p.Text())
}

// PlanBlob returns the content of a Plan's blob: label and text of the Plan, each preceded
// by its length in 8 bytes, little endian. Its SHA-256 is the Plan's digest.
func PlanBlob(p *fhe.Plan) ([]byte, error) {
	return preimage(p.Digest(), planLabel, p.Text())
}

// preimage builds what abi.LabelledDigest hashes.
func preimage(want abi.Digest, label string, parts ...[]byte) ([]byte, error) {
	var out []byte
	for _, part := range append([][]byte{[]byte(label)}, parts...) {
		out = binary.LittleEndian.AppendUint64(out, uint64(len(part)))
		out = append(out, part...)
	}
	if got := abi.SumDigest(out); got != want {
		return nil, fmt.Errorf("%w: the blob of %s has digest %s", ErrPlan, want, got)
	}
	return out, nil
}
