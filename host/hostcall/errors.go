package hostcall

import (
	"errors"
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
)

var (
	// ErrGuest is returned when the module's code reported an error, gave a result that
	// breaks its own manifest, or gave none.
	ErrGuest = errors.New("the Brain's code failed")
	// ErrHostCalls is returned when a run made more than [abi.HostCallsMax] host calls.
	ErrHostCalls = errors.New("too many host calls")
	// ErrStopped is returned when the run's [Meter] refused a charge; whoever set it knows why.
	ErrStopped = errors.New("the run was stopped")
	// ErrInternal is returned when a host function itself broke: a bug of this program.
	ErrInternal = errors.New("a host function failed")
	// ErrArgs is returned when public arguments are not one of the manifest's combinations.
	ErrArgs = errors.New("public arguments do not fit the manifest")
)

// RequestError says which field of a request does not fit the schema, never what is in it.
// It wraps [abi.ErrRequest].
type RequestError struct {
	// Field is the field's name, with the key of a numbers field as "field.key"; empty if
	// the document as a whole is meant.
	Field string
	// Problem says what is wrong and what would be right.
	Problem string
}

// Error implements error.
func (e *RequestError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("%v: %s", abi.ErrRequest, e.Problem)
	}
	return fmt.Sprintf("%v: field %.130q %s", abi.ErrRequest, e.Field, e.Problem)
}

// Unwrap returns [abi.ErrRequest].
func (e *RequestError) Unwrap() error { return abi.ErrRequest }

func requestError(field, format string, args ...any) error {
	return &RequestError{Field: field, Problem: fmt.Sprintf(format, args...)}
}
