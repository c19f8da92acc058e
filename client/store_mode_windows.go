package client

import "io/fs"

// isWorldWritable is always false: Windows keeps access rights outside the file mode, and
// a folder in the user's profile is private to the user.
func isWorldWritable(fs.FileMode) bool { return false }
