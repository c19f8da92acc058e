package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"
	"connectrpc.com/grpcreflect"
	"connectrpc.com/validate"

	"github.com/cerberus-host/cerberus/proto/gen/cerberus/v1/cerberusv1connect"
)

// MessageBytesMax bounds one request message; a chunk of a blob is a quarter of it.
const MessageBytesMax = 4 << 20

// Config is what the handler is made of. Backends, Caller and Authenticate are required.
type Config struct {
	Nodes  Nodes
	Blobs  Blobs
	Brains Brains
	Tasks  Tasks
	// Authenticate wraps a handler with the check of signatures: it refuses what is forged
	// and puts the caller into the context, where Caller finds it.
	Authenticate func(http.Handler) http.Handler
	// Caller returns who signed, or the zero Caller.
	Caller func(ctx context.Context) Caller
	// Ready says whether health checks answer "serving"; nil means always.
	Ready func() bool
	// Log receives errors that callers may not see; nil drops them.
	Log *slog.Logger
	// RequestsMax and WatchesMax bound the unary calls and the streams in flight; 0 means
	// the defaults.
	RequestsMax, WatchesMax int
}

// New builds the handler of all services. It fails only if the schema's own rules cannot be
// compiled.
func New(cfg Config) (http.Handler, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	validator, err := protovalidate.New()
	if err != nil {
		return nil, fmt.Errorf("compile the rules of the schema: %w", err)
	}
	limits := connect.WithHandlerOptions(
		connect.WithReadMaxBytes(MessageBytesMax),
		// Ciphertexts and keys do not compress, and a decompressor is one more thing to
		// bomb: no compression at all.
		connect.WithCompression("gzip", nil, nil),
		connect.WithRecover(cfg.recovered),
	)
	options := connect.WithHandlerOptions(limits, connect.WithInterceptors(
		&errorInterceptor{log: cfg.Log},
		validate.NewInterceptor(validate.WithValidator(validator), validate.WithoutErrorDetails()),
	))
	mux := http.NewServeMux()
	c := callers(cfg.Caller)
	mux.Handle(cerberusv1connect.NewNodeServiceHandler(nodeService{c, cfg.Nodes}, options))
	mux.Handle(cerberusv1connect.NewBlobServiceHandler(blobService{c, cfg.Blobs}, options))
	mux.Handle(cerberusv1connect.NewBrainServiceHandler(brainService{c, cfg.Brains}, options))
	mux.Handle(cerberusv1connect.NewTaskServiceHandler(taskService{c, cfg.Tasks}, options))
	mux.Handle(grpchealth.NewHandler(healthChecker{cfg.Ready}, limits))
	reflector := grpcreflect.NewStaticReflector(serviceNames()...)
	mux.Handle(grpcreflect.NewHandlerV1(reflector, limits))
	mux.Handle(grpcreflect.NewHandlerV1Alpha(reflector, limits))
	return cfg.guard(cfg.Authenticate(mux)), nil
}

func serviceNames() []string {
	return []string{
		cerberusv1connect.NodeServiceName, cerberusv1connect.BlobServiceName,
		cerberusv1connect.BrainServiceName, cerberusv1connect.TaskServiceName,
	}
}

// recovered answers a request whose handler panicked. What it panicked with may hold
// anything and goes to the log only.
func (cfg Config) recovered(
	ctx context.Context, spec connect.Spec, _ http.Header, cause any,
) error {
	cfg.Log.ErrorContext(ctx, "handler panicked", "procedure", spec.Procedure, "cause",
		fmt.Sprint(cause))
	return Refuse(Internal, "", "the node failed; its log says why").connect()
}

// healthChecker answers grpc.health.v1 for the node and each of its services.
type healthChecker struct{ ready func() bool }

// Check implements grpchealth.Checker.
func (h healthChecker) Check(
	_ context.Context, req *grpchealth.CheckRequest,
) (*grpchealth.CheckResponse, error) {
	known := req.Service == ""
	for _, name := range serviceNames() {
		known = known || name == req.Service
	}
	if !known {
		return nil, connect.NewError(connect.CodeNotFound,
			fmt.Errorf("service %.80q is unknown", req.Service))
	}
	if h.ready != nil && !h.ready() {
		return &grpchealth.CheckResponse{Status: grpchealth.StatusNotServing}, nil
	}
	return &grpchealth.CheckResponse{Status: grpchealth.StatusServing}, nil
}

// errorInterceptor turns the errors of everything inside it into what a caller may see.
type errorInterceptor struct{ log *slog.Logger }

// WrapUnary implements connect.Interceptor.
func (e *errorInterceptor) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		resp, err := next(ctx, req)
		if err != nil {
			return nil, connectError(ctx, e.log, req.Spec().Procedure, err)
		}
		return resp, nil
	}
}

// WrapStreamingClient implements connect.Interceptor; a server makes no calls.
func (e *errorInterceptor) WrapStreamingClient(
	next connect.StreamingClientFunc,
) connect.StreamingClientFunc {
	return next
}

// WrapStreamingHandler implements connect.Interceptor.
func (e *errorInterceptor) WrapStreamingHandler(
	next connect.StreamingHandlerFunc,
) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		if err := next(ctx, conn); err != nil {
			return connectError(ctx, e.log, conn.Spec().Procedure, err)
		}
		return nil
	}
}
