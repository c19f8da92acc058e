//go:build !slow

package fhetest_test

// largeSets leaves ckks-15 and ckks-16 to the slow tests.
const largeSets = false
