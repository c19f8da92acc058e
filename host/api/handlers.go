package api

import (
	"context"

	"connectrpc.com/connect"

	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
)

// callers finds the verified caller of a request.
type callers func(ctx context.Context) Caller

// signed returns the caller, or refuses an anonymous one.
func (f callers) signed(ctx context.Context) (Caller, error) {
	c := f(ctx)
	if c.Anonymous() {
		return Caller{}, Refuse(Unauthenticated, "", "the call must be signed")
	}
	return c, nil
}

type nodeService struct {
	callers
	backend Nodes
}

func (s nodeService) GetStatus(
	ctx context.Context, _ *cerberusv1.GetStatusRequest,
) (*cerberusv1.GetStatusResponse, error) {
	return s.backend.Status(ctx)
}

func (s nodeService) SetRole(
	ctx context.Context, req *cerberusv1.SetRoleRequest,
) (*cerberusv1.SetRoleResponse, error) {
	caller, err := s.signed(ctx)
	if err != nil {
		return nil, err
	}
	return &cerberusv1.SetRoleResponse{}, s.backend.SetRole(ctx, caller, req)
}

func (s nodeService) ListRoles(
	ctx context.Context, _ *cerberusv1.ListRolesRequest,
) (*cerberusv1.ListRolesResponse, error) {
	return s.backend.Roles(ctx)
}

type blobService struct {
	callers
	backend Blobs
}

func (s blobService) StartUpload(
	ctx context.Context, req *cerberusv1.StartUploadRequest,
) (*cerberusv1.StartUploadResponse, error) {
	caller, err := s.signed(ctx)
	if err != nil {
		return nil, err
	}
	return s.backend.StartUpload(ctx, caller, req)
}

func (s blobService) PutChunk(
	ctx context.Context, req *cerberusv1.PutChunkRequest,
) (*cerberusv1.PutChunkResponse, error) {
	caller, err := s.signed(ctx)
	if err != nil {
		return nil, err
	}
	return &cerberusv1.PutChunkResponse{}, s.backend.PutChunk(ctx, caller, req)
}

func (s blobService) CommitUpload(
	ctx context.Context, req *cerberusv1.CommitUploadRequest,
) (*cerberusv1.CommitUploadResponse, error) {
	caller, err := s.signed(ctx)
	if err != nil {
		return nil, err
	}
	return s.backend.CommitUpload(ctx, caller, req)
}

func (s blobService) ReadBlob(
	ctx context.Context, req *cerberusv1.ReadBlobRequest,
) (*cerberusv1.ReadBlobResponse, error) {
	return s.backend.ReadBlob(ctx, s.callers(ctx), req)
}

func (s blobService) StatBlob(
	ctx context.Context, req *cerberusv1.StatBlobRequest,
) (*cerberusv1.StatBlobResponse, error) {
	return s.backend.StatBlob(ctx, s.callers(ctx), req)
}

type brainService struct {
	callers
	backend Brains
}

func (s brainService) RegisterModule(
	ctx context.Context, req *cerberusv1.RegisterModuleRequest,
) (*cerberusv1.RegisterModuleResponse, error) {
	caller, err := s.signed(ctx)
	if err != nil {
		return nil, err
	}
	return s.backend.RegisterModule(ctx, caller, req)
}

func (s brainService) ActivateModule(
	ctx context.Context, req *cerberusv1.ActivateModuleRequest,
) (*cerberusv1.ActivateModuleResponse, error) {
	caller, err := s.signed(ctx)
	if err != nil {
		return nil, err
	}
	return &cerberusv1.ActivateModuleResponse{}, s.backend.ActivateModule(ctx, caller, req)
}

func (s brainService) RetireBrain(
	ctx context.Context, req *cerberusv1.RetireBrainRequest,
) (*cerberusv1.RetireBrainResponse, error) {
	caller, err := s.signed(ctx)
	if err != nil {
		return nil, err
	}
	return &cerberusv1.RetireBrainResponse{}, s.backend.RetireBrain(ctx, caller, req)
}

func (s brainService) ListBrains(
	ctx context.Context, _ *cerberusv1.ListBrainsRequest,
) (*cerberusv1.ListBrainsResponse, error) {
	return s.backend.ListBrains(ctx)
}

func (s brainService) GetBrain(
	ctx context.Context, req *cerberusv1.GetBrainRequest,
) (*cerberusv1.GetBrainResponse, error) {
	return s.backend.GetBrain(ctx, req)
}

type taskService struct {
	callers
	backend Tasks
}

func (s taskService) SubmitTask(
	ctx context.Context, req *cerberusv1.SubmitTaskRequest,
) (*cerberusv1.SubmitTaskResponse, error) {
	caller, err := s.signed(ctx)
	if err != nil {
		return nil, err
	}
	return s.backend.SubmitTask(ctx, caller, req)
}

func (s taskService) GetTask(
	ctx context.Context, req *cerberusv1.GetTaskRequest,
) (*cerberusv1.GetTaskResponse, error) {
	caller, err := s.signed(ctx)
	if err != nil {
		return nil, err
	}
	return s.backend.GetTask(ctx, caller, req)
}

func (s taskService) WatchTask(
	ctx context.Context, req *cerberusv1.WatchTaskRequest,
	stream *connect.ServerStream[cerberusv1.WatchTaskResponse],
) error {
	caller, err := s.signed(ctx)
	if err != nil {
		return err
	}
	return s.backend.WatchTask(ctx, caller, req, func(t *cerberusv1.Task) error {
		return stream.Send(&cerberusv1.WatchTaskResponse{Task: t})
	})
}

func (s taskService) CancelTask(
	ctx context.Context, req *cerberusv1.CancelTaskRequest,
) (*cerberusv1.CancelTaskResponse, error) {
	caller, err := s.signed(ctx)
	if err != nil {
		return nil, err
	}
	return &cerberusv1.CancelTaskResponse{}, s.backend.CancelTask(ctx, caller, req)
}

func (s taskService) ListTasks(
	ctx context.Context, req *cerberusv1.ListTasksRequest,
) (*cerberusv1.ListTasksResponse, error) {
	caller, err := s.signed(ctx)
	if err != nil {
		return nil, err
	}
	return s.backend.ListTasks(ctx, caller, req)
}
