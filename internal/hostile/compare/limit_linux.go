package main

import "syscall"

// limitAddressSpace keeps a module that takes all memory from taking the machine's.
func limitAddressSpace(bytes uint64) error {
	return syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: bytes, Max: bytes})
}
