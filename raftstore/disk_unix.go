//go:build linux || darwin

package raftstore

import (
	"fmt"
	"syscall"
)

// freeBytes returns the space in a directory's file system that this user may still use.
func freeBytes(dir string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("free space of the data directory: %w", err)
	}
	return s.Bavail * uint64(s.Bsize), nil
}
