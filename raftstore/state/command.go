package state

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/cerberus-host/cerberus/abi"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
)

// Request identifies a signed request inside a command.
type Request struct {
	// Signer is who signed.
	Signer abi.Address
	// Nonce is 16 to 32 bytes that the signer never uses twice.
	Nonce []byte
	// ExpiryMS is the log time after which the request is refused.
	ExpiryMS int64
}

// Body is the set of messages that a command can carry.
type Body interface {
	*raftlogv1.Bootstrap | *raftlogv1.SetRole | *raftlogv1.SetPolicy |
		*raftlogv1.CommitBlob | *raftlogv1.ForgetBlob | *raftlogv1.ExpireBlobs |
		*raftlogv1.RegisterModule | *raftlogv1.ActivateModule | *raftlogv1.RetireBrain |
		*raftlogv1.SubmitTask | *raftlogv1.LeaseTask | *raftlogv1.FinishTask |
		*raftlogv1.FailTask | *raftlogv1.CancelTask | *raftlogv1.ExpireLeases |
		*raftlogv1.PruneTasks | *raftlogv1.SetSetup | *raftlogv1.AttestTask |
		*raftlogv1.JudgeTask

	proto.Message
}

// NewCommand puts a body into an envelope. The leader stamps the log time when it
// proposes the command. A request that is repeated must have the same body, field by
// field; it is then applied once.
func NewCommand[B Body](r Request, body B) (*raftlogv1.Command, error) {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("%w: encode the body: %w", ErrCommand, err)
	}
	if len(b) > BodyBytesMax {
		return nil, fmt.Errorf("%w: the body has %d bytes, the most is %d", ErrCommand, len(b),
			BodyBytesMax)
	}
	return &raftlogv1.Command{
		Type: commandType(body),
		Request: &raftlogv1.Request{
			Signer: r.Signer[:], Nonce: r.Nonce, ExpiryMs: r.ExpiryMS,
		},
		Body: b,
	}, nil
}

// EncodeCommand stamps a command with the leader's time and returns the entry's bytes.
// The command itself is not changed.
func EncodeCommand(cmd *raftlogv1.Command, logTimeMS int64) ([]byte, error) {
	stamped := &raftlogv1.Command{
		Type: cmd.GetType(), LogTimeMs: logTimeMS, Request: cmd.GetRequest(),
		Body: cmd.GetBody(),
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(stamped)
	if err != nil {
		return nil, fmt.Errorf("%w: encode the envelope: %w", ErrCommand, err)
	}
	if len(b) > EntryBytesMax {
		return nil, fmt.Errorf("%w: the entry has %d bytes, the most is %d", ErrCommand, len(b),
			EntryBytesMax)
	}
	return b, nil
}

// commandType returns the type that goes with a body's message.
func commandType(body proto.Message) raftlogv1.CommandType {
	switch body.(type) {
	case *raftlogv1.Bootstrap:
		return raftlogv1.CommandType_COMMAND_TYPE_BOOTSTRAP
	case *raftlogv1.SetRole:
		return raftlogv1.CommandType_COMMAND_TYPE_SET_ROLE
	case *raftlogv1.SetPolicy:
		return raftlogv1.CommandType_COMMAND_TYPE_SET_POLICY
	case *raftlogv1.CommitBlob:
		return raftlogv1.CommandType_COMMAND_TYPE_COMMIT_BLOB
	case *raftlogv1.ForgetBlob:
		return raftlogv1.CommandType_COMMAND_TYPE_FORGET_BLOB
	case *raftlogv1.ExpireBlobs:
		return raftlogv1.CommandType_COMMAND_TYPE_EXPIRE_BLOBS
	case *raftlogv1.RegisterModule:
		return raftlogv1.CommandType_COMMAND_TYPE_REGISTER_MODULE
	case *raftlogv1.ActivateModule:
		return raftlogv1.CommandType_COMMAND_TYPE_ACTIVATE_MODULE
	case *raftlogv1.RetireBrain:
		return raftlogv1.CommandType_COMMAND_TYPE_RETIRE_BRAIN
	case *raftlogv1.SubmitTask:
		return raftlogv1.CommandType_COMMAND_TYPE_SUBMIT_TASK
	case *raftlogv1.LeaseTask:
		return raftlogv1.CommandType_COMMAND_TYPE_LEASE_TASK
	case *raftlogv1.FinishTask:
		return raftlogv1.CommandType_COMMAND_TYPE_FINISH_TASK
	case *raftlogv1.FailTask:
		return raftlogv1.CommandType_COMMAND_TYPE_FAIL_TASK
	case *raftlogv1.CancelTask:
		return raftlogv1.CommandType_COMMAND_TYPE_CANCEL_TASK
	case *raftlogv1.ExpireLeases:
		return raftlogv1.CommandType_COMMAND_TYPE_EXPIRE_LEASES
	case *raftlogv1.PruneTasks:
		return raftlogv1.CommandType_COMMAND_TYPE_PRUNE_TASKS
	case *raftlogv1.SetSetup:
		return raftlogv1.CommandType_COMMAND_TYPE_SET_SETUP
	case *raftlogv1.AttestTask:
		return raftlogv1.CommandType_COMMAND_TYPE_ATTEST_TASK
	case *raftlogv1.JudgeTask:
		return raftlogv1.CommandType_COMMAND_TYPE_JUDGE_TASK
	}
	return raftlogv1.CommandType_COMMAND_TYPE_UNSPECIFIED
}

// command is a decoded envelope.
type command struct {
	kind      raftlogv1.CommandType
	logTimeMS int64
	key       requestKey
	expiryMS  int64
	// digest is of type and body as they stand in the entry, so that it does not depend
	// on how any version of an encoder would write them.
	digest abi.Digest
	body   []byte
}

// decodeCommand reads an envelope strictly.
func decodeCommand(entry []byte) (*command, *Error) {
	if len(entry) > EntryBytesMax {
		return nil, refuse(CodeUndecodable, "", "the entry has %d bytes", len(entry))
	}
	m := &raftlogv1.Command{}
	if err := decodeStrict(entry, m); err != nil {
		return nil, err
	}
	r := m.GetRequest()
	switch {
	case m.GetLogTimeMs() <= 0 || m.GetLogTimeMs() > timeMaxMS:
		return nil, refuse(CodeInvalidArgument, "log_time_ms", "%d is no time", m.GetLogTimeMs())
	case len(r.GetSigner()) != abi.AddressBytes || isZero(r.GetSigner()):
		return nil, refuse(CodeInvalidArgument, "signer", "the signer is no address")
	case len(r.GetNonce()) < NonceBytesMin || len(r.GetNonce()) > NonceBytesMax:
		return nil, refuse(CodeInvalidArgument, "nonce", "the nonce has %d bytes instead of %d to %d",
			len(r.GetNonce()), NonceBytesMin, NonceBytesMax)
	case len(m.GetBody()) > BodyBytesMax:
		return nil, refuse(CodeInvalidArgument, "body", "the body has %d bytes", len(m.GetBody()))
	}
	kind := uint32(m.GetType())
	return &command{
		kind: m.GetType(), logTimeMS: m.GetLogTimeMs(), expiryMS: r.GetExpiryMs(),
		key: requestKey{abi.Address(r.GetSigner()), string(r.GetNonce())},
		digest: abi.LabelledDigest("cerberus/raftlog/v1/command",
			[]byte{byte(kind >> 24), byte(kind >> 16), byte(kind >> 8), byte(kind)}, m.GetBody()),
		body: m.GetBody(),
	}, nil
}

// run decodes a body strictly and hands it to its handler.
func run[M proto.Message](c *call, body []byte, m M, handle func(*call, M) *Error) *Error {
	if err := decodeStrict(body, m); err != nil {
		return err
	}
	return handle(c, m)
}

// decodeStrict refuses malformed messages, and fields that this version does not know:
// they may mean something to the version that wrote them.
func decodeStrict(b []byte, m proto.Message) *Error {
	if err := proto.Unmarshal(b, m); err != nil {
		return refuse(CodeUndecodable, "", "the %s is malformed",
			m.ProtoReflect().Descriptor().Name())
	}
	if hasUnknown(m.ProtoReflect()) {
		return refuse(CodeUnsupported, "", "the %s has fields of a newer version",
			m.ProtoReflect().Descriptor().Name())
	}
	return nil
}

// hasUnknown looks for unknown fields in a message and the messages inside it.
func hasUnknown(m protoreflect.Message) bool {
	if len(m.GetUnknown()) > 0 {
		return true
	}
	found := false
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Message() == nil:
		case f.IsList():
			for i := range v.List().Len() {
				found = found || hasUnknown(v.List().Get(i).Message())
			}
		default:
			found = found || hasUnknown(v.Message())
		}
		return !found
	})
	return found
}

func isZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}
