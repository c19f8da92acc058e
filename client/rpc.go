package client

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect"

	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
)

// RPCError is a node's refusal: its message, the stable reason, the field at fault and the
// fix that the node suggests. It unwraps to [ErrRefused] or [ErrUnreachable].
type RPCError struct {
	// Doing says what the client was about.
	Doing string
	// Code is the Connect code.
	Code connect.Code
	// Message is the node's; Reason, Field and Fix come from its error detail.
	Message, Reason, Field, Fix string
	kind                        error
}

// Error implements error.
func (e *RPCError) Error() string {
	s := e.Doing + ": " + e.Message
	if e.Field != "" {
		s += " (field " + e.Field + ")"
	}
	if e.Fix != "" {
		s += "; " + e.Fix
	}
	return s
}

// Unwrap implements errors.Is for the kind of the error.
func (e *RPCError) Unwrap() error { return e.kind }

// wrapRPC turns a transport or Connect error into an [RPCError]; an error that is neither
// keeps its kind, and a context's end stays a context error.
func wrapRPC(doing string, err error) error {
	if err == nil {
		return nil
	}
	var ce *connect.Error
	if !errors.As(err, &ce) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if errors.Is(err, context.Canceled) || ce.Code() == connect.CodeCanceled {
		return fmt.Errorf("%s: %w", doing, context.Canceled)
	}
	e := &RPCError{Doing: doing, Code: ce.Code(), Message: ce.Message(), kind: ErrRefused}
	if ce.Code() == connect.CodeUnavailable || ce.Code() == connect.CodeDeadlineExceeded {
		e.kind = ErrUnreachable
	}
	for _, d := range ce.Details() {
		value, err := d.Value()
		if err != nil {
			continue
		}
		if detail, ok := value.(*cerberusv1.ErrorDetail); ok {
			e.Reason, e.Field, e.Fix = detail.GetReason(), detail.GetField(), detail.GetFix()
		}
	}
	return e
}
