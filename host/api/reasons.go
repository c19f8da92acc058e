package api

import "connectrpc.com/connect"

// Reason is a stable word that says why a request was refused, for programs. The list is
// closed; a word never changes its meaning.
type Reason string

// Reasons of this package and of the node around it.
const (
	Internal         Reason = "internal"
	NotReady         Reason = "not_ready"
	NotLeader        Reason = "not_leader"
	OutcomeUnknown   Reason = "outcome_unknown"
	StorageFailed    Reason = "storage_failed"
	DiskFull         Reason = "disk_full"
	Busy             Reason = "busy"
	Cancelled        Reason = "cancelled"
	DeadlineExceeded Reason = "deadline_exceeded"
	Malformed        Reason = "malformed_request"
	TooLarge         Reason = "request_too_large"
	Unimplemented    Reason = "unimplemented"

	Unauthenticated     Reason = "signature_required"
	MalformedSignature  Reason = "malformed_signature"
	InvalidSignature    Reason = "invalid_signature"
	SignatureExpired    Reason = "signature_expired"
	UnknownUpload       Reason = "unknown_upload"
	UploadQuota         Reason = "upload_quota"
	ChunkMismatch       Reason = "chunk_mismatch"
	UploadIncomplete    Reason = "upload_incomplete"
	DigestMismatch      Reason = "digest_mismatch"
	BlobDamaged         Reason = "blob_damaged"
	BlobSize            Reason = "blob_size"
	ModuleRefused       Reason = "module_refused"
	ManifestInvalid     Reason = "manifest_invalid"
	ParamsUnknown       Reason = "params_unknown"
	ParamsInsecure      Reason = "params_insecure"
	ModelMismatch       Reason = "model_mismatch"
	InferFailed         Reason = "infer_failed"
	InferUnstable       Reason = "infer_not_deterministic"
	ProgramMismatch     Reason = "program_does_not_fit_manifest"
	PlanFailed          Reason = "plan_failed"
	PlanImprecise       Reason = "plan_imprecise"
	EngineUnsupported   Reason = "engine_unsupported"
	InputMismatch       Reason = "input_mismatch"
	KeySetMismatch      Reason = "key_set_mismatch"
	GuestFailed         Reason = "guest_failed"
	TaskProgramMismatch Reason = "program_mismatch"
	TaskBadInput        Reason = "bad_input"
	TaskBlobUnavailable Reason = "blob_unavailable"
	TaskEngineFailed    Reason = "engine_failed"
	TaskResources       Reason = "resource_exhausted"
	TaskAttempts        Reason = "attempts_exhausted"
)

// Reasons of the replicated state: the words of package state's codes.
const (
	InvalidArgument     Reason = "invalid_argument"
	Undecodable         Reason = "undecodable"
	Unsupported         Reason = "unsupported"
	NotBootstrapped     Reason = "not_bootstrapped"
	AlreadyBootstrapped Reason = "already_bootstrapped"
	RequestExpired      Reason = "request_expired"
	NonceReused         Reason = "nonce_reused"
	RequestTableFull    Reason = "request_table_full"
	PermissionDenied    Reason = "permission_denied"
	LastAdmin           Reason = "last_admin"
	AccountTableFull    Reason = "account_table_full"
	UnknownBlob         Reason = "unknown_blob"
	BlobConflict        Reason = "blob_conflict"
	BlobInUse           Reason = "blob_in_use"
	BlobQuota           Reason = "blob_quota"
	BlobTableFull       Reason = "blob_table_full"
	BrainLimit          Reason = "brain_limit"
	BrainTaken          Reason = "brain_taken"
	NameTaken           Reason = "name_taken"
	UnknownBrain        Reason = "unknown_brain"
	UnknownModule       Reason = "unknown_module"
	ModuleExists        Reason = "module_exists"
	ModuleNotReady      Reason = "module_not_ready"
	ModuleNotActive     Reason = "module_not_active"
	VersionLimit        Reason = "version_limit"
	UnknownArguments    Reason = "unknown_arguments"
	PlanMismatch        Reason = "plan_mismatch"
	KeySetRequired      Reason = "key_set_required"
	TaskConflict        Reason = "task_conflict"
	IdempotencyConflict Reason = "idempotency_conflict"
	ClientQuota         Reason = "client_quota"
	QueueFull           Reason = "queue_full"
	TaskTableFull       Reason = "task_table_full"
	UnknownTask         Reason = "unknown_task"
	TaskNotQueued       Reason = "task_not_queued"
	StaleFence          Reason = "stale_fence"
	TaskEnded           Reason = "task_ended"
	NoSetup             Reason = "no_setup"
	SetupMismatch       Reason = "setup_mismatch"
	ProofNotAwaited     Reason = "proof_not_awaited"
	ProofRejected       Reason = "proof_rejected"
	NoProof             Reason = "no_proof"
	VerdictConflict     Reason = "verdict_conflict"
	OwnProof            Reason = "own_proof"
	AttestationEnded    Reason = "attestation_ended"
)

// ReasonRow is one row of the table of reasons.
type ReasonRow struct {
	Reason Reason
	// Code is the Connect code that the reason travels with.
	Code connect.Code
	// Meaning says when the reason is given, Fix what the caller can do about it.
	Meaning, Fix string
}

// row finds a reason's row; a word that is not in the table is an internal error.
func (r Reason) row() ReasonRow {
	rows := Reasons()
	for _, row := range rows {
		if row.Reason == r {
			return row
		}
	}
	return rows[0]
}

// Fix returns the sentence that says what a caller can do.
func (r Reason) Fix() string { return r.row().Fix }

// Reasons returns the whole table, the one map from reasons to Connect codes: the node's
// own first, then those of blobs, modules, tasks and the replicated state. The first row is
// [Internal].
func Reasons() []ReasonRow {
	var rows []ReasonRow
	rows = append(rows, nodeReasons()...)
	rows = append(rows, signatureReasons()...)
	rows = append(rows, blobReasons()...)
	rows = append(rows, moduleReasons()...)
	rows = append(rows, taskReasons()...)
	return append(rows, stateReasons()...)
}

func nodeReasons() []ReasonRow {
	return []ReasonRow{
		{
			Internal, connect.CodeInternal, "The node failed in a way that it did not foresee.",
			"Repeat the request; if it fails again, show the operator the node's log.",
		},
		{
			NotReady, connect.CodeUnavailable, "The node is starting or has no leader.",
			"Wait until GetStatus says ready, then repeat the request.",
		},
		{
			NotLeader, connect.CodeUnavailable, "Another node leads.",
			"Send the request to the leader.",
		},
		{
			OutcomeUnknown, connect.CodeUnavailable,
			"The connection to the log broke before the outcome was known.",
			"Repeat the same signed request: it takes effect once.",
		},
		{
			StorageFailed, connect.CodeUnavailable, "The node's disk failed; it is stopping.",
			"Ask the operator to check the disk and restart the node.",
		},
		{
			DiskFull, connect.CodeResourceExhausted, "Too little disk space is free.",
			"Ask the operator to free disk space; nothing was changed.",
		},
		{
			Busy, connect.CodeResourceExhausted, "Too many requests are in flight.",
			"Repeat the request a little later.",
		},
		{Cancelled, connect.CodeCanceled, "The caller went away.", "Repeat the request."},
		{
			DeadlineExceeded, connect.CodeDeadlineExceeded,
			"The request's deadline is over, or a task ran longer than the node allows.",
			"Allow the request more time; for a task, ask the operator for a longer limit.",
		},
		{
			Malformed, connect.CodeInvalidArgument, "The body is no message of the schema.",
			"Encode the request with the schema of this version.",
		},
		{
			TooLarge, connect.CodeResourceExhausted, "The request or a message is too large.",
			"Send less at once; blobs go in chunks of 1 MiB.",
		},
		{
			Unimplemented, connect.CodeUnimplemented,
			"The procedure, protocol or compression is unknown.",
			"Use a client of this node's version, without compression.",
		},
	}
}

func signatureReasons() []ReasonRow {
	return []ReasonRow{
		{
			Unauthenticated, connect.CodeUnauthenticated, "The call needs a signature.",
			"Sign the request as docs/FORMATS.md says under \"Signed requests\".",
		},
		{
			MalformedSignature, connect.CodeUnauthenticated, "The signature header is malformed.",
			"Send one header of the form that docs/FORMATS.md gives, on a POST without a query.",
		},
		{
			InvalidSignature, connect.CodeUnauthenticated,
			"The signature is not canonical or was made by no key.",
			"Sign again: low S, recovery byte 0 or 1.",
		},
		{
			SignatureExpired, connect.CodeUnauthenticated,
			"The signature's expiry is past, or too far ahead.",
			"Compare your clock with time_ms of GetStatus and sign again.",
		},
	}
}

func blobReasons() []ReasonRow {
	return []ReasonRow{
		{
			UnknownUpload, connect.CodeNotFound, "No such upload of this caller is open.",
			"Start the upload again; chunks that arrived are kept for a day.",
		},
		{
			UploadQuota, connect.CodeResourceExhausted,
			"The caller or the node has too many bytes or open uploads.",
			"Finish open uploads, or ask the operator for room.",
		},
		{
			ChunkMismatch, connect.CodeInvalidArgument,
			"A chunk's index, length or digest does not fit the upload.",
			"Send chunks of exactly chunk_bytes, the last one shorter, with their SHA-256.",
		},
		{
			UploadIncomplete, connect.CodeFailedPrecondition, "Chunks are missing.",
			"Call StartUpload again and send the ranges that it lists.",
		},
		{
			DigestMismatch, connect.CodeInvalidArgument,
			"The content does not have the announced digest; the upload was dropped.",
			"Compute the SHA-256 of the whole content and upload it again.",
		},
		{
			BlobDamaged, connect.CodeDataLoss, "The node's copy was damaged and moved aside.",
			"Upload the blob again.",
		},
		{
			BlobSize, connect.CodeInvalidArgument, "The blob is empty or too large for its kind.",
			"Keep to the sizes in docs/LIMITS.md.",
		},
	}
}

func moduleReasons() []ReasonRow {
	return []ReasonRow{
		{
			ModuleRefused, connect.CodeInvalidArgument, "The module breaks an admission rule.",
			"Run `cerberus brain check` on it; docs/LIMITS.md lists the limits.",
		},
		{
			ManifestInvalid, connect.CodeInvalidArgument, "The module's manifest is invalid.",
			"Correct the named field of the manifest and build again.",
		},
		{
			ParamsUnknown, connect.CodeInvalidArgument, "The parameter set does not exist.",
			"Name one of the parameter sets of docs/LIMITS.md in the manifest.",
		},
		{
			ParamsInsecure, connect.CodeInvalidArgument,
			"The parameter set does not reach 128-bit security.",
			"Name a set that does; sets named insecure serve tests only.",
		},
		{
			ModelMismatch, connect.CodeFailedPrecondition,
			"The model blob is missing or is not the one that the manifest pins.",
			"Upload the model that the module was built with.",
		},
		{
			InferFailed, connect.CodeInvalidArgument, "The module's infer failed.",
			"Run the Brain's own tests; the message names the arguments.",
		},
		{
			InferUnstable, connect.CodeInvalidArgument,
			"Two fresh runs of infer recorded different Programs.",
			"Let infer depend on module and public arguments alone.",
		},
		{
			ProgramMismatch, connect.CodeInvalidArgument,
			"The Program's inputs or outputs are not those of the manifest.",
			"Make infer read and write exactly what the manifest declares.",
		},
		{
			PlanFailed, connect.CodeInvalidArgument, "The Program cannot be compiled.",
			"Use fewer levels, or a larger parameter set.",
		},
		{
			PlanImprecise, connect.CodeInvalidArgument,
			"An attested result could be off by more than the manifest's tolerance_bits allow.",
			"Lower tolerance_bits, raise scale_bits, or use a parameter set with larger primes.",
		},
		{
			EngineUnsupported, connect.CodeFailedPrecondition,
			"No engine of the node runs this parameter set.",
			"Choose another parameter set, or another node.",
		},
		{
			InputMismatch, connect.CodeInvalidArgument,
			"An input's name, size or metadata is not what the Plan asks for.",
			"Encrypt for the active version's Plan.",
		},
		{
			KeySetMismatch, connect.CodeInvalidArgument,
			"The key set belongs to other parameters or lacks keys.",
			"Make the keys that the Plan lists and upload them.",
		},
	}
}

// taskReasons are the words of failed tasks; they travel inside a task, and their codes
// matter only if one is ever returned by a call.
func taskReasons() []ReasonRow {
	return []ReasonRow{
		{
			GuestFailed, connect.CodeFailedPrecondition, "The module's infer failed in a task.",
			"Ask the Brain's author.",
		},
		{
			TaskProgramMismatch, connect.CodeFailedPrecondition,
			"infer recorded another Program than at registration.", "Ask the Brain's author.",
		},
		{
			TaskBadInput, connect.CodeInvalidArgument,
			"An input or key set is malformed or does not fit the Plan.",
			"Encrypt again for the active version's Plan and submit a new task.",
		},
		{
			TaskBlobUnavailable, connect.CodeFailedPrecondition,
			"A blob of the task is missing or damaged on the node.",
			"Upload the inputs and keys again and submit a new task.",
		},
		{
			TaskEngineFailed, connect.CodeFailedPrecondition, "The engine refused or failed.",
			"Submit the task again; show the operator the node's log.",
		},
		{
			TaskResources, connect.CodeResourceExhausted, "The node lacked memory or disk.",
			"Submit the task again later.",
		},
		{
			TaskAttempts, connect.CodeFailedPrecondition, "Every attempt ended without a result.",
			"Submit the task again; show the operator the node's log.",
		},
	}
}
