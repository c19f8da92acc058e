package attest

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
)

const (
	// VerdictBytesMax bounds the text of a verdict.
	VerdictBytesMax = 1 << 10
	// ReasonBytesMax bounds the reason of a verdict.
	ReasonBytesMax = 40
)

const (
	verdictHeader = "cerberus verdict 1"
	verdictLabel  = "cerberus verdict v1"
	accepted      = "accepted"
	rejected      = "rejected"
)

// Verdict is what a validator says about the attestation of a task. A Verdict from
// [ParseVerdict] is well-formed; others are checked by [Verdict.Check].
type Verdict struct {
	Task [32]byte
	// Statement is [Statement.Digest], Bundle the digest of the bundle's bytes.
	Statement, Bundle abi.Digest
	Validator         abi.Address
	Accepted          bool
	// Reason is a stable word, 1 to [ReasonBytesMax] of a-z, 0-9 and "_", that says why an
	// attestation was rejected; empty if it was accepted.
	Reason string
}

// Check returns nil if every field has a form that the text can hold and none is missing;
// otherwise the error wraps [ErrFormat].
func (v *Verdict) Check() error {
	switch {
	case v.Task == [32]byte{}:
		return formatError("task", "is missing")
	case v.Statement.IsZero():
		return formatError("statement", "is missing")
	case v.Bundle.IsZero():
		return formatError("bundle", "is missing")
	case v.Validator.IsZero():
		return formatError("validator", "is missing")
	case v.Accepted && v.Reason != "":
		return formatError("reason", "an accepted attestation has none")
	case !v.Accepted && !validReason(v.Reason):
		return formatError("reason", "%.60q is not a word of a-z, 0-9 and _", v.Reason)
	}
	return nil
}

func validReason(s string) bool {
	if len(s) < 1 || len(s) > ReasonBytesMax {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// Bytes returns the canonical text, which [ParseVerdict] reads if the verdict passes
// [Verdict.Check].
func (v *Verdict) Bytes() []byte {
	outcome := accepted
	if !v.Accepted {
		outcome = rejected + " " + v.Reason
	}
	return fmt.Appendf(nil, "%s\ntask %s\nstatement %s\nbundle %s\nvalidator %s\noutcome %s\n",
		verdictHeader, abi.TaskID(v.Task), v.Statement, v.Bundle, v.Validator, outcome)
}

// SigningDigest returns what the validator signs.
func (v *Verdict) SigningDigest() abi.Digest { return abi.LabelledDigest(verdictLabel, v.Bytes()) }

// ParseVerdict reads what [Verdict.Bytes] returns and nothing else. Errors wrap [ErrFormat].
func ParseVerdict(text []byte) (*Verdict, error) {
	if len(text) > VerdictBytesMax {
		return nil, formatError("length", "%d bytes, at most %d", len(text), VerdictBytesMax)
	}
	r := &reader{rest: string(text)}
	v := &Verdict{}
	r.header(verdictHeader)
	v.Task = r.task("task")
	v.Statement, v.Bundle = r.digest("statement"), r.digest("bundle")
	v.Validator = r.address("validator")
	outcome, reason, _ := strings.Cut(r.word("outcome"), " ")
	if err := r.end(); err != nil {
		return nil, err
	}
	v.Accepted, v.Reason = outcome == accepted, reason
	if err := v.Check(); err != nil {
		return nil, err
	}
	if !bytes.Equal(v.Bytes(), text) {
		return nil, formatError("text", "is not in canonical form")
	}
	return v, nil
}
