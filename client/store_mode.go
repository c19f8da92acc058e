//go:build !windows && !js

package client

import "io/fs"

// isWorldWritable reports whether somebody else could replace files in a folder of mode m.
func isWorldWritable(m fs.FileMode) bool { return m.Perm()&0o022 != 0 && m&fs.ModeSticky == 0 }

// isShared reports whether somebody else may read or change a file of mode m.
func isShared(m fs.FileMode) bool { return m.Perm()&0o077 != 0 }
