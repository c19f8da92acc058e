package rns

// PrimeFactors exposes the factorisation behind the search for primitive roots.
func PrimeFactors(n uint64) []uint64 { return primeFactors(n) }
