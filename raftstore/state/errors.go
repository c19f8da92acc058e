package state

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrSnapshot is returned when a snapshot is damaged, of another version, not
	// canonical, or breaks a limit or an invariant.
	ErrSnapshot = errors.New("invalid state snapshot")
	// ErrCommand is returned when a command cannot be built: too long, or not encodable.
	ErrCommand = errors.New("invalid command")
)

// Code says why a command was refused. The list is closed and the numbers are in
// snapshots and in recorded responses: do not renumber.
type Code uint16

// The codes. Word and fix of each are in [Code.String] and [Code.Fix].
const (
	CodeOK                  Code = 0
	CodeInvalidArgument     Code = 1
	CodeUndecodable         Code = 2
	CodeUnsupported         Code = 3
	CodeNotBootstrapped     Code = 4
	CodeAlreadyBootstrapped Code = 5
	CodeRequestExpired      Code = 6
	CodeNonceReused         Code = 7
	CodeRequestTableFull    Code = 8
	CodePermissionDenied    Code = 9
	CodeLastAdmin           Code = 10
	CodeAccountTableFull    Code = 11

	CodeUnknownBlob   Code = 20
	CodeBlobConflict  Code = 21
	CodeBlobInUse     Code = 22
	CodeBlobQuota     Code = 23
	CodeBlobTableFull Code = 24

	CodeBrainLimit      Code = 40
	CodeBrainTaken      Code = 41
	CodeNameTaken       Code = 42
	CodeUnknownBrain    Code = 43
	CodeUnknownModule   Code = 44
	CodeModuleExists    Code = 45
	CodeModuleNotReady  Code = 46
	CodeModuleNotActive Code = 47
	CodeVersionLimit    Code = 48

	CodeUnknownArguments    Code = 60
	CodePlanMismatch        Code = 61
	CodeKeySetRequired      Code = 62
	CodeTaskConflict        Code = 63
	CodeIdempotencyConflict Code = 64
	CodeClientQuota         Code = 65
	CodeQueueFull           Code = 66
	CodeTaskTableFull       Code = 67
	CodeUnknownTask         Code = 68
	CodeTaskNotQueued       Code = 69
	CodeStaleFence          Code = 70
	CodeTaskEnded           Code = 71

	CodeNoSetup          Code = 80
	CodeSetupMismatch    Code = 81
	CodeProofNotAwaited  Code = 82
	CodeProofRejected    Code = 83
	CodeNoProof          Code = 84
	CodeVerdictConflict  Code = 85
	CodeOwnProof         Code = 86
	CodeAttestationEnded Code = 87
)

// codeText is one row of the table of codes.
type codeText struct {
	code Code
	word string
	fix  string
}

// codeTexts lists every code in ascending order.
func codeTexts() []codeText {
	return []codeText{
		{CodeOK, "ok", ""},
		{CodeInvalidArgument, "invalid_argument", "Correct the named field."},
		{CodeUndecodable, "undecodable", "Send a command that this version writes."},
		{CodeUnsupported, "unsupported", "Upgrade every node before using a newer command."},
		{CodeNotBootstrapped, "not_bootstrapped", "Bootstrap the cluster first."},
		{
			CodeAlreadyBootstrapped, "already_bootstrapped",
			"Use the cluster's own id and roles, or an empty data directory.",
		},
		{
			CodeRequestExpired, "request_expired",
			"Check the clock, look whether the request took effect, and sign it again.",
		},
		{CodeNonceReused, "nonce_reused", "Sign the request again with a fresh nonce."},
		{CodeRequestTableFull, "request_table_full", "Try again in a few minutes."},
		{CodePermissionDenied, "permission_denied", "Ask an admin to grant the role."},
		{CodeLastAdmin, "last_admin", "Grant the admin role to another address first."},
		{CodeAccountTableFull, "account_table_full", "Take roles that nobody uses any more."},
		{CodeUnknownBlob, "unknown_blob", "Upload the blob, then repeat the request."},
		{CodeBlobConflict, "blob_conflict", "Check the size that goes with the digest."},
		{CodeBlobInUse, "blob_in_use", "Retire the module or prune the tasks that use it."},
		{CodeBlobQuota, "blob_quota", "Forget blobs that are no longer needed."},
		{CodeBlobTableFull, "blob_table_full", "Forget or expire blobs, or ask the operator."},
		{CodeBrainLimit, "brain_limit", "Retire a Brain: there are 1024 slots, 1 to 1024."},
		{CodeBrainTaken, "brain_taken", "Choose another slot; this one has another author."},
		{CodeNameTaken, "name_taken", "Choose another name; another slot uses this one."},
		{CodeUnknownBrain, "unknown_brain", "List the Brains and choose one of them."},
		{CodeUnknownModule, "unknown_module", "Register the module with this Brain first."},
		{CodeModuleExists, "module_exists", "Retire the version before changing it."},
		{CodeModuleNotReady, "module_not_ready", "Register the version again first."},
		{
			CodeModuleNotActive, "module_not_active",
			"Accept the Brain's active version and encrypt again.",
		},
		{CodeVersionLimit, "version_limit", "Retire versions and let their tasks end."},
		{CodeUnknownArguments, "unknown_arguments", "Use arguments that the manifest lists."},
		{CodePlanMismatch, "plan_mismatch", "Derive the Plan from the active version."},
		{CodeKeySetRequired, "key_set_required", "Upload the key set that the Plan lists."},
		{CodeTaskConflict, "task_conflict", "Sign the submission again with a fresh nonce."},
		{CodeIdempotencyConflict, "idempotency_conflict", "Use a fresh idempotency key."},
		{CodeClientQuota, "client_quota", "Wait until some of your tasks have ended."},
		{CodeQueueFull, "queue_full", "Try again when the queue is shorter."},
		{CodeTaskTableFull, "task_table_full", "Try again when old tasks were pruned."},
		{CodeUnknownTask, "unknown_task", "Check the id; old tasks are pruned."},
		{CodeTaskNotQueued, "task_not_queued", "Choose another task."},
		{CodeStaleFence, "stale_fence", "Drop the result; the task was leased again."},
		{CodeTaskEnded, "task_ended", "Nothing is left to do; the task has ended."},
		{CodeNoSetup, "no_setup", "Ask an admin to set a setup, or ask for no proof."},
		{
			CodeSetupMismatch, "setup_mismatch",
			"Compare the cluster's setup with the one that you trust.",
		},
		{CodeProofNotAwaited, "proof_not_awaited", "Drop the proof; nobody waits for it."},
		{CodeProofRejected, "proof_rejected", "Run the task again and make another proof."},
		{CodeNoProof, "no_proof", "Judge the bundle and statement that the task names."},
		{CodeVerdictConflict, "verdict_conflict", "Nothing is left to do; the first one counts."},
		{CodeOwnProof, "own_proof", "Leave the verdict to the other validators."},
		{
			CodeAttestationEnded, "attestation_ended",
			"Nothing is left to do; the attestation has ended.",
		},
	}
}

// text finds the row of a code; an unknown code has empty texts.
func (c Code) text() codeText {
	for _, t := range codeTexts() {
		if t.code == c {
			return t
		}
	}
	return codeText{code: c}
}

// String returns the stable word of the code, such as "unknown_blob".
func (c Code) String() string {
	if t := c.text(); t.word != "" {
		return t.word
	}
	return fmt.Sprintf("code_%d", uint16(c))
}

// Fix returns a sentence that tells the caller what to do; "" for [CodeOK].
func (c Code) Fix() string { return c.text().fix }

// Valid reports whether c is one of the listed codes.
func (c Code) Valid() bool {
	return c <= CodeAccountTableFull || (c >= CodeUnknownBlob && c <= CodeBlobTableFull) ||
		(c >= CodeBrainLimit && c <= CodeVersionLimit) ||
		(c >= CodeUnknownArguments && c <= CodeTaskEnded) ||
		(c >= CodeNoSetup && c <= CodeAttestationEnded)
}

// Codes returns every code in ascending order, [CodeOK] first.
func Codes() []Code {
	texts := codeTexts()
	codes := make([]Code, len(texts))
	for i, t := range texts {
		codes[i] = t.code
	}
	return codes
}

// Error is a refused command. It carries names, numbers and digests only.
type Error struct {
	// Code says why; never CodeOK.
	Code Code
	// Field is the field of the command at fault, "" if none is.
	Field string
	// Message says what was wrong, for people.
	Message string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Field == "" {
		return e.Code.String() + ": " + e.Message
	}
	return e.Code.String() + ": " + e.Field + ": " + e.Message
}

// Fix returns a sentence that tells the caller what to do.
func (e *Error) Fix() string { return e.Code.Fix() }

// Is makes errors.Is match any Error of the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// messageBytesMax bounds a message, because responses are kept and replayed.
const messageBytesMax = 256

// refuse builds the refusal of a command.
func refuse(code Code, field, format string, args ...any) *Error {
	msg := fmt.Sprintf(format, args...)
	if len(msg) > messageBytesMax {
		msg = strings.ToValidUTF8(msg[:messageBytesMax], "")
	}
	return &Error{Code: code, Field: field, Message: msg}
}
