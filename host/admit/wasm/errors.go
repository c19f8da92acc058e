package wasm

import (
	"errors"
	"fmt"
)

// ErrMalformed is returned when bytes are not the binary format of WebAssembly Core 2.0.
var ErrMalformed = errors.New("malformed WebAssembly module")

// Error says where a module is malformed. It wraps [ErrMalformed].
type Error struct {
	// Section is the section: "header", "type", "code" …
	Section string
	// Offset is the byte of the module at which it was noticed.
	Offset int
	// Problem says in words what is wrong there.
	Problem string
	// Unknown says that there stands an operator, a type, a section or a form that Core 2.0
	// does not have; some proposals do.
	Unknown bool
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("%v: %s section, byte %d: %s", ErrMalformed, e.Section, e.Offset, e.Problem)
}

// Unwrap returns [ErrMalformed].
func (e *Error) Unwrap() error { return ErrMalformed }
