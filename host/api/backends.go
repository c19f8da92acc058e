package api

import (
	"context"

	"github.com/cerberus-host/cerberus/abi"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
)

// Caller is who signed a request. The zero value is an anonymous caller.
type Caller struct {
	Address abi.Address
	// Nonce and ExpiryMS make the request unique; see package identity.
	Nonce    []byte
	ExpiryMS int64
}

// Anonymous reports whether nobody signed.
func (c Caller) Anonymous() bool { return c.Address.IsZero() }

// Nodes answers NodeService. Methods refuse with an [*Error]; so do those of the other
// backends. Requests were checked against the schema, and the caller of a method that
// takes one and is not marked "anonymous too" is never anonymous.
type Nodes interface {
	Status(ctx context.Context) (*cerberusv1.GetStatusResponse, error)
	SetRole(ctx context.Context, caller Caller, req *cerberusv1.SetRoleRequest) error
	Roles(ctx context.Context) (*cerberusv1.ListRolesResponse, error)
}

// Blobs answers BlobService.
type Blobs interface {
	StartUpload(ctx context.Context, caller Caller, req *cerberusv1.StartUploadRequest) (
		*cerberusv1.StartUploadResponse, error)
	PutChunk(ctx context.Context, caller Caller, req *cerberusv1.PutChunkRequest) error
	CommitUpload(ctx context.Context, caller Caller, req *cerberusv1.CommitUploadRequest) (
		*cerberusv1.CommitUploadResponse, error)
	// ReadBlob and StatBlob serve anonymous callers too.
	ReadBlob(ctx context.Context, caller Caller, req *cerberusv1.ReadBlobRequest) (
		*cerberusv1.ReadBlobResponse, error)
	StatBlob(ctx context.Context, caller Caller, req *cerberusv1.StatBlobRequest) (
		*cerberusv1.StatBlobResponse, error)
}

// Brains answers BrainService.
type Brains interface {
	RegisterModule(ctx context.Context, caller Caller, req *cerberusv1.RegisterModuleRequest) (
		*cerberusv1.RegisterModuleResponse, error)
	ActivateModule(ctx context.Context, caller Caller,
		req *cerberusv1.ActivateModuleRequest) error
	RetireBrain(ctx context.Context, caller Caller, req *cerberusv1.RetireBrainRequest) error
	ListBrains(ctx context.Context) (*cerberusv1.ListBrainsResponse, error)
	GetBrain(ctx context.Context, req *cerberusv1.GetBrainRequest) (
		*cerberusv1.GetBrainResponse, error)
}

// Tasks answers TaskService.
type Tasks interface {
	SubmitTask(ctx context.Context, caller Caller, req *cerberusv1.SubmitTaskRequest) (
		*cerberusv1.SubmitTaskResponse, error)
	GetTask(ctx context.Context, caller Caller, req *cerberusv1.GetTaskRequest) (
		*cerberusv1.GetTaskResponse, error)
	// WatchTask calls send with the task now and after every change until it has ended, and
	// returns send's error if there is one.
	WatchTask(ctx context.Context, caller Caller, req *cerberusv1.WatchTaskRequest,
		send func(*cerberusv1.Task) error) error
	CancelTask(ctx context.Context, caller Caller, req *cerberusv1.CancelTaskRequest) error
	ListTasks(ctx context.Context, caller Caller, req *cerberusv1.ListTasksRequest) (
		*cerberusv1.ListTasksResponse, error)
}
