//go:build slow

package fhetest_test

// largeSets includes ckks-15 and ckks-16 in the known answers; they take a minute.
const largeSets = true
