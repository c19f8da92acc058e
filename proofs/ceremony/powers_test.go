package ceremony_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/big"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fp"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/backend/groth16/bn254/mpcsetup"

	"github.com/cerberus-host/cerberus/proofs/ceremony"
)

// newPowers returns powers for n points from three small secrets.
func newPowers(n int, tau, alpha, beta int64) *mpcsetup.SrsCommons {
	_, _, g1, g2 := bn254.Generators()
	times := func(exponent int, factor int64) *big.Int {
		power := new(big.Int).Exp(big.NewInt(tau), big.NewInt(int64(exponent)), nil)
		return power.Mod(power.Mul(power, big.NewInt(factor)), fr.Modulus())
	}
	c := &mpcsetup.SrsCommons{}
	c.G1.Tau = make([]bn254.G1Affine, 2*n-1)
	for i := range c.G1.Tau {
		c.G1.Tau[i].ScalarMultiplication(&g1, times(i, 1))
	}
	c.G1.AlphaTau, c.G1.BetaTau = make([]bn254.G1Affine, n), make([]bn254.G1Affine, n)
	c.G2.Tau = make([]bn254.G2Affine, n)
	for i := range n {
		c.G1.AlphaTau[i].ScalarMultiplication(&g1, times(i, alpha))
		c.G1.BetaTau[i].ScalarMultiplication(&g1, times(i, beta))
		c.G2.Tau[i].ScalarMultiplication(&g2, times(i, 1))
	}
	c.G2.Beta.ScalarMultiplication(&g2, big.NewInt(beta))
	return c
}

func powersFile(t testing.TB, c *mpcsetup.SrsCommons) []byte {
	t.Helper()
	var out bytes.Buffer
	out.WriteString("cerberus powers of tau 1\n")
	if _, err := c.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// ptauFile writes the format of public powers-of-tau ceremonies.
func ptauFile(c *mpcsetup.SrsCommons) []byte {
	element := func(out []byte, e fp.Element) []byte {
		for _, word := range e {
			out = binary.LittleEndian.AppendUint64(out, word)
		}
		return out
	}
	g1 := func(points []bn254.G1Affine) (out []byte) {
		for _, p := range points {
			out = element(element(out, p.X), p.Y)
		}
		return out
	}
	g2 := func(points []bn254.G2Affine) (out []byte) {
		for _, p := range points {
			out = element(element(out, p.X.A0), p.X.A1)
			out = element(element(out, p.Y.A0), p.Y.A1)
		}
		return out
	}
	header := binary.LittleEndian.AppendUint32(nil, fp.Bytes)
	prime := fp.Modulus().FillBytes(make([]byte, fp.Bytes))
	for i := range prime {
		header = append(header, prime[fp.Bytes-1-i])
	}
	power := uint32(big.NewInt(int64(len(c.G2.Tau))).TrailingZeroBits())
	header = binary.LittleEndian.AppendUint32(header, power)
	header = binary.LittleEndian.AppendUint32(header, power)
	sections := [][]byte{
		header, g1(c.G1.Tau), g2(c.G2.Tau), g1(c.G1.AlphaTau), g1(c.G1.BetaTau),
		g2([]bn254.G2Affine{c.G2.Beta}), []byte("contributions"),
	}
	out := append([]byte("ptau"), 1, 0, 0, 0, byte(len(sections)), 0, 0, 0)
	for i, s := range sections {
		out = binary.LittleEndian.AppendUint32(out, uint32(i+1))
		out = binary.LittleEndian.AppendUint64(out, uint64(len(s)))
		out = append(out, s...)
	}
	return out
}

// TestImportPowers: a ceremony over public powers of tau, exactly enough or more, in either
// format, has one phase; the same powers give the same file.
func TestImportPowers(t *testing.T) {
	enough := newPowers(2*size, 12345, 678, 9012)
	more := newPowers(4*size, 12345, 678, 9012)
	var want []byte
	for name, file := range map[string][]byte{
		"own": powersFile(t, enough), "own, more": powersFile(t, more), "ptau": ptauFile(enough),
		"ptau, more": ptauFile(more),
	} {
		p := newParty(t, file)
		got := mustRead(t, p.folder, "powers")
		if want == nil {
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: another file", name)
		}
	}
	p := newParty(t, ptauFile(more))
	p.contribute(1, p.operators[0], p.outsider, p.operators[1])
	setup := p.finish(beacon2, 20)
	opens(t, setup)
	r, err := ceremony.Verify(context.Background(), p.folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Setup != setup.Verifier().Digest() || len(r.Contributions) != 3 || r.Rules.Powers.IsZero() {
		t.Errorf("report %+v", r)
	}
	other := powersFile(t, newPowers(2*size, 12346, 678, 9012))
	mustWrite(t, p.folder, "powers", other)
	if err := p.verifyError(); !errors.Is(err, ceremony.ErrPowers) {
		t.Errorf("other powers than the rules name: error %v", err)
	}
}

// TestRefusePowers: powers that are trivial, too few, not powers of one number or damaged.
func TestRefusePowers(t *testing.T) {
	good := newPowers(2*size, 12345, 678, 9012)
	changed := func(change func(c *mpcsetup.SrsCommons)) *mpcsetup.SrsCommons {
		c := newPowers(2*size, 12345, 678, 9012)
		change(c)
		return c
	}
	lists := map[string]*mpcsetup.SrsCommons{
		"too few":   newPowers(size, 12345, 678, 9012),
		"tau 1":     newPowers(2*size, 1, 678, 9012),
		"tau 0":     newPowers(2*size, 0, 678, 9012),
		"alpha 0":   newPowers(2*size, 12345, 0, 9012),
		"alpha 1":   newPowers(2*size, 12345, 1, 9012),
		"beta 1":    newPowers(2*size, 12345, 678, 1),
		"one twice": newPowers(2*size, 12345, 678, 678),
		"a power": changed(func(c *mpcsetup.SrsCommons) {
			c.G1.Tau[7] = c.G1.Tau[8]
		}),
		"the last power": changed(func(c *mpcsetup.SrsCommons) {
			c.G1.Tau[len(c.G1.Tau)-1] = c.G1.Tau[8]
		}),
		"a power of alpha": changed(func(c *mpcsetup.SrsCommons) {
			c.G1.AlphaTau[3] = c.G1.AlphaTau[4]
		}),
		"a power in G2": changed(func(c *mpcsetup.SrsCommons) { c.G2.Tau[3] = c.G2.Tau[4] }),
		"beta in G2":    changed(func(c *mpcsetup.SrsCommons) { c.G2.Beta = c.G2.Tau[3] }),
	}
	files := map[string][]byte{"nothing": {}, "a text": []byte("powers\n")}
	for name, c := range lists {
		files[name] = powersFile(t, c)
		files[name+", ptau"] = ptauFile(c)
	}
	for name, file := range map[string][]byte{"own": powersFile(t, good), "ptau": ptauFile(good)} {
		files[name+", truncated"] = file[:len(file)-1]
		files[name+", trailing"] = append(bytes.Clone(file), 0)
		damaged := bytes.Clone(file)
		damaged[len(file)/2] ^= 1
		files[name+", damaged"] = damaged
	}
	generator := ptauFile(changed(func(c *mpcsetup.SrsCommons) { c.G1.Tau[0] = c.G1.Tau[1] }))
	files["another generator"] = generator
	// A coordinate plus the prime is the same number and no canonical form.
	wide := ptauFile(good)
	for i := range 32 {
		wide[12+12+44+12+i] = 0xff
	}
	files["not canonical"] = wide
	for name, file := range files {
		rules := ceremony.Rules{Size: size, Beacon: "b", Source: "s", End2: at(20)}
		rules.Operators = append(rules.Operators, newSigner(t).Address())
		err := ceremony.Init(context.Background(), t.TempDir(), rules, bytes.NewReader(file), nil)
		if !errors.Is(err, ceremony.ErrPowers) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
