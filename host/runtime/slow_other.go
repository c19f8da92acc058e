//go:build !race

package runtime

// slowdown is how much longer compiling may take than the limits say.
const slowdown = 1
