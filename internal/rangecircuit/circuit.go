package rangecircuit

import (
	"fmt"
	"math/big"

	"github.com/consensys/gnark/frontend"
	"github.com/consensys/gnark/std/multicommit"
	"github.com/consensys/gnark/std/rangecheck"
)

// circuit is one key switch. The first index of what both components have is the component;
// among the primes the special one is the last.
type circuit struct {
	// Digits, Remainders and Outputs are residues, Quotients signed integers plus half their
	// range.
	Digits, Remainders [][]frontend.Variable
	Outputs, Quotients [2][][]frontend.Variable
	// Cyclic are the quotients by X^N+1: any field elements.
	Cyclic [2][][]frontend.Variable

	instance *Instance
}

// newCircuit returns a circuit with room for the instance's values.
func newCircuit(in *Instance) *circuit {
	room := func(count int) [][]frontend.Variable {
		out := make([][]frontend.Variable, count)
		for i := range out {
			out[i] = make([]frontend.Variable, in.n)
		}
		return out
	}
	limbs := len(in.primes) - 1
	c := &circuit{instance: in, Digits: room(limbs), Remainders: room(2)}
	for k := range 2 {
		c.Outputs[k], c.Quotients[k] = room(limbs), room(limbs+1)
		c.Cyclic[k] = room(limbs + 1)
	}
	return c
}

// Define implements frontend.Circuit.
func (c *circuit) Define(api frontend.API) error {
	in := c.instance
	ranges := rangecheck.New(api)
	var committed []frontend.Variable
	check := func(poly []frontend.Variable, width int) {
		for _, x := range poly {
			ranges.Check(x, width)
		}
		committed = append(committed, poly...)
	}
	for i, poly := range c.Digits {
		check(poly, width(in.primes[i]))
	}
	for k := range 2 {
		check(c.Remainders[k], width(in.special()))
		for i := range in.primes {
			if i < len(in.primes)-1 {
				check(c.Outputs[k][i], width(in.primes[i]))
			}
			check(c.Quotients[k][i], in.quotientBits)
			committed = append(committed, c.Cyclic[k][i]...)
		}
	}
	multicommit.WithCommitment(api, c.identities, committed...)
	return nil
}

// identities checks every identity at one point: for each component and prime,
// sum - remainder = prime*quotient + (X^N+1)*cyclic for the special prime, and
// special*(output - switched) - sum + remainder = prime*quotient - (X^N+1)*cyclic otherwise.
func (c *circuit) identities(api frontend.API, point frontend.Variable) error {
	in := c.instance
	powers := make([]frontend.Variable, in.n+1)
	powers[0] = 1
	for i := range in.n {
		powers[i+1] = api.Mul(powers[i], point)
	}
	cyclotomic := api.Add(powers[in.n], 1)
	// Half of a quotient's range in every coefficient.
	ones := sum(api, powers[:in.n])
	shift := api.Mul(ones, new(big.Int).Lsh(big.NewInt(1), uint(in.quotientBits-1)))
	digits := make([]frontend.Variable, len(c.Digits))
	for j, poly := range c.Digits {
		digits[j] = private(api, poly, powers)
	}
	for k := range 2 {
		remainder := private(api, c.Remainders[k], powers)
		for i, q := range in.primes {
			var products []frontend.Variable
			for j := range digits {
				key := constant(api, in.keys[k][j][i], powers)
				products = append(products, api.Mul(key, digits[j]))
			}
			left := api.Sub(sum(api, products), remainder)
			cyclic := api.Mul(private(api, c.Cyclic[k][i], powers), cyclotomic)
			if i < len(in.primes)-1 {
				output := private(api, c.Outputs[k][i], powers)
				difference := api.Sub(output, constant(api, in.switched[k][i], powers))
				left = api.Sub(api.Mul(difference, in.special()), left)
				cyclic = api.Neg(cyclic)
			}
			quotient := api.Sub(private(api, c.Quotients[k][i], powers), shift)
			api.AssertIsEqual(left, api.Add(api.Mul(quotient, q), cyclic))
		}
	}
	return nil
}

// private evaluates a polynomial of private coefficients: a constraint each, and one to
// shorten the sum.
func private(api frontend.API, poly, powers []frontend.Variable) frontend.Variable {
	terms := make([]frontend.Variable, len(poly))
	for i := range poly {
		terms[i] = api.Mul(poly[i], powers[i])
	}
	return api.Mul(sum(api, terms), 1)
}

// constant evaluates a polynomial of constants, which costs one constraint to shorten.
func constant(api frontend.API, poly []uint64, powers []frontend.Variable) frontend.Variable {
	terms := make([]frontend.Variable, len(poly))
	for i := range poly {
		terms[i] = api.Mul(poly[i], powers[i])
	}
	return api.Mul(sum(api, terms), 1)
}

func sum(api frontend.API, terms []frontend.Variable) frontend.Variable {
	if len(terms) == 1 {
		return terms[0]
	}
	return api.Add(terms[0], terms[1], terms[2:]...)
}

// assign puts an honest run's values into a circuit.
func (c *circuit) assign() error {
	in := c.instance
	put := func(to []frontend.Variable, from []*big.Int) {
		for i := range to {
			to[i] = from[i]
		}
	}
	for j, poly := range in.digits {
		for i, x := range poly {
			c.Digits[j][i] = x
		}
	}
	half := new(big.Int).Lsh(big.NewInt(1), uint(in.quotientBits-1))
	for k := range 2 {
		reduced, cyclic := in.sums(k)
		last := len(in.primes) - 1
		remainder, quotient := divide(reduced[last], in.special())
		put(c.Remainders[k], remainder)
		shifted(quotient, half)
		put(c.Quotients[k][last], quotient)
		for i := range last {
			output, quotient, err := in.output(k, i, reduced[i], remainder)
			if err != nil {
				return err
			}
			shifted(quotient, half)
			put(c.Outputs[k][i], output)
			put(c.Quotients[k][i], quotient)
		}
		for i := range cyclic {
			put(c.Cyclic[k][i], cyclic[i])
		}
	}
	return nil
}

func shifted(poly []*big.Int, by *big.Int) {
	for _, x := range poly {
		x.Add(x, by)
	}
}

// divide returns remainders in [0, q) and quotients.
func divide(poly []*big.Int, q uint64) (remainders, quotients []*big.Int) {
	by := new(big.Int).SetUint64(q)
	for _, x := range poly {
		quotient, remainder := new(big.Int).DivMod(x, by, new(big.Int))
		remainders, quotients = append(remainders, remainder), append(quotients, quotient)
	}
	return remainders, quotients
}

// output returns the switched polynomial modulo prime i and the quotient of its identity.
func (in *Instance) output(component, i int, reduced, remainder []*big.Int) (
	output, quotient []*big.Int, err error,
) {
	q := new(big.Int).SetUint64(in.primes[i])
	special := new(big.Int).SetUint64(in.special())
	inverse := new(big.Int).ModInverse(special, q)
	if inverse == nil {
		return nil, nil, fmt.Errorf("%w: primes are not distinct", ErrInstance)
	}
	for at := range reduced {
		part := new(big.Int).Sub(reduced[at], remainder[at])
		x := new(big.Int).Mul(part, inverse)
		before := new(big.Int).SetUint64(in.switched[component][i][at])
		x.Add(x, before).Mod(x, q)
		output = append(output, x)
		left := new(big.Int).Sub(x, before)
		left.Mul(left, special).Sub(left, part)
		k, rest := new(big.Int).QuoRem(left, q, new(big.Int))
		if rest.Sign() != 0 {
			return nil, nil, fmt.Errorf("%w: an identity does not hold", ErrInstance)
		}
		quotient = append(quotient, k)
	}
	return output, quotient, nil
}
