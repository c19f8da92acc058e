package worker

import (
	"context"
	"errors"
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/host/blob"
	"github.com/cerberus-host/cerberus/host/registry"
	"github.com/cerberus-host/cerberus/host/runtime"
)

// Cause is a stable word for why a task failed; the words are those of the replicated
// state's failure codes.
type Cause string

// The causes.
const (
	CauseGuest    Cause = "guest_failed"
	CauseDeadline Cause = "deadline_exceeded"
	CauseProgram  Cause = "program_mismatch"
	CauseBadInput Cause = "bad_input"
	CauseBlob     Cause = "blob_unavailable"
	CauseEngine   Cause = "engine_failed"
	CauseResource Cause = "resource_exhausted"
	CauseInternal Cause = "internal"
)

// Error is why an attempt at a task ended without a result.
type Error struct {
	Cause Cause
	// Field is the part of the task at fault: "inputs.NAME" or "key_set"; "" if none is.
	Field string
	// Retryable tells whether another attempt may succeed.
	Retryable bool
	Err       error
}

// Error implements error.
func (f *Error) Error() string {
	if f.Field == "" {
		return f.Err.Error()
	}
	return f.Field + ": " + f.Err.Error()
}

// Unwrap returns the cause of the failure.
func (f *Error) Unwrap() error { return f.Err }

// badInput is a fault of the client's; no attempt will help.
func badInput(field string, err error) *Error {
	return &Error{Cause: CauseBadInput, Field: field, Err: err}
}

// inputError tells an input that is too large from one that cannot be read.
func (w *Worker) inputError(name string, err error) error {
	if errors.Is(err, blob.ErrSize) {
		return badInput("inputs."+name, fmt.Errorf("%w: %w", fhe.ErrOperand, err))
	}
	return fmt.Errorf("read input %s: %w", name, err)
}

// engineFailure is an engine that refuses what passed every check before; what it says
// about operands is still the client's fault.
func engineFailure(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil || errors.Is(err, fhe.ErrOperand) || errors.Is(err, fhe.ErrFormat) ||
		errors.Is(err, fhe.ErrMissingKey) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return &Error{Cause: CauseEngine, Err: fmt.Errorf("%s: %w", doing, err)}
}

// classify turns an error of the packages below into a failure.
func classify(ctx context.Context, err error) *Error {
	var f *Error
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.Is(err, runtime.ErrDeadline):
		return &Error{Cause: CauseDeadline, Err: err}
	case ctx.Err() != nil:
		return &Error{Cause: CauseInternal, Retryable: true, Err: err}
	case errors.Is(err, blob.ErrDiskFull), errors.Is(err, blob.ErrQuota):
		return &Error{Cause: CauseResource, Retryable: true, Err: err}
	case errors.Is(err, blob.ErrUnknown), errors.Is(err, blob.ErrDamaged):
		return &Error{Cause: CauseBlob, Err: err}
	case errors.Is(err, registry.ErrInfer):
		return &Error{Cause: CauseGuest, Err: err}
	case errors.Is(err, registry.ErrProgram), errors.Is(err, registry.ErrPlan),
		errors.Is(err, registry.ErrArgs), errors.Is(err, abi.ErrModule):
		return &Error{Cause: CauseProgram, Err: err}
	case errors.Is(err, fhe.ErrOperand), errors.Is(err, fhe.ErrMissingKey),
		errors.Is(err, fhe.ErrFormat), errors.Is(err, fhe.ErrParams):
		return &Error{Cause: CauseBadInput, Err: err}
	}
	return &Error{Cause: CauseInternal, Retryable: true, Err: err}
}
