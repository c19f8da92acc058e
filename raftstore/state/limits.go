package state

import "github.com/cerberus-host/cerberus/abi"

// Limits of one entry. An entry beyond them is refused and changes nothing.
const (
	// EntryBytesMax bounds an encoded command.
	EntryBytesMax = 257 << 10
	// BodyBytesMax bounds the body inside a command.
	BodyBytesMax = 256 << 10
	// NonceBytesMin and NonceBytesMax bound the nonce of a request.
	NonceBytesMin = 16
	// NonceBytesMax is the upper bound of the length of a nonce.
	NonceBytesMax = 32
	// RequestTTLMaxMS bounds how far ahead of log time a request may expire, so that the
	// table of seen requests stays small.
	RequestTTLMaxMS = 60 * 60 * 1000
	// LeaseMaxMS bounds the length of a lease.
	LeaseMaxMS = 24 * 60 * 60 * 1000
	// BatchMax bounds how many things one expiring or pruning command may touch.
	BatchMax = 1024
	// FailureBytesMax bounds the message of a failed attempt.
	FailureBytesMax = 512
	// IdempotencyKeyBytesMax bounds an idempotency key.
	IdempotencyKeyBytesMax = 64
	// ArgsMax bounds the public arguments of one task.
	ArgsMax = abi.FieldsMax
	// ConstantsMax bounds the constant blobs of one variant.
	ConstantsMax = 16
	// TimingsMax and CountersMax bound what a finished task reports.
	TimingsMax = 32
	// CountersMax bounds the counters of a finished task.
	CountersMax = 64
	// SignatureBytes is the length of a validator's signature.
	SignatureBytes = 65
	// ReasonBytesMax bounds the word of a rejecting verdict.
	ReasonBytesMax = 40
)

// Limits of the tables.
const (
	// AccountsMax bounds the addresses that hold a role.
	AccountsMax = 1 << 16
	// BlobsMax bounds the committed blobs.
	BlobsMax = 1 << 18
	// BlobBytesMax bounds one blob.
	BlobBytesMax = 1 << 40
	// VersionsMax bounds the versions of one Brain; the oldest removed one gives way.
	VersionsMax = 32
	// TasksMax bounds the tasks that are kept, ended ones included.
	TasksMax = 1 << 17
	// RequestsMax bounds the remembered requests.
	RequestsMax = 1 << 20
	// ConductsMax bounds the addresses with a record as miner or validator. What those
	// beyond it do counts in the totals only.
	ConductsMax = AccountsMax
	// MarksKept is how many of a miner's latest slash marks are kept; all are counted.
	MarksKept = 16
	// VerdictsMax bounds the verdicts about one proof: one more on either side than what
	// decides nothing.
	VerdictsMax = 2*VerdictQuorumCeiling - 1
)

// Defaults and ceilings of a [Policy].
const (
	// LiveTasksPerClientDefault is how many tasks one client may have queued or running.
	LiveTasksPerClientDefault = 256
	// LiveTasksDefault is how many tasks may be queued or running in total.
	LiveTasksDefault = 8192
	// LiveTasksCeiling is the most that a policy can allow.
	LiveTasksCeiling = 1 << 16
	// AttemptsDefault is how often a task is leased before it counts as failed.
	AttemptsDefault = 3
	// AttemptsCeiling is the most that a policy can allow.
	AttemptsCeiling = 16
	// BlobBytesPerOwnerDefault is how many bytes of blobs one owner may have committed.
	BlobBytesPerOwnerDefault = 64 << 30
	// VerdictQuorumDefault is how many validators have to agree about a proof.
	VerdictQuorumDefault = 1
	// VerdictQuorumCeiling is the most that a policy can ask for.
	VerdictQuorumCeiling = 32
	// ProofDeadlineDefaultMS is how long a node may take for a proof. It is long, because
	// results come faster than their proofs and the proofs then wait on the node.
	ProofDeadlineDefaultMS = 30 * 60 * 1000
	// VerdictDeadlineDefaultMS is how long a proof waits for its verdicts.
	VerdictDeadlineDefaultMS = 60 * 60 * 1000
	// ProofAttemptsDefault is how many proofs of one task are tried.
	ProofAttemptsDefault = 3
	// ProofAttemptsCeiling is the most that a policy can allow.
	ProofAttemptsCeiling = 16
)

// timeMaxMS is the end of the year 9999; no stamp lies beyond it.
const timeMaxMS = 253402300799999
