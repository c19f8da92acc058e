package validate

import (
	"errors"
	"fmt"

	"github.com/cerberus-host/cerberus/host/admit/wasm"
)

// ErrInvalid is returned when a module is not valid: its bytes are malformed, its types do
// not fit, or it passes a limit of this package.
var ErrInvalid = errors.New("invalid WebAssembly module")

// outside is the Function of errors outside bodies.
const outside = -1

// Error says why a module is not valid. It wraps [ErrInvalid].
type Error struct {
	// Section is the section: "header", "type", "code" …
	Section string
	// Function is the index of the function whose body it is about, imports counted; -1
	// outside bodies.
	Function int
	// Offset is the byte of the module: of the operator in a body, else near the entry.
	Offset int
	// Problem says in words what is wrong there.
	Problem string
}

// Error implements error.
func (e *Error) Error() string {
	where := e.Section + " section"
	if e.Function >= 0 {
		where += fmt.Sprintf(", function %d", e.Function)
	}
	return fmt.Sprintf("%v: %s, byte %d: %s", ErrInvalid, where, e.Offset, e.Problem)
}

// Unwrap returns [ErrInvalid].
func (e *Error) Unwrap() error { return ErrInvalid }

// inFunction turns an error of the reader into one of ours. Its offset, inside an operator,
// is kept.
func inFunction(err error, function int) error {
	if malformed, ok := errors.AsType[*wasm.Error](err); ok {
		return &Error{
			Section: malformed.Section, Function: function, Offset: malformed.Offset,
			Problem: malformed.Problem,
		}
	}
	return err
}
