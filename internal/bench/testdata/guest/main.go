//go:build wasip1

// Command work is a Brain that computes something in encode, for measuring: which work is
// set by the linker. It imports nothing of the host, so that it runs in any other.
package main

import (
	"crypto/sha256"
	"runtime"
	"slices"
)

// work is "hash", "sort" or "nothing"; sum keeps the compiler from leaving it out.
var (
	work string
	sum  byte
)

// init leaves room in the heap: a guest whose memory grows in a run is not restored.
func init() {
	room := make([]byte, 1<<20)
	sum ^= room[len(work)]
	runtime.GC()
}

func main() {}

//go:wasmexport cerberus_abi_v1
func marker() {}

//go:wasmexport encode
func encode() {
	switch work {
	case "hash":
		data := make([]byte, 64<<10)
		for range 20 {
			digest := sha256.Sum256(data)
			copy(data, digest[:])
			sum ^= digest[0]
		}
	case "sort":
		numbers := make([]int, 20_000)
		x := uint32(1)
		for i := range numbers {
			x ^= x << 13
			x ^= x >> 17
			x ^= x << 5
			numbers[i] = int(x)
		}
		slices.Sort(numbers)
		sum ^= byte(numbers[0])
	}
}

//go:wasmexport infer
func infer() {}

//go:wasmexport decode
func decode() {}
