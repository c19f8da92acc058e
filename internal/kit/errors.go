package kit

import "errors"

var (
	// ErrSource is returned when the folder is not that of a Brain.
	ErrSource = errors.New("not a Brain's folder")
	// ErrToolchain is returned when there is no usable Go toolchain, or when it refused the
	// sources; its output is part of the message.
	ErrToolchain = errors.New("go build")
)
