//go:build !windows

package client

import "io/fs"

// isWorldWritable reports whether somebody else could replace files in a folder of mode m.
func isWorldWritable(m fs.FileMode) bool { return m.Perm()&0o022 != 0 && m&fs.ModeSticky == 0 }
