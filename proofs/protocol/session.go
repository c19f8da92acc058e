package protocol

import (
	"crypto/sha3"
	"encoding/binary"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/abi"
)

// Session is the transcript of one proof: messages go in and challenges come out in the only
// order there is. Each method must be called once, in the order of their declaration
// (SumCheck once a round). It is not safe for concurrent use.
type Session struct {
	shape *Shape
	t     *Transcript
}

// NewSession begins with the statement, the System and the setup: everything public enters
// by digest before the first challenge.
func NewSession(sh *Shape, statement, setup abi.Digest) *Session {
	s := &Session{shape: sh, t: NewTranscript("cerberus/attestation/v1")}
	s.t.Append("version", []byte(Version))
	s.t.Append("statement", statement[:])
	system := sh.System.Digest()
	s.t.Append("system", system[:])
	s.t.Append("setup", setup[:])
	size := binary.BigEndian.AppendUint64(nil, uint64(sh.Size))
	s.t.Append("opening size", size)
	return s
}

// Wires absorbs the commitments of committed keys and of the wires of the run, and returns
// the coefficients of the combinations: for each group and round, one for each identity.
func (s *Session) Wires(keys, wires [][]bn254.G1Affine) [][][]uint64 {
	s.points("keys", keys)
	s.points("wires", wires)
	seed := s.t.Seed("combinations")
	out := make([][][]uint64, len(s.shape.System.Groups))
	for i, g := range s.shape.System.Groups {
		if g.Rounds == 0 {
			continue
		}
		h := sha3.NewSHAKE128()
		_, _ = h.Write([]byte("cerberus/combinations/v1")) // a hash does not fail
		_, _ = h.Write(seed[:])
		_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(i)))
		out[i] = make([][]uint64, g.Rounds)
		for t := range out[i] {
			out[i][t] = make([]uint64, len(g.Identities))
			for k := range out[i][t] {
				var word [8]byte
				_, _ = h.Read(word[:])
				out[i][t][k] = binary.BigEndian.Uint64(word[:]) & (1<<g.Bits - 1)
			}
		}
	}
	return out
}

// Quotients absorbs the commitments of the quotients and returns the projection matrix.
func (s *Session) Quotients(quotients [][]bn254.G1Affine) *Projection {
	s.points("quotients", quotients)
	return NewProjection(s.t.Seed("projection"), s.shape.Degree)
}

// Projections absorbs the projections and returns delta.
func (s *Session) Projections(rows [][Rows]Row) fr.Element {
	data := make([]byte, 0, len(rows)*Rows*16)
	for i := range rows {
		for _, r := range rows[i] {
			data = binary.BigEndian.AppendUint64(data, uint64(r.Hi))
			data = binary.BigEndian.AppendUint64(data, r.Lo)
		}
	}
	s.t.Append("projections", data)
	return s.t.Scalar("delta")
}

// H absorbs the commitments of the quotient by X^N+1 and returns gamma.
func (s *Session) H(points []bn254.G1Affine) fr.Element {
	s.t.Append("H", appendPoints(nil, points))
	return s.t.Scalar("gamma")
}

// Claims absorbs the claimed values and returns rho and tau.
func (s *Session) Claims(values []fr.Element) (rho, tau fr.Element) {
	s.t.Append("claims", appendScalars(nil, values))
	return s.t.Scalar("rho"), s.t.Scalar("tau")
}

// SumCheck absorbs one round and returns its challenge.
func (s *Session) SumCheck(round [2]fr.Element) fr.Element {
	s.t.Append("round", appendScalars(nil, round[:]))
	return s.t.Scalar("x")
}

func (s *Session) points(label string, list [][]bn254.G1Affine) {
	var data []byte
	for _, points := range list {
		data = appendPoints(data, points)
	}
	s.t.Append(label, data)
}
