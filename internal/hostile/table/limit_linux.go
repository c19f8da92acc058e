package main

import (
	"os"
	"syscall"
)

// limitAddressSpace keeps a module that takes all memory from taking the machine's.
func limitAddressSpace(bytes uint64) error {
	return syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: bytes, Max: bytes})
}

// peakBytes is the most memory that a process had that has ended.
func peakBytes(state *os.ProcessState) int64 {
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		return usage.Maxrss << 10
	}
	return 0
}
