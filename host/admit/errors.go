package admit

import (
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
)

// Error says why a module was refused. It wraps [abi.ErrModule].
type Error struct {
	// Section is the section in which the module was refused: "header", "type", "code" …
	Section string
	// Offset is the byte of the file at which it was noticed.
	Offset int
	// Problem says what is wrong there.
	Problem string
	// Value and Limit are set when a count passes a limit; Limit is 0 otherwise.
	Value, Limit uint64
	// Fix says what the author can do, empty if the file is simply damaged.
	Fix string
}

// Error implements error.
func (e *Error) Error() string {
	text := fmt.Sprintf("%v: %s section, byte %d: %s", abi.ErrModule, e.Section, e.Offset,
		e.Problem)
	if e.Limit != 0 {
		text += fmt.Sprintf(" (%d, at most %d)", e.Value, e.Limit)
	}
	if e.Fix != "" {
		text += ": " + e.Fix
	}
	return text
}

// Unwrap returns [abi.ErrModule].
func (e *Error) Unwrap() error { return abi.ErrModule }
