//go:build race

package runtime

// slowdown is how much longer compiling may take in a program that looks for data races.
const slowdown = 20
