package ceremony

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	group "github.com/consensys/gnark-crypto/ecc/bn254/mpcsetup"
	"github.com/consensys/gnark/backend/groth16/bn254/mpcsetup"
)

const (
	powersMagic = "cerberus powers of tau 1\n"
	domainBytes = 8
)

// powersBytes is the length of the file of powers for a domain of n points: what gnark
// writes, compressed, after a magic line.
func powersBytes(n int) int { return len(powersMagic) + domainBytes + commonsBytes(n) }

// commonsBytes is the length of compressed powers: tau^1..tau^(2n-2), n times alpha and beta,
// in G1; tau^1..tau^(n-1) and beta in G2.
func commonsBytes(n int) int {
	return (4*n-2)*bn254.SizeOfG1AffineCompressed + n*bn254.SizeOfG2AffineCompressed
}

// encodePowers writes the file of powers of tau.
func encodePowers(c *mpcsetup.SrsCommons) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(powersBytes(len(c.G2.Tau)))
	out.WriteString(powersMagic)
	if _, err := c.WriteTo(&out); err != nil {
		return nil, fmt.Errorf("write powers of tau: %w", err)
	}
	return out.Bytes(), nil
}

// parsePowers reads a file of powers for a domain of exactly n points, checks that they are
// points of the groups in canonical form, and no more.
func parsePowers(data []byte, n int) (*mpcsetup.SrsCommons, error) {
	rest, ok := bytes.CutPrefix(data, []byte(powersMagic))
	if !ok || len(data) != powersBytes(n) || binary.BigEndian.Uint64(rest) != uint64(n) {
		return nil, fmt.Errorf("%w: no file of powers for %d points", ErrPowers, n)
	}
	c := &mpcsetup.SrsCommons{}
	in := bytes.NewReader(rest)
	if _, err := c.ReadFrom(in); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPowers, err)
	}
	back, err := encodePowers(c)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(back, data) {
		return nil, fmt.Errorf("%w: not in their canonical form", ErrPowers)
	}
	return c, nil
}

// importPowers reads powers for at least n points, in this package's format or that of ptau
// files, cuts them to n points and checks them.
func importPowers(data []byte, n int) (*mpcsetup.SrsCommons, error) {
	var c *mpcsetup.SrsCommons
	var err error
	if bytes.HasPrefix(data, []byte(ptauMagic)) {
		c, err = parsePtau(data, n)
	} else {
		var all int
		if all, err = powersDomain(data); err == nil {
			c, err = parsePowers(data, all)
		}
	}
	if err != nil {
		return nil, err
	}
	if len(c.G2.Tau) < n {
		return nil, fmt.Errorf("%w: for %d points, %d are needed", ErrPowers, len(c.G2.Tau), n)
	}
	c.G1.Tau, c.G2.Tau = c.G1.Tau[:2*n-1], c.G2.Tau[:n]
	c.G1.AlphaTau, c.G1.BetaTau = c.G1.AlphaTau[:n], c.G1.BetaTau[:n]
	return c, checkPowers(c)
}

// powersDomain reads the number of points from a file's head.
func powersDomain(data []byte) (int, error) {
	rest, ok := bytes.CutPrefix(data, []byte(powersMagic))
	if !ok || len(rest) < domainBytes {
		return 0, fmt.Errorf("%w: neither of this format nor a ptau file", ErrPowers)
	}
	n := binary.BigEndian.Uint64(rest)
	if n > 1<<domainBitsMax || bits.OnesCount64(n) != 1 {
		return 0, fmt.Errorf("%w: for %d points", ErrPowers, n)
	}
	return int(n), nil
}

// checkPowers returns [ErrPowers] unless c has the powers of one tau, times one alpha and one
// beta, none of which is 0 or 1.
func checkPowers(c *mpcsetup.SrsCommons) error {
	_, _, g1, g2 := bn254.Generators()
	if c.G1.Tau[0] != g1 || c.G2.Tau[0] != g2 {
		return fmt.Errorf("%w: over other generators", ErrPowers)
	}
	secrets := []bn254.G1Affine{c.G1.Tau[1], c.G1.AlphaTau[0], c.G1.BetaTau[0]}
	for i, p := range secrets {
		if p.IsInfinity() || p == g1 || p == secrets[(i+1)%len(secrets)] {
			return fmt.Errorf("%w: a secret is 0, 1 or another secret", ErrPowers)
		}
	}
	err := group.SameRatioMany(c.G1.Tau, c.G2.Tau, c.G1.AlphaTau, c.G1.BetaTau)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPowers, err)
	}
	var minus bn254.G1Affine
	minus.Neg(&g1)
	same, err := bn254.PairingCheck([]bn254.G1Affine{c.G1.BetaTau[0], minus},
		[]bn254.G2Affine{g2, c.G2.Beta})
	if err != nil || !same {
		return fmt.Errorf("%w: beta differs between the groups", errors.Join(ErrPowers, err))
	}
	return nil
}
