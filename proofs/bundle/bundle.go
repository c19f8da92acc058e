package bundle

import (
	"encoding/binary"
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/proofs/attest"
)

const (
	// ProofBytesMax bounds the proof of a bundle.
	ProofBytesMax = 256 << 20
	// OutputBytesMax bounds one output blob: more than a ciphertext of any parameter set has.
	OutputBytesMax = 64 << 20
	// OutputsBytesMax bounds the output blobs together.
	OutputsBytesMax = 256 << 20
	// BytesMax bounds the bytes of a bundle.
	BytesMax = headerBytes + 4*abi.OutputsMax + attest.StatementBytesMax +
		attest.SignatureBytes + OutputsBytesMax + ProofBytesMax
)

const (
	// magic and version begin a bundle; do not renumber.
	magic   = "CBAT"
	version = 1
	// headerBytes is the length of the fixed header: magic, version, the lengths of statement
	// and proof, and the number of outputs.
	headerBytes = len(magic) + 2 + 4 + 4 + 2
)

// Bundle is an attestation. One from [Parse] is well-formed and not yet checked.
type Bundle struct {
	Statement *attest.Statement
	// Signature is the node's, over the statement's SigningDigest.
	Signature attest.Signature
	// Outputs are the canonical blobs of the output ciphertexts in the Plan's order, as many
	// as the statement names.
	Outputs [][]byte
	Proof   []byte
}

// Encode returns the canonical bytes, which [Parse] reads. The error wraps [ErrFormat] if a
// part is missing or too large.
func (b *Bundle) Encode() ([]byte, error) {
	if b.Statement == nil {
		return nil, fmt.Errorf("%w: no statement", ErrFormat)
	}
	if err := b.Statement.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	text := b.Statement.Bytes()
	h := header{statement: len(text), proof: len(b.Proof)}
	for _, o := range b.Outputs {
		h.outputs = append(h.outputs, len(o))
	}
	if err := h.check(); err != nil {
		return nil, err
	}
	if len(b.Outputs) != len(b.Statement.Outputs) {
		return nil, errOutputs(len(b.Outputs), b.Statement)
	}
	out := make([]byte, 0, h.bytes())
	out = append(out, magic...)
	out = binary.LittleEndian.AppendUint16(out, version)
	out = binary.LittleEndian.AppendUint32(out, uint32(h.statement))
	out = binary.LittleEndian.AppendUint32(out, uint32(h.proof))
	out = binary.LittleEndian.AppendUint16(out, uint16(len(h.outputs)))
	for _, n := range h.outputs {
		out = binary.LittleEndian.AppendUint32(out, uint32(n))
	}
	out = append(out, text...)
	out = append(out, b.Signature[:]...)
	for _, o := range b.Outputs {
		out = append(out, o...)
	}
	return append(out, b.Proof...), nil
}

func errOutputs(have int, s *attest.Statement) error {
	return fmt.Errorf("%w: %d outputs, the statement names %d", ErrFormat, have, len(s.Outputs))
}

// Parse reads what [Bundle.Encode] returns and nothing else. Errors wrap [ErrFormat]. The
// Bundle shares memory with data, which must not be changed afterwards.
func Parse(data []byte) (*Bundle, error) {
	h, rest, err := parseHeader(data)
	if err != nil {
		return nil, err
	}
	if len(data) != h.bytes() {
		return nil, fmt.Errorf("%w: %d bytes, its header says %d", ErrFormat, len(data), h.bytes())
	}
	take := func(n int) []byte {
		part := rest[:n:n]
		rest = rest[n:]
		return part
	}
	b := &Bundle{}
	if b.Statement, err = attest.ParseStatement(take(h.statement)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	b.Signature = attest.Signature(take(attest.SignatureBytes))
	for _, n := range h.outputs {
		b.Outputs = append(b.Outputs, take(n))
	}
	b.Proof = take(h.proof)
	if len(b.Outputs) != len(b.Statement.Outputs) {
		return nil, errOutputs(len(b.Outputs), b.Statement)
	}
	return b, nil
}

// header is the lengths of a bundle's parts.
type header struct {
	statement, proof int
	outputs          []int
}

// parseHeader reads and checks the lengths and returns what follows them.
func parseHeader(data []byte) (h header, rest []byte, err error) {
	if len(data) < headerBytes || string(data[:len(magic)]) != magic {
		return h, nil, fmt.Errorf("%w: it does not begin like one", ErrFormat)
	}
	fields := data[len(magic):]
	if v := binary.LittleEndian.Uint16(fields); v != version {
		return h, nil, fmt.Errorf("%w: version %d is unknown, this is version %d", ErrFormat, v,
			version)
	}
	h.statement = int(binary.LittleEndian.Uint32(fields[2:]))
	h.proof = int(binary.LittleEndian.Uint32(fields[6:]))
	count := int(binary.LittleEndian.Uint16(fields[10:]))
	rest = data[headerBytes:]
	if count > abi.OutputsMax || len(rest) < 4*count {
		return h, nil, fmt.Errorf("%w: %d outputs", ErrFormat, count)
	}
	for range count {
		h.outputs = append(h.outputs, int(binary.LittleEndian.Uint32(rest)))
		rest = rest[4:]
	}
	return h, rest, h.check()
}

// check holds the lengths to their limits.
func (h header) check() error {
	total := int64(0)
	for i, n := range h.outputs {
		if n < 1 || n > OutputBytesMax {
			return fmt.Errorf("%w: output %d has %d bytes, 1 to %d", ErrFormat, i, n, OutputBytesMax)
		}
		total += int64(n)
	}
	switch {
	case h.statement < 1 || h.statement > attest.StatementBytesMax:
		return fmt.Errorf("%w: a statement of %d bytes, 1 to %d", ErrFormat, h.statement,
			attest.StatementBytesMax)
	case h.proof < 1 || h.proof > ProofBytesMax:
		return fmt.Errorf("%w: a proof of %d bytes, 1 to %d", ErrFormat, h.proof, ProofBytesMax)
	case len(h.outputs) < 1 || len(h.outputs) > abi.OutputsMax:
		return fmt.Errorf("%w: %d outputs, 1 to %d", ErrFormat, len(h.outputs), abi.OutputsMax)
	case total > OutputsBytesMax:
		return fmt.Errorf("%w: outputs of %d bytes, at most %d", ErrFormat, total, OutputsBytesMax)
	}
	return nil
}

// bytes is the length of the whole bundle; the lengths are within their limits.
func (h header) bytes() int {
	n := headerBytes + 4*len(h.outputs) + h.statement + attest.SignatureBytes + h.proof
	for _, o := range h.outputs {
		n += o
	}
	return n
}
