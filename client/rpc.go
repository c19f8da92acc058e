package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"connectrpc.com/connect"

	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
)

// nodeTextMax bounds a text of the node's that is shown.
const nodeTextMax = 1000

// RPCError is a node's refusal: its message, the stable reason, the field at fault and the
// fix that the node suggests. It unwraps to [ErrRefused] or [ErrUnreachable], and to the
// transport's error if the node did not answer.
type RPCError struct {
	// Doing says what the client was about.
	Doing string
	// Code is the Connect code.
	Code connect.Code
	// Message is the node's; Reason, Field and Fix come from its error detail. They are safe
	// for a terminal.
	Message, Reason, Field, Fix string
	kind, cause                 error
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

// Unwrap implements errors.Is and errors.As for the kind of the error and its cause.
func (e *RPCError) Unwrap() []error {
	if e.cause == nil {
		return []error{e.kind}
	}
	return []error{e.kind, e.cause}
}

// wrapRPC turns a transport or Connect error into an [RPCError]; an error that is neither
// keeps its kind, and a cancelled context stays a context error.
func wrapRPC(doing string, err error) error {
	if err == nil {
		return nil
	}
	var ce *connect.Error
	if !errors.As(err, &ce) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	wire := connect.IsWireError(ce)
	if !wire && (errors.Is(err, context.Canceled) || ce.Code() == connect.CodeCanceled) {
		return fmt.Errorf("%s: %w", doing, context.Canceled)
	}
	e := &RPCError{Doing: doing, Code: ce.Code(), Message: clean(ce.Message()), kind: ErrRefused}
	if !wire {
		e.cause = errors.Unwrap(ce)
	}
	if ce.Code() == connect.CodeUnavailable || ce.Code() == connect.CodeDeadlineExceeded ||
		broken(ce) {
		e.kind = ErrUnreachable
	}
	for _, d := range ce.Details() {
		value, err := d.Value()
		if err != nil {
			continue
		}
		if detail, ok := value.(*cerberusv1.ErrorDetail); ok {
			e.Reason, e.Field = clean(detail.GetReason()), clean(detail.GetField())
			e.Fix = clean(detail.GetFix())
		}
	}
	return e
}

// clean makes a text that a node sent fit for a terminal: a node must not move the cursor
// or hide what the client prints.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
	if len(s) > nodeTextMax {
		s = strings.ToValidUTF8(s[:nodeTextMax], "") + "…"
	}
	return s
}
