// Command guest is computed on by the tests: work of several kinds, each an export.
package main

import (
	"crypto/sha256"
	"encoding/binary"
	"sort"
	"strings"
)

func main() {}

// hash hashes 64 KiB and returns four bytes of the digest.
//
//go:wasmexport hash
func hash(seed uint32) uint32 {
	data := make([]byte, 64<<10)
	for i := range data {
		data[i] = byte(seed + uint32(i)*7)
	}
	sum := sha256.Sum256(data)
	return binary.LittleEndian.Uint32(sum[:])
}

// order sorts n numbers and returns a sum that depends on their order.
//
//go:wasmexport order
func order(n uint32) uint32 {
	numbers := make([]int, n)
	state := uint32(1)
	for i := range numbers {
		state = state*1664525 + 1013904223
		numbers[i] = int(state >> 8)
	}
	sort.Ints(numbers)
	var sum uint32
	for i, v := range numbers {
		sum = sum*31 + uint32(v) ^ uint32(i)
	}
	return sum
}

// recurse is Fibonacci's sequence.
//
//go:wasmexport recurse
func recurse(n uint32) uint32 { return fibonacci(n) }

func fibonacci(n uint32) uint32 {
	if n < 2 {
		return n
	}
	return fibonacci(n-1) + fibonacci(n-2)
}

// product sums products of floats.
//
//go:wasmexport product
func product(n uint32) float64 {
	a, b := make([]float64, n), make([]float64, n)
	for i := range a {
		a[i], b[i] = float64(i)/3, float64(n)-float64(i)/7
	}
	var sum float64
	for range 16 {
		for i := range a {
			sum += a[i] * b[i]
		}
	}
	return sum
}

// words builds and looks up strings.
//
//go:wasmexport words
func words(n uint32) uint32 {
	seen := map[string]uint32{}
	var b strings.Builder
	for i := range n {
		b.Reset()
		for k := i; k > 0; k /= 7 {
			b.WriteByte('a' + byte(k%7))
		}
		seen[strings.ToUpper(b.String())] += i
	}
	var sum uint32
	for _, v := range seen {
		sum += v
	}
	return sum
}
