// Package identity turns a Plan into what a proof of its run has to show: identities between
// polynomials with integer coefficients, each modulo one prime and X^N+1.
//
//   - [Build] makes the [System] of a Plan: polynomials ([Poly]), identities, and how the
//     identities of a prime are combined ([Group]). Public polynomials are those of inputs,
//     outputs, encoded constants and keys; wires are the integers of a run that only the
//     prover knows. Prover and verifier build the same System by themselves.
//   - [Publics] holds the public polynomials of one task, checked and lifted to integers.
//   - [Collector] is the recorder that an engine fills while it runs the Plan; [Witness] is
//     what it has then, together with the values that follow.
//   - [CheckExact] checks every identity with big integers: the oracle of the tests.
//
// # How steps become identities
//
// Each residue polynomial of a register is kept as a sum of products of polynomials, with
// coefficients modulo its prime, and most steps only rewrite such sums. New wires are made
// where a step rounds or takes digits: these integers are shared by all primes. A sum becomes
// a wire of its own (KindValue) only if a product needs a short factor, if a rotation would
// carry many factors along, or if it grew too large. Integers above 60 bits are parts in
// base 2^48, each of them a wire.
//
// # Bounds
//
// An identity means something only if its two sides cannot differ by a multiple of the
// field's modulus r. [System.Check] adds up what every product is proven to be below, with
// exact integers: public polynomials by their range, wires by 36.7 sqrt(N) times their honest
// bound, which is what projections show. It fails closed: a Plan whose combinations could
// reach r/2 has no System. Honest bounds are worst cases whatever the inputs and keys are,
// so that no client can make an honest prover fail.
//
// # Caveats
//
// The identities say that outputs are what the Plan's steps make of the inputs up to the
// freedom that wires have: a rounding or digit may differ from the engine's by multiples of
// its modulus within the proven bound. CheckExact takes time quadratic in N. Nothing here is
// constant time: the polynomials are those of ciphertexts.
package identity
