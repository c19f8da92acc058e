package host

import (
	"errors"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/api"
	"github.com/cerberus-host/cerberus/host/blob"
	"github.com/cerberus-host/cerberus/host/identity"
	"github.com/cerberus-host/cerberus/host/registry"
	"github.com/cerberus-host/cerberus/host/worker"
	"github.com/cerberus-host/cerberus/raftstore"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

// sentinelReason says which reason an error of a part is refused with.
type sentinelReason struct {
	err    error
	reason api.Reason
}

// sentinelReasons is searched from the top: an error that wraps two is known by the first.
func sentinelReasons() []sentinelReason {
	return []sentinelReason{
		{raftstore.ErrFailed, api.StorageFailed},
		{raftstore.ErrCorrupt, api.StorageFailed},
		{raftstore.ErrMaybeApplied, api.OutcomeUnknown},
		{raftstore.ErrDiskFull, api.DiskFull},
		{raftstore.ErrNotLeader, api.NotLeader},
		{raftstore.ErrUnavailable, api.NotReady},
		{raftstore.ErrClosed, api.NotReady},
		{state.ErrCommand, api.TooLarge},

		{identity.ErrHeader, api.MalformedSignature},
		{identity.ErrSignature, api.InvalidSignature},
		{identity.ErrExpired, api.SignatureExpired},
		{identity.ErrReplay, api.NonceReused},
		{identity.ErrBody, api.TooLarge},

		{registry.ErrParams, api.ParamsUnknown},
		{registry.ErrInsecure, api.ParamsInsecure},
		{registry.ErrEngine, api.EngineUnsupported},
		{registry.ErrModel, api.ModelMismatch},
		{registry.ErrInfer, api.InferFailed},
		{registry.ErrUnstable, api.InferUnstable},
		{registry.ErrProgram, api.ProgramMismatch},
		{registry.ErrPlan, api.PlanFailed},
		{registry.ErrNoise, api.PlanImprecise},
		{registry.ErrArgs, api.UnknownArguments},
		{abi.ErrManifest, api.ManifestInvalid},
		{abi.ErrModule, api.ModuleRefused},

		{blob.ErrFailed, api.StorageFailed},
		{blob.ErrDiskFull, api.DiskFull},
		{blob.ErrQuota, api.UploadQuota},
		{blob.ErrUpload, api.UnknownUpload},
		{blob.ErrChunk, api.ChunkMismatch},
		{blob.ErrIncomplete, api.UploadIncomplete},
		{blob.ErrMismatch, api.DigestMismatch},
		{blob.ErrSize, api.BlobSize},
		{blob.ErrDamaged, api.BlobDamaged},
		{blob.ErrUnknown, api.UnknownBlob},
	}
}

// refusal turns an error of a part into what a backend answers; an error that nobody
// foresaw stays as it is, and is answered as internal.
func refusal(err error) error {
	var refused *api.Error
	var byState *state.Error
	var byWorker *worker.Error
	switch {
	case err == nil, errors.As(err, &refused):
		return err
	case errors.As(err, &byState):
		return &api.Error{
			Reason: api.Reason(byState.Code.String()), Message: byState.Message,
			Field: publicField(byState.Field), Fix: byState.Fix(),
		}
	case errors.As(err, &byWorker):
		return workerRefusal(byWorker)
	}
	for _, row := range sentinelReasons() {
		if errors.Is(err, row.err) {
			return &api.Error{Reason: row.reason, Message: err.Error()}
		}
	}
	return err
}

// publicField turns a field of a command in the log into the field of the request that it
// came from; "" for what is in no request but in its signature.
func publicField(field string) string {
	name, _, _ := strings.Cut(field, ".")
	switch name {
	case "signer", "client", "owner", "author", "nonce", "expiry_ms", "log_time_ms", "body":
		return ""
	case "args":
		return "arguments"
	case "keyset_digest":
		return "key_set"
	case "task_id":
		return "id"
	case "size_bytes":
		return "bytes"
	case "name", "params", "version", "manifest_digest", "model_digest", "variants":
		// All of these are in the module.
		return "module_digest"
	}
	return field
}

// workerRefusal says at submission what would fail in the run.
func workerRefusal(f *worker.Error) error {
	reason := api.Reason(f.Cause)
	if f.Cause == worker.CauseBadInput {
		reason = api.InputMismatch
		if f.Field == "key_set" {
			reason = api.KeySetMismatch
		}
	}
	if f.Cause == worker.CauseInternal {
		return f.Err
	}
	return &api.Error{Reason: reason, Message: f.Err.Error(), Field: f.Field}
}
