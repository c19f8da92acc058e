package state

import (
	"slices"

	"github.com/cerberus-host/cerberus/abi"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
)

func parseName(field, s string) *Error {
	if !abi.ValidName(s) {
		return refuse(CodeInvalidArgument, field, "%.80q is not a name of 1 to %d bytes", s,
			abi.NameBytesMax)
	}
	return nil
}

func parseDigest(field string, b []byte) (abi.Digest, *Error) {
	d, err := abi.DigestFromBytes(b)
	if err != nil || d.IsZero() {
		return abi.Digest{}, refuse(CodeInvalidArgument, field, "%d bytes are no digest", len(b))
	}
	return d, nil
}

// parseOptionalDigest reads a digest that may be absent; then it is zero.
func parseOptionalDigest(field string, b []byte) (abi.Digest, *Error) {
	if len(b) == 0 {
		return abi.Digest{}, nil
	}
	return parseDigest(field, b)
}

func parseTaskID(b []byte) (abi.TaskID, *Error) {
	if len(b) != abi.DigestBytes || isZero(b) {
		return abi.TaskID{}, refuse(CodeInvalidArgument, "task_id", "%d bytes are no task id",
			len(b))
	}
	return abi.TaskID(b), nil
}

func parseAddress(field string, b []byte) (abi.Address, *Error) {
	if len(b) != abi.AddressBytes || isZero(b) {
		return abi.Address{}, refuse(CodeInvalidArgument, field, "%d bytes are no address", len(b))
	}
	return abi.Address(b), nil
}

// parseArgs reads public arguments that are sorted by name already.
func parseArgs(field string, list []*raftlogv1.Arg) (abi.Args, *Error) {
	if len(list) > ArgsMax {
		return nil, refuse(CodeInvalidArgument, field, "%d arguments, the most is %d", len(list),
			ArgsMax)
	}
	var args abi.Args
	for _, a := range list {
		args = append(args, abi.Arg{Name: a.GetName(), Value: a.GetValue()})
	}
	sorted, err := abi.NewArgs(args)
	if err != nil || !slices.Equal(sorted, args) {
		return nil, refuse(CodeInvalidArgument, field,
			"the arguments are not names, sorted and without repetition")
	}
	return args, nil
}

// parseNamedBlobs reads blobs that are sorted by name already.
func parseNamedBlobs(field string, list []*raftlogv1.NamedDigest, most int) ([]NamedBlob, *Error) {
	if len(list) == 0 || len(list) > most {
		return nil, refuse(CodeInvalidArgument, field, "%d blobs instead of 1 to %d", len(list),
			most)
	}
	out := make([]NamedBlob, 0, len(list))
	for i, b := range list {
		if bad := parseName(field, b.GetName()); bad != nil {
			return nil, bad
		}
		d, bad := parseDigest(field, b.GetDigest())
		if bad != nil {
			return nil, bad
		}
		if i > 0 && out[i-1].Name >= b.GetName() {
			return nil, refuse(CodeInvalidArgument, field, "the names are not sorted and unique")
		}
		out = append(out, NamedBlob{b.GetName(), d})
	}
	return out, nil
}

func parseLimit(limit uint32) (int, *Error) {
	if limit == 0 || limit > BatchMax {
		return 0, refuse(CodeInvalidArgument, "limit", "%d is not in 1 to %d", limit, BatchMax)
	}
	return int(limit), nil
}

// hold finds a blob that was committed as a kind.
func (s *State) hold(field string, d abi.Digest, kind BlobKind) *Error {
	if b, ok := s.blobs[d]; !ok || !b.Kinds.Has(kind) {
		return refuse(CodeUnknownBlob, field, "no %s with digest %s is committed", kind, d)
	}
	return nil
}

func (s *State) holdNamed(field string, list []NamedBlob) *Error {
	for _, b := range list {
		if bad := s.hold(field, b.Digest, BlobCiphertext); bad != nil {
			return bad
		}
	}
	return nil
}
