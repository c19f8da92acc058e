//go:build windows || js

package client

import "io/fs"

// isWorldWritable is always false: Windows keeps access rights outside the file mode, and
// a folder in the user's profile is private to the user; in a browser there are no modes.
func isWorldWritable(fs.FileMode) bool { return false }

// isShared is always false, for the same reasons.
func isShared(fs.FileMode) bool { return false }
