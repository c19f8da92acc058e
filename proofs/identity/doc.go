// Package identity turns a Plan into what a proof of its run has to show: identities between
// polynomials with integer coefficients, modulo one prime each.
package identity
