package fhe

import (
	"encoding/binary"
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
)

// ciphertextMagic begins a ciphertext blob.
const ciphertextMagic = "CBCT"

// ciphertextHeader is what a ciphertext blob says before its polynomials.
type ciphertextHeader struct {
	packing        abi.Packing
	length, period int
	level          int
	scale          Scale
	count          int
	seeded         bool
	seed           [SeedBytes]byte
}

// CiphertextBytes returns the length of the blob of a vector at that level, as
// [EncodeCiphertexts] makes it.
func CiphertextBytes(p *Params, packing abi.Packing, length, level int, seeded bool) int64 {
	const fixed = magicBytes + 2 + 1 + 1 + 1 + 4 + 4 + 2 + scaleBytes + 4
	size := int64(fixed + len(p.Name()))
	poly := int64(PolyBytes(p.N(), p.set.Q[:level+1]))
	count := int64(CiphertextCount(p, packing, length))
	if seeded {
		return size + SeedBytes + count*poly
	}
	return size + 2*count*poly
}

// EncodeCiphertexts returns the canonical blob of one named vector: cts are all its
// ciphertexts in order, with equal metadata. Seeded ones travel without C[1], which must
// be what [ExpandCiphertext] returns for their seed and position. It returns [ErrFormat] if
// the metadata contradict each other or a residue is not reduced.
func EncodeCiphertexts(p *Params, cts []Ciphertext) ([]byte, error) {
	if len(cts) == 0 {
		return nil, formatError("count", "a vector has at least one ciphertext")
	}
	first := cts[0]
	h := ciphertextHeader{
		packing: first.Packing, length: first.Length, period: first.Period, level: first.Level,
		scale: first.Scale, count: len(cts), seeded: first.Seeded, seed: first.Seed,
	}
	if !h.seeded {
		h.seed = [SeedBytes]byte{}
	}
	if err := h.check(p); err != nil {
		return nil, err
	}
	size := CiphertextBytes(p, h.packing, h.length, h.level, h.seeded)
	// The packing loop writes up to a word past the end.
	out, err := h.append(make([]byte, 0, size+8), p)
	if err != nil {
		return nil, err
	}
	moduli := p.Moduli(h.level)
	for i, ct := range cts {
		if err := h.checkMember(ct, i); err != nil {
			return nil, err
		}
		polys := ct.C[:]
		if h.seeded {
			polys = ct.C[:1]
		}
		for c, poly := range polys {
			if err := poly.Check(p.N(), moduli); err != nil {
				return nil, payloadError(i, c, err)
			}
			if out, err = AppendPoly(out, poly, moduli); err != nil {
				return nil, payloadError(i, c, err)
			}
		}
	}
	return out, nil
}

// ParseCiphertexts reads a blob that [EncodeCiphertexts] made for this parameter set and
// nothing else: every blob that it accepts is encoded again to the same bytes. C[1] of
// seeded ciphertexts is expanded. Errors are [*FormatError] values that name the field; the
// memory that is allocated is proportional to len(data).
func ParseCiphertexts(p *Params, data []byte) ([]Ciphertext, error) {
	h, payload, err := parseCiphertextHeader(p, data)
	if err != nil {
		return nil, err
	}
	size := CiphertextBytes(p, h.packing, h.length, h.level, h.seeded)
	switch {
	case int64(len(data)) < size:
		return nil, formatError("payload", "truncated: blob of %d bytes instead of %d",
			len(data), size)
	case int64(len(data)) > size:
		return nil, formatError("payload", "%d trailing bytes", int64(len(data))-size)
	}
	moduli := p.Moduli(h.level)
	polyBytes := PolyBytes(p.N(), moduli)
	cts := make([]Ciphertext, h.count)
	for i := range cts {
		ct := Ciphertext{
			Packing: h.packing, Length: h.length, Period: h.period, Level: h.level,
			Scale: h.scale, Seeded: h.seeded, Seed: h.seed, Index: i,
		}
		for c := range ct.C {
			if c == 1 && h.seeded {
				if ct.C[1], err = ExpandCiphertext(p, h.seed, i, h.level); err != nil {
					return nil, err
				}
				continue
			}
			if ct.C[c], err = ParsePoly(payload[:polyBytes], p.N(), moduli); err != nil {
				return nil, payloadError(i, c, err)
			}
			payload = payload[polyBytes:]
		}
		cts[i] = ct
	}
	return cts, nil
}

// ParseInput reads the blob of one of a Plan's inputs. Beside the errors of
// [ParseCiphertexts] it returns a [*FormatError] that wraps [ErrOperand] if the blob's
// metadata are not the Plan's.
func ParseInput(p *Params, in PlanInput, data []byte) ([]Ciphertext, error) {
	h, _, err := parseCiphertextHeader(p, data)
	if err != nil {
		return nil, err
	}
	want := ciphertextHeader{
		packing: in.Packing, length: in.Length, period: in.Period, level: in.Level,
		scale: in.Scale, count: in.Count,
	}
	if err := h.compare(want, "input "+in.Name); err != nil {
		return nil, err
	}
	return ParseCiphertexts(p, data)
}

// ParseOutput reads the blob of one of a Plan's outputs, under the rules of [ParseInput].
func ParseOutput(p *Params, out PlanOutput, data []byte) (Ciphertext, error) {
	h, _, err := parseCiphertextHeader(p, data)
	if err != nil {
		return Ciphertext{}, err
	}
	want := ciphertextHeader{
		packing: out.Packing, length: out.Length, period: out.Period, level: out.Level,
		scale: out.Scale, count: 1,
	}
	if err := h.compare(want, "output "+out.Name); err != nil {
		return Ciphertext{}, err
	}
	cts, err := ParseCiphertexts(p, data)
	if err != nil {
		return Ciphertext{}, err
	}
	return cts[0], nil
}

// CiphertextsDigest returns the digest of the blob of a vector.
func CiphertextsDigest(p *Params, cts []Ciphertext) (abi.Digest, error) {
	data, err := EncodeCiphertexts(p, cts)
	if err != nil {
		return abi.Digest{}, err
	}
	return abi.SumDigest(data), nil
}

func parseCiphertextHeader(p *Params, data []byte) (ciphertextHeader, []byte, error) {
	c := cursor{data: data}
	c.prefix(ciphertextMagic, p)
	var h ciphertextHeader
	flags, packing := c.u8("flags"), c.u8("packing")
	h.length, h.period, h.level = c.u32("length"), c.u32("period"), c.u16("level")
	h.scale, h.count = c.scale(), c.u32("count")
	if h.seeded = flags == flagSeeded; h.seeded {
		copy(h.seed[:], c.take("seed", SeedBytes))
	}
	if c.err != nil {
		return h, nil, c.err
	}
	if flags&^flagSeeded != 0 {
		return h, nil, formatError("flags", "%#x has unknown bits", flags)
	}
	var known bool
	if h.packing, known = packingOf(packing); !known {
		return h, nil, formatError("packing", "unknown code %d", packing)
	}
	if err := h.check(p); err != nil {
		return h, nil, err
	}
	return h, c.data, nil
}

func (h ciphertextHeader) append(dst []byte, p *Params) ([]byte, error) {
	dst, err := appendPrefix(dst, ciphertextMagic, p)
	if err != nil {
		return nil, err
	}
	flags := byte(0)
	if h.seeded {
		flags = flagSeeded
	}
	dst = append(dst, flags, packingCode(h.packing))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(h.length))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(h.period))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(h.level))
	dst = appendScale(dst, h.scale)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(h.count))
	if h.seeded {
		dst = append(dst, h.seed[:]...)
	}
	return dst, nil
}

// check holds the header to the rules that do not depend on a Plan.
func (h ciphertextHeader) check(p *Params) error {
	if err := checkShape(p, h.packing, h.length, h.period); err != nil {
		return err
	}
	if h.level < 0 || h.level > p.MaxLevel() {
		return formatError("level", "%d is outside [0, %d]", h.level, p.MaxLevel())
	}
	if !h.scale.canonical() {
		return formatError("scale", "not normalised or out of range")
	}
	if want := CiphertextCount(p, h.packing, h.length); h.count != want {
		return formatError("count", "%d ciphertexts instead of %d", h.count, want)
	}
	return nil
}

// checkMember holds a ciphertext to the vector's header.
func (h ciphertextHeader) checkMember(ct Ciphertext, index int) error {
	same := ct.Packing == h.packing && ct.Length == h.length && ct.Period == h.period &&
		ct.Level == h.level && ct.Scale == h.scale && ct.Seeded == h.seeded
	if h.seeded && (ct.Seed != h.seed || ct.Index != index) {
		same = false
	}
	if !same {
		return formatError("payload", "ciphertext %d differs from ciphertext 0 in its metadata",
			index)
	}
	return nil
}

// compare reports the first field in which a blob is not what the Plan says.
func (h ciphertextHeader) compare(want ciphertextHeader, what string) error {
	differs := func(field string, got, wanted any) error {
		err := formatError(field, "%v, the Plan's %s has %v", got, what, wanted)
		err.kind = ErrOperand
		return err
	}
	switch {
	case h.packing != want.packing:
		return differs("packing", h.packing, want.packing)
	case h.length != want.length:
		return differs("length", h.length, want.length)
	case h.period != want.period:
		return differs("period", h.period, want.period)
	case h.level != want.level:
		return differs("level", h.level, want.level)
	case h.scale != want.scale:
		return differs("scale", h.scale, want.scale)
	case h.count != want.count:
		return differs("count", h.count, want.count)
	}
	return nil
}

func payloadError(ciphertext, component int, err error) error {
	return &FormatError{
		Field:  fmt.Sprintf("payload[%d].c%d", ciphertext, component),
		Reason: err.Error(), kind: ErrFormat,
	}
}
