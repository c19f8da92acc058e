package rns

import (
	"fmt"
	"math/big"
)

const (
	minSecureLogN = 10
	maxSecureLogN = 16
)

// MaxLogQP returns the largest width in bits of the full modulus Q*P at which a ring of
// degree 2^logN reaches 128-bit classical security with a uniform ternary secret and
// errors of standard deviation 3.2. It returns [ErrDegree] for other degrees than 2^10
// to 2^16.
//
// The values 26, 53, 106, 214, 430, 868, 1747 are Table 5.2 of "Security Guidelines for
// Implementing Homomorphic Encryption" (Bossuat et al., IACR ePrint 2024/463), the
// successor of the tables of the Homomorphic Encryption Standard (Albrecht et al.,
// homomorphicencryption.org, 2018). The older table has 27, 54, 109, 218, 438, 881 and
// ends at degree 2^15; what passes here passes there.
func MaxLogQP(logN int) (int, error) {
	limits := [...]int{26, 53, 106, 214, 430, 868, 1747}
	if logN < minSecureLogN || logN > maxSecureLogN {
		return 0, fmt.Errorf("%w: the security table covers log2 N from %d to %d, not %d",
			ErrDegree, minSecureLogN, maxSecureLogN, logN)
	}
	return limits[logN-minSecureLogN], nil
}

// LogQP returns the exact width in bits of the product of the primes of Q and P: the
// least b with Q*P < 2^b. It is an upper bound of log2(Q*P).
func (s PrimeSet) LogQP() int { return product(s.QP()).BitLen() }

// CheckSecurity returns nil if the set reaches 128-bit security by [MaxLogQP], and
// [ErrInsecure] or [ErrDegree] if not. It judges the numbers, never the name.
func (s PrimeSet) CheckSecurity() error {
	limit, err := MaxLogQP(s.LogN)
	if err != nil {
		return err
	}
	if width := s.LogQP(); width > limit {
		return fmt.Errorf("%w: log2(QP) is %d, the limit for ring degree 2^%d is %d",
			ErrInsecure, width, s.LogN, limit)
	}
	return nil
}

// product returns the product of the factors, 1 for none.
func product(factors []uint64) *big.Int {
	result := big.NewInt(1)
	for _, f := range factors {
		result.Mul(result, new(big.Int).SetUint64(f))
	}
	return result
}
