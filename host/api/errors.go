package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect"

	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
)

// Error is a refusal: what a backend returns for a request that it will not or cannot
// fulfil. Reason must be one of [Reasons]. Message, Field and Fix reach the caller and
// carry names, numbers and digests only.
type Error struct {
	Reason Reason
	// Message says what is wrong.
	Message string
	// Field is the field of the request that is at fault, "" if none is.
	Field string
	// Fix says what the caller can do; "" takes the reason's own.
	Fix string
}

// Error implements error.
func (e *Error) Error() string { return string(e.Reason) + ": " + e.Message }

// Is makes errors.Is match any Error of the same reason.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Reason == e.Reason
}

// Refuse builds an [*Error] with the reason's own fix.
func Refuse(reason Reason, field, format string, args ...any) *Error {
	return &Error{Reason: reason, Field: field, Message: fmt.Sprintf(format, args...)}
}

// connectError turns any error into what a caller may see.
func connectError(ctx context.Context, log *slog.Logger, procedure string, err error) error {
	var refusal *Error
	var invalid *protovalidate.ValidationError
	var known *connect.Error
	switch {
	case errors.As(err, &refusal):
	case errors.As(err, &invalid):
		refusal = invalidRequest(invalid)
	case errors.As(err, &known):
		refusal = refusalOf(known)
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		refusal = Refuse(DeadlineExceeded, "", "the request's deadline is over")
	case ctx.Err() != nil:
		refusal = Refuse(Cancelled, "", "the caller went away")
	default:
		log.ErrorContext(ctx, "request failed", "procedure", procedure, "error", err)
		refusal = Refuse(Internal, "", "the node failed; its log says why")
	}
	return refusal.connect()
}

// connect builds the error that goes over the wire.
func (e *Error) connect() *connect.Error {
	row := e.Reason.row()
	out := connect.NewError(row.Code, errors.New(e.Message))
	fix := e.Fix
	if fix == "" {
		fix = row.Fix
	}
	detail, err := connect.NewErrorDetail(&cerberusv1.ErrorDetail{
		Reason: string(row.Reason), Field: e.Field, Fix: fix,
	})
	if err == nil { // a message without extensions always encodes
		out.AddDetail(detail)
	}
	return out
}

// invalidRequest names the first field that breaks the schema.
func invalidRequest(err *protovalidate.ValidationError) *Error {
	if len(err.Violations) == 0 {
		return Refuse(InvalidArgument, "", "the request does not fit the schema")
	}
	first := err.Violations[0].Proto
	return Refuse(InvalidArgument, protovalidate.FieldPathString(first.GetField()), "%s",
		first.GetMessage())
}

// refusalOf keeps the code of an error that Connect itself made: an unknown method, a body
// that is no message, a message that is too large.
func refusalOf(err *connect.Error) *Error {
	reason := Internal
	switch err.Code() {
	case connect.CodeInvalidArgument:
		reason = Malformed
	case connect.CodeResourceExhausted:
		reason = TooLarge
	case connect.CodeUnimplemented:
		reason = Unimplemented
	case connect.CodeCanceled:
		reason = Cancelled
	case connect.CodeDeadlineExceeded:
		reason = DeadlineExceeded
	default:
	}
	return Refuse(reason, "", "%s", err.Message())
}

// WriteError answers a request that was refused before it reached a handler, in the
// protocol that the request speaks.
func WriteError(w http.ResponseWriter, r *http.Request, refusal *Error) error {
	writer := connect.NewErrorWriter()
	if err := writer.Write(w, r, refusal.connect()); err != nil {
		return fmt.Errorf("write error: %w", err)
	}
	return nil
}
