package api

import "connectrpc.com/connect"

// stateReasons are the words of the replicated state. Their fixes are those that the state
// gives; the node's tests compare them.
func stateReasons() []ReasonRow {
	return []ReasonRow{
		{
			InvalidArgument, connect.CodeInvalidArgument, "A field breaks the schema or a limit.",
			"Correct the named field.",
		},
		{
			Undecodable, connect.CodeInternal, "The log refused the form of a command.",
			"Send a command that this version writes.",
		},
		{
			Unsupported, connect.CodeUnimplemented, "The cluster does not know the command yet.",
			"Upgrade every node before using a newer command.",
		},
		{
			NotBootstrapped, connect.CodeUnavailable, "The cluster has no id yet.",
			"Bootstrap the cluster first.",
		},
		{
			AlreadyBootstrapped, connect.CodeFailedPrecondition, "The cluster has another id.",
			"Use the cluster's own id and roles, or an empty data directory.",
		},
		{
			RequestExpired, connect.CodeUnauthenticated,
			"The request expired before it was applied.",
			"Check the clock, look whether the request took effect, and sign it again.",
		},
		{
			NonceReused, connect.CodeUnauthenticated,
			"The signer used the nonce for another request, or repeated a call that may not be.",
			"Sign the request again with a fresh nonce.",
		},
		{
			RequestTableFull, connect.CodeResourceExhausted, "Too many requests are remembered.",
			"Try again in a few minutes.",
		},
		{
			PermissionDenied, connect.CodePermissionDenied, "The signer lacks the role.",
			"Ask an admin to grant the role.",
		},
		{
			LastAdmin, connect.CodeFailedPrecondition, "The last admin cannot be revoked.",
			"Grant the admin role to another address first.",
		},
		{
			AccountTableFull, connect.CodeResourceExhausted, "Too many addresses hold roles.",
			"Take roles that nobody uses any more.",
		},
		{
			UnknownBlob, connect.CodeNotFound, "No such blob is committed as that kind.",
			"Upload the blob, then repeat the request.",
		},
		{
			BlobConflict, connect.CodeInvalidArgument, "The digest belongs to another size.",
			"Check the size that goes with the digest.",
		},
		{
			BlobInUse, connect.CodeFailedPrecondition, "Something refers to the blob.",
			"Retire the module or prune the tasks that use it.",
		},
		{
			BlobQuota, connect.CodeResourceExhausted, "The owner has too many bytes.",
			"Forget blobs that are no longer needed.",
		},
		{
			BlobTableFull, connect.CodeResourceExhausted, "Too many blobs are committed.",
			"Forget or expire blobs, or ask the operator.",
		},
		{
			BrainLimit, connect.CodeResourceExhausted, "All slots are in use.",
			"Retire a Brain: there are 1024 slots, 1 to 1024.",
		},
		{
			BrainTaken, connect.CodePermissionDenied, "The slot belongs to another author.",
			"Choose another slot; this one has another author.",
		},
		{
			NameTaken, connect.CodeAlreadyExists, "Another slot has the name.",
			"Choose another name; another slot uses this one.",
		},
		{
			UnknownBrain, connect.CodeNotFound, "The slot is free.",
			"List the Brains and choose one of them.",
		},
		{
			UnknownModule, connect.CodeNotFound, "The slot has no such version.",
			"Register the module with this Brain first.",
		},
		{
			ModuleExists, connect.CodeAlreadyExists, "The version is registered otherwise.",
			"Retire the version before changing it.",
		},
		{
			ModuleNotReady, connect.CodeFailedPrecondition, "The version cannot be activated.",
			"Register the version again first.",
		},
		{
			ModuleNotActive, connect.CodeFailedPrecondition, "The version is not the active one.",
			"Accept the Brain's active version and encrypt again.",
		},
		{
			VersionLimit, connect.CodeResourceExhausted, "The slot has too many versions.",
			"Retire versions and let their tasks end.",
		},
		{
			UnknownArguments, connect.CodeInvalidArgument,
			"The version has no variant for these public arguments.",
			"Use arguments that the manifest lists.",
		},
		{
			PlanMismatch, connect.CodeFailedPrecondition, "The Plan is not the registered one.",
			"Derive the Plan from the active version.",
		},
		{
			KeySetRequired, connect.CodeInvalidArgument, "The Plan needs a key set.",
			"Upload the key set that the Plan lists.",
		},
		{
			TaskConflict, connect.CodeAlreadyExists, "The task id belongs to other content.",
			"Sign the submission again with a fresh nonce.",
		},
		{
			IdempotencyConflict, connect.CodeAlreadyExists,
			"The idempotency key belongs to another task.", "Use a fresh idempotency key.",
		},
		{
			ClientQuota, connect.CodeResourceExhausted, "The client has too many open tasks.",
			"Wait until some of your tasks have ended.",
		},
		{
			QueueFull, connect.CodeResourceExhausted, "Too many tasks wait.",
			"Try again when the queue is shorter.",
		},
		{
			TaskTableFull, connect.CodeResourceExhausted, "Too many tasks are kept.",
			"Try again when old tasks were pruned.",
		},
		{
			UnknownTask, connect.CodeNotFound, "No such task is kept.",
			"Check the id; old tasks are pruned.",
		},
		{
			TaskNotQueued, connect.CodeFailedPrecondition, "The task does not wait any more.",
			"Choose another task.",
		},
		{
			StaleFence, connect.CodeAborted, "The task was leased again.",
			"Drop the result; the task was leased again.",
		},
		{
			TaskEnded, connect.CodeFailedPrecondition, "The task has ended.",
			"Nothing is left to do; the task has ended.",
		},
		{
			NoSetup, connect.CodeFailedPrecondition, "The cluster has no setup to prove under.",
			"Ask an admin to set a setup, or ask for no proof.",
		},
		{
			SetupMismatch, connect.CodeFailedPrecondition, "The cluster proves under another setup.",
			"Compare the cluster's setup with the one that you trust.",
		},
		{
			ProofNotAwaited, connect.CodeFailedPrecondition, "The task waits for no proof.",
			"Drop the proof; nobody waits for it.",
		},
		{
			ProofRejected, connect.CodeFailedPrecondition, "Validators rejected this bundle before.",
			"Run the task again and make another proof.",
		},
		{
			NoProof, connect.CodeFailedPrecondition, "The verdict is about no proof of the task.",
			"Judge the bundle and statement that the task names.",
		},
		{
			VerdictConflict, connect.CodeAlreadyExists,
			"The validator judged the bundle otherwise before.",
			"Nothing is left to do; the first one counts.",
		},
		{
			OwnProof, connect.CodePermissionDenied, "The validator made the proof itself.",
			"Leave the verdict to the other validators.",
		},
		{
			AttestationEnded, connect.CodeFailedPrecondition, "The proof was judged already.",
			"Nothing is left to do; the attestation has ended.",
		},
	}
}
