//go:build unix

package blob

import (
	"fmt"
	"math"
	"syscall"
)

// freeBytes asks for what an ordinary user can still write, without the reserve of root.
func freeBytes(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("ask for free space: %w", err)
	}
	blocks, size := s.Bavail, uint64(s.Bsize)
	if size != 0 && blocks > math.MaxInt64/size {
		return math.MaxInt64, nil
	}
	return int64(blocks * size), nil
}
