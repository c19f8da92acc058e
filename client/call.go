package client

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"connectrpc.com/connect"

	"github.com/cerberus-host/cerberus/proto/gen/cerberus/v1/cerberusv1connect"
)

const (
	// callTimeout bounds one call: a chunk over a slow line, or the node's look at a
	// submission's inputs.
	callTimeout = 2 * time.Minute
	// registerTimeout bounds a registration, in which the node compiles every Plan.
	registerTimeout = 30 * time.Minute
	// attemptsMax is how often a call is made that may be repeated.
	attemptsMax = 3
	// retryPause is the first pause between attempts; each one is four times longer.
	retryPause = 100 * time.Millisecond
)

// policy is how every call is made: with a deadline, and again if the connection broke and
// the call may be repeated.
type policy struct{}

var _ connect.Interceptor = policy{}

// WrapUnary implements connect.Interceptor.
func (policy) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		timeout := callTimeout
		if req.Spec().Procedure == cerberusv1connect.BrainServiceRegisterModuleProcedure {
			timeout = registerTimeout
		}
		pause := retryPause
		for attempt := 1; ; attempt++ {
			resp, err := bounded(ctx, timeout, next, req)
			if err == nil || !broken(err) || !repeatable(req.Spec()) || attempt == attemptsMax ||
				!rest(ctx, pause) {
				return resp, err
			}
			pause *= 4
		}
	}
}

// WrapStreamingClient implements connect.Interceptor.
func (policy) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// WrapStreamingHandler implements connect.Interceptor.
func (policy) WrapStreamingHandler(
	next connect.StreamingHandlerFunc,
) connect.StreamingHandlerFunc {
	return next
}

func bounded(
	ctx context.Context, timeout time.Duration, next connect.UnaryFunc, req connect.AnyRequest,
) (connect.AnyResponse, error) {
	ctx, stop := context.WithTimeout(ctx, timeout)
	defer stop()
	return next(ctx, req)
}

// repeatable reports whether a call does no more when made twice than when made once. Each
// attempt is signed anew, so the nonce is no obstacle. A status is asked for by callers that
// wait on their own.
func repeatable(spec connect.Spec) bool {
	switch spec.Procedure {
	case cerberusv1connect.NodeServiceGetStatusProcedure:
		return false
	case cerberusv1connect.BlobServiceStartUploadProcedure,
		cerberusv1connect.BlobServicePutChunkProcedure,
		cerberusv1connect.TaskServiceSubmitTaskProcedure: // it has an idempotency key
		return true
	}
	return spec.IdempotencyLevel == connect.IdempotencyNoSideEffects
}

// broken reports whether an attempt failed on the way, or on a node that asks to come back.
func broken(err error) bool {
	var ce *connect.Error
	if !errors.As(err, &ce) {
		return false
	}
	return ce.Code() == connect.CodeUnavailable || !connect.IsWireError(ce) && cut(ce)
}

// cut reports whether the cause of an error is a connection that ended early.
func cut(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &op)
}

// rest waits for a while, and reports false if ctx ended first.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
