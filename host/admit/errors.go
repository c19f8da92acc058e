package admit

import (
	"errors"
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/admit/validate"
	"github.com/cerberus-host/cerberus/host/admit/wasm"
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

// refusal turns the errors of the packages below into ours.
func refusal(err error) error {
	if malformed, ok := errors.AsType[*wasm.Error](err); ok {
		e := &Error{
			Section: malformed.Section, Offset: malformed.Offset, Problem: malformed.Problem,
		}
		if malformed.Unknown {
			e.Fix = "compile for WebAssembly 2.0 without threads, exceptions, tail calls and GC"
		}
		return e
	}
	if invalid, ok := errors.AsType[*validate.Error](err); ok {
		e := &Error{
			Section: invalid.Section, Offset: invalid.Offset, Problem: invalid.Problem,
		}
		if invalid.Function >= 0 {
			e.Problem = fmt.Sprintf("function %d: %s", invalid.Function, invalid.Problem)
		}
		return e
	}
	return err
}
