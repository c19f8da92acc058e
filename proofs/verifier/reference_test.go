package verifier_test

import (
	"math/big"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/protocol"
)

// poly is a polynomial of any degree with integer coefficients.
type poly []*big.Int

// reference is a prover that follows proofs/DESIGN.md word by word with big integers and
// schoolbook products. It is the oracle of the fast one, and it forges where it is told to.
type reference struct {
	*scene
	shape   *protocol.Shape
	session *protocol.Session
	proof   *protocol.Proof
	ch      protocol.Challenges
	matrix  *protocol.Projection
	// polys are the coefficients of all polynomials of the System.
	polys []poly
	h     [][]fr.Element
	forge forgery
}

// forgery are the places where a forger acts. All are nil in an honest proof.
type forgery struct {
	// wires changes what is committed, late what is used after that was committed, and
	// beyond what is used after the projections were sent.
	wires, late, beyond func(r *reference)
	// quotients changes quotients before they are committed; exact makes them solve their
	// identities modulo the field, whatever their size.
	quotients func(r *reference)
	exact     bool
	rows      func(r *reference, rows [][protocol.Rows]protocol.Row)
	h         func(h [][]fr.Element)
	// withoutH leaves the quotient by X^N+1 out of what is opened.
	withoutH bool
	// claims changes the claimed values; proof changes the finished proof.
	claims func(r *reference, values []fr.Element)
	proof  func(p *protocol.Proof)
}

// newReference reads publics and witness.
func newReference(s *scene, f forgery) (*reference, error) {
	v := s.Setup.Verifier()
	sh, err := protocol.NewShape(s.System, v.Size(), v.OpeningBytes())
	if err != nil {
		return nil, err
	}
	r := &reference{
		scene: s, shape: sh, proof: &protocol.Proof{}, forge: f,
		session: protocol.NewSession(sh, s.Statement, v.Digest()),
		polys:   make([]poly, len(s.System.Polys)),
	}
	for at := range r.polys {
		var coeffs []int64
		switch {
		case at < s.System.Wires:
			if coeffs, err = s.Public.Coeffs(s.System, at); err != nil {
				return nil, err
			}
		case at < s.System.Quotients:
			coeffs = s.Witness.Coeffs(at)
		default:
			coeffs = make([]int64, sh.Degree)
		}
		for _, c := range coeffs {
			r.polys[at] = append(r.polys[at], big.NewInt(c))
		}
	}
	return r, nil
}

// prove makes a proof or a forgery.
func (r *reference) prove() ([]byte, error) {
	call := func(f func(r *reference)) {
		if f != nil {
			f(r)
		}
	}
	call(r.forge.wires)
	r.proof.Wires = r.commitAll(r.shape.Wires)
	r.ch.Combinations = r.session.Wires(r.Keys, r.proof.Wires)
	call(r.forge.late)
	r.divide()
	call(r.forge.quotients)
	r.proof.Quotients = r.commitAll(r.shape.Quotients)
	r.matrix = r.session.Quotients(r.proof.Quotients)
	r.project()
	r.ch.Delta = r.session.Projections(r.proof.Projections)
	call(r.forge.beyond)
	r.combine()
	r.ch.Gamma = r.session.H(r.proof.H)
	r.claim()
	r.ch.Rho, r.ch.Tau = r.session.Claims(r.proof.Claims)
	r.open()
	if r.forge.proof != nil {
		r.forge.proof(r.proof)
	}
	return r.proof.Encode(r.shape)
}

// commitAll commits to polynomials as field elements.
func (r *reference) commitAll(polys []int) [][]bn254.G1Affine {
	out := make([][]bn254.G1Affine, len(polys))
	for i, at := range polys {
		out[i] = r.commit(elements(r.polys[at]))
	}
	return out
}

func (r *reference) commit(w []fr.Element) []bn254.G1Affine {
	var out []bn254.G1Affine
	for b := range r.shape.Blocks {
		c, err := r.Setup.CommitScalars(r.block(w, b))
		if err != nil {
			panic(err)
		}
		out = append(out, c)
	}
	return out
}

// block returns block b of a vector of N entries, padded to the opening's size.
func (r *reference) block(w []fr.Element, b int) []fr.Element {
	out := make([]fr.Element, r.shape.Size)
	copy(out, w[b*r.shape.Size:])
	return out
}

// publicVectors returns the views at gamma, then the projection vector.
func (r *reference) publicVectors() [][]fr.Element {
	var out [][]fr.Element
	powers := protocol.Powers(r.ch.Gamma, r.shape.Degree)
	for _, galois := range r.System.Views {
		out = append(out, protocol.Turned(powers, galois))
	}
	return append(out, r.matrix.Powers(r.ch.Rho))
}

func elements(p poly) []fr.Element {
	out := make([]fr.Element, len(p))
	for i := range p {
		out[i].SetBigInt(p[i])
	}
	return out
}

// factor returns a factor of an identity, reduced modulo X^N+1.
func (r *reference) factor(prime int, f identity.Factor) poly {
	n := len(r.polys[f.Poly])
	out := make(poly, n)
	for i, c := range r.polys[f.Poly] {
		at := i * int(f.Galois) % (2 * n)
		if at < n {
			out[at] = c
		} else {
			out[at-n] = new(big.Int).Neg(c)
		}
	}
	if f.Scale != 1 {
		q := new(big.Int).SetUint64(r.System.Prime(prime))
		for i := range out {
			x := new(big.Int).SetUint64(f.Scale)
			x.Mod(x.Mul(x, out[i]), q)
			out[i] = big.NewInt(identity.Lift(x.Uint64(), q.Uint64()))
		}
	}
	return out
}

// identityOf returns the left side of an identity: products are not reduced.
func (r *reference) identityOf(at int) poly {
	id := r.System.Identities[at]
	out := zeros((r.System.HBlocks + 1) * r.shape.Degree)
	for _, t := range id.Terms {
		product := poly{big.NewInt(t.Coef)}
		for _, f := range t.Factors {
			product = multiply(product, r.factor(id.Prime, f))
		}
		for i := range product {
			out[i].Add(out[i], product[i])
		}
	}
	return out
}

func zeros(n int) poly {
	out := make(poly, n)
	for i := range out {
		out[i] = new(big.Int)
	}
	return out
}

func multiply(a, b poly) poly {
	out := zeros(len(a) + len(b) - 1)
	x := new(big.Int)
	for i := range a {
		for j := range b {
			out[i+j].Add(out[i+j], x.Mul(a[i], b[j]))
		}
	}
	return out
}

// combination returns what a combination's identities add up to.
func (r *reference) combination(c protocol.Combination) poly {
	g := r.System.Groups[c.Group]
	out := zeros((r.System.HBlocks + 1) * r.shape.Degree)
	for k, id := range g.Identities {
		weight := big.NewInt(1)
		if g.Rounds > 0 {
			weight.SetUint64(r.ch.Combinations[c.Group][c.Round][k])
		}
		for i, x := range r.identityOf(id) {
			out[i].Add(out[i], x.Mul(x, weight))
		}
	}
	return out
}

// divide computes the quotients by the primes: exact ones or, where an identity does not
// hold, the nearest.
func (r *reference) divide() {
	n := r.shape.Degree
	for _, c := range r.shape.Combinations() {
		g := r.System.Groups[c.Group]
		sum := r.combination(c)
		q := new(big.Int).SetUint64(r.System.Prime(g.Prime))
		parts := g.Quotients[c.Round]
		for i := range n {
			x := new(big.Int)
			for b := range r.System.HBlocks + 1 {
				if b%2 == 0 {
					x.Add(x, sum[b*n+i])
				} else {
					x.Sub(x, sum[b*n+i])
				}
			}
			if r.forge.exact {
				r.polys[parts[0]][i] = x.Mul(x, new(big.Int).ModInverse(q, fr.Modulus()))
				continue
			}
			split, err := identity.SplitParts(x.Div(x, q), len(parts))
			if err != nil {
				panic(err)
			}
			for k, at := range parts {
				r.polys[at][i] = big.NewInt(split[k])
			}
		}
	}
}

// project sends Pi*w, as integers.
func (r *reference) project() {
	list := r.shape.Projected()
	r.proof.Projections = make([][protocol.Rows]protocol.Row, len(list))
	for row := range protocol.Rows {
		var unit [protocol.Rows]fr.Element
		unit[row].SetOne()
		entries := r.matrix.Combine(&unit)
		for i, at := range list {
			sum := new(big.Int)
			for k, c := range r.polys[at] {
				switch {
				case entries[k].IsOne():
					sum.Add(sum, c)
				case !entries[k].IsZero():
					sum.Sub(sum, c)
				}
			}
			r.proof.Projections[i][row], _ = protocol.RowOf(sum)
		}
	}
	if r.forge.rows != nil {
		r.forge.rows(r, r.proof.Projections)
	}
}

// combine divides the sum of all combinations by X^N+1. What remains is left out.
func (r *reference) combine() {
	n := r.shape.Degree
	sum := make([]fr.Element, (r.System.HBlocks+1)*n)
	power := fr.One()
	for _, c := range r.shape.Combinations() {
		g := r.System.Groups[c.Group]
		all := r.combination(c)
		for part, at := range g.Quotients[c.Round] {
			q := new(big.Int).SetUint64(r.System.Prime(g.Prime))
			q.Lsh(q, uint(part*identity.PartBits))
			for i, x := range r.polys[at] {
				all[i].Sub(all[i], new(big.Int).Mul(x, q))
			}
		}
		for i, x := range elements(all) {
			x.Mul(&x, &power)
			sum[i].Add(&sum[i], &x)
		}
		power.Mul(&power, &r.ch.Delta)
	}
	quotient := make([]fr.Element, r.System.HBlocks*n)
	for i := len(sum) - 1; i >= n; i-- {
		quotient[i-n] = sum[i]
		sum[i-n].Sub(&sum[i-n], &sum[i])
	}
	for b := range r.System.HBlocks {
		r.h = append(r.h, quotient[b*n:(b+1)*n])
	}
	if r.forge.h != nil {
		r.forge.h(r.h)
	}
	for b := range r.h {
		r.proof.H = append(r.proof.H, r.commit(r.h[b])...)
	}
}

// value evaluates a factor at gamma.
func (r *reference) value(prime int, f identity.Factor) fr.Element {
	var out fr.Element
	w := elements(r.factor(prime, f))
	for i := len(w) - 1; i >= 0; i-- {
		out.Mul(&out, &r.ch.Gamma).Add(&out, &w[i])
	}
	return out
}

func (r *reference) claim() {
	for _, f := range r.System.Claims {
		r.proof.Claims = append(r.proof.Claims, r.value(0, f))
	}
	if r.forge.claims != nil {
		r.forge.claims(r, r.proof.Claims)
	}
}

// open runs the sum-check over the table of all vectors and opens what remains.
func (r *reference) open() {
	sh := r.shape
	claim := sh.Claim(&r.ch, protocol.Values{Factor: r.value}, r.proof.Claims, r.proof.Projections)
	public := r.publicVectors()
	y, w := make([][]fr.Element, 1<<sh.Rounds), make([][]fr.Element, 1<<sh.Rounds)
	for i := range y {
		y[i], w[i] = make([]fr.Element, sh.Size), make([]fr.Element, sh.Size)
	}
	for a := range public {
		folded := make([]fr.Element, sh.Degree)
		for at, coef := range claim.Coefs[a] {
			addScaled(folded, elements(r.polys[at]), coef)
		}
		for b := range r.h {
			if a == 0 && !r.forge.withoutH {
				addScaled(folded, r.h[b], &claim.H[b])
			}
		}
		for b := range sh.Blocks {
			copy(y[a*sh.Blocks+b], r.block(public[a], b))
			copy(w[a*sh.Blocks+b], r.block(folded, b))
		}
	}
	for range sh.Rounds {
		var two fr.Element
		two.SetUint64(2)
		round := [2]fr.Element{
			product(bind(y, fr.Element{}), bind(w, fr.Element{})),
			product(bind(y, two), bind(w, two)),
		}
		r.proof.SumCheck = append(r.proof.SumCheck, round)
		x := r.session.SumCheck(round)
		y, w = bind(y, x), bind(w, x)
	}
	// The opening in the clear is the vector; opening.Clear would not open a false claim.
	for i := range w[0] {
		raw := w[0][i].Bytes()
		r.proof.Opening = append(r.proof.Opening, raw[:]...)
	}
}

func addScaled(out, in []fr.Element, by *fr.Element) {
	for i := range in {
		var x fr.Element
		x.Mul(&in[i], by)
		out[i].Add(&out[i], &x)
	}
}

// bind puts x in the place of the lowest bit of the index.
func bind(v [][]fr.Element, x fr.Element) [][]fr.Element {
	var out [][]fr.Element
	one := fr.One()
	one.Sub(&one, &x)
	for i := 0; i < len(v); i += 2 {
		sum := make([]fr.Element, len(v[i]))
		addScaled(sum, v[i], &one)
		addScaled(sum, v[i+1], &x)
		out = append(out, sum)
	}
	return out
}

func product(y, w [][]fr.Element) fr.Element {
	var sum fr.Element
	for i := range y {
		for k := range y[i] {
			var x fr.Element
			x.Mul(&y[i][k], &w[i][k])
			sum.Add(&sum, &x)
		}
	}
	return sum
}

// residual is what the identities at gamma lack to be true if the claimed values were, all
// other claims left out: tau is 0.
func (r *reference) residual(claims []fr.Element) fr.Element {
	ch := r.ch
	ch.Tau.SetZero()
	c := r.shape.Claim(&ch, protocol.Values{Factor: r.value}, claims,
		make([][protocol.Rows]protocol.Row, len(r.shape.Projected())))
	var sum fr.Element
	for a, galois := range r.System.Views {
		for at, coef := range c.Coefs[a] {
			x := r.value(0, identity.Factor{Poly: at, Galois: galois, Scale: 1})
			x.Mul(&x, coef)
			sum.Add(&sum, &x)
		}
	}
	powers := protocol.Powers(r.ch.Gamma, r.shape.Degree)
	for b := range r.h {
		x := product([][]fr.Element{powers}, [][]fr.Element{r.h[b]})
		x.Mul(&x, &c.H[b])
		sum.Add(&sum, &x)
	}
	return *sum.Sub(&sum, &c.Target)
}
