package attest

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/cerberus-host/cerberus/abi"
)

// Versions that a statement made by this build carries. What is proven depends on them, so a
// checker refuses a statement with others.
const (
	// ProtocolVersion names the proof protocol.
	ProtocolVersion = "cerberus-attestation/1"
	// GnarkVersion is the version of the module that makes and checks openings.
	GnarkVersion = "v0.16.1"
	// SqueezerVersion names the compiler of Plans. It changes with every change that can
	// change a Plan.
	SqueezerVersion = "cerberus-squeeze/1"
)

const (
	// StatementBytesMax bounds the text of a statement.
	StatementBytesMax = 64 << 10
	// VersionBytesMax bounds a version, an engine's name and a build's name.
	VersionBytesMax = 80
	// ArgsMax bounds the public arguments of a task; a manifest has no more fields.
	ArgsMax = abi.FieldsMax
)

const (
	statementHeader = "cerberus statement 1"
	signedHeader    = "signed"
	// none stands for a digest that is not there.
	none = "none"
	// statementLabel and signatureLabel separate the two digests of a statement from each
	// other and from all others; changing one breaks every attestation.
	statementLabel = "cerberus statement v1"
	signatureLabel = "cerberus statement signature v1"
)

// NamedDigest names a blob and what it is to the Plan.
type NamedDigest struct {
	Name   string
	Digest abi.Digest
}

// Statement is what a node attests: that the outputs are what a Plan computes from the
// inputs under the keys, up to the Plan's proven noise. All fields but Signed are bound to
// the proof. A Statement from [ParseStatement] is well-formed; others are checked by
// [Statement.Check].
type Statement struct {
	// Protocol, Gnark, ABI and Squeezer are versions: 1 to [VersionBytesMax] printable
	// bytes without spaces.
	Protocol, Gnark, ABI, Squeezer string
	// Params names the parameter set.
	Params string
	// Setup is the digest of the setup's verifying file.
	Setup abi.Digest
	// Module, Export and Args single out the Program.
	Module abi.Digest
	Export string
	Args   abi.Args
	// Program and Plan are what they led to.
	Program, Plan abi.Digest
	// KeySet is the digest of the key set, zero if the Plan needs no keys.
	KeySet abi.Digest
	// KeyCommitments is the digest of the commitments that stand for the key set in the
	// proof, zero if its polynomials do.
	KeyCommitments abi.Digest
	// Inputs and Outputs are the canonical blobs, in the Plan's order: 1 to abi.InputsMax and
	// 1 to abi.OutputsMax.
	Inputs, Outputs []NamedDigest
	// Task, Client and Node tell whose run this was.
	Task         [32]byte
	Client, Node abi.Address
	// Signed is not proven.
	Signed SignedOnly
}

// SignedOnly is what a node says about a run without proof.
type SignedOnly struct {
	// Engine names the engine, Build the program; both like a version.
	Engine, Build string
	// Gas is what the task cost, in the units of docs/ABI.md: the run of infer and the steps
	// that it recorded. Whoever runs infer gets the same number.
	Gas int64
	// Steps is the number of the Plan's steps that were executed.
	Steps int64
	// ExecuteMicros and ProveMicros are durations in microseconds, 0 if not measured.
	ExecuteMicros, ProveMicros int64
}

// Check returns nil if every field has a form that the text can hold and none that must be
// there is missing; otherwise the error wraps [ErrFormat].
func (s *Statement) Check() error {
	words := []struct{ what, word string }{
		{"protocol", s.Protocol},
		{"gnark", s.Gnark},
		{"abi", s.ABI},
		{"squeezer", s.Squeezer},
		{"params", s.Params},
		{"export", s.Export},
		{"engine", s.Signed.Engine},
		{"build", s.Signed.Build},
	}
	for _, w := range words {
		if !validWord(w.word) {
			return formatError(w.what, "%.100q is not 1 to %d printable bytes without spaces",
				w.word, VersionBytesMax)
		}
	}
	digests := []struct {
		what   string
		digest abi.Digest
	}{
		{"setup", s.Setup},
		{"module", s.Module},
		{"program", s.Program},
		{"plan", s.Plan},
		{"task", abi.Digest(s.Task)},
	}
	for _, d := range digests {
		if d.digest.IsZero() {
			return formatError(d.what, "is missing")
		}
	}
	switch {
	case s.Client.IsZero():
		return formatError("client", "is missing")
	case s.Node.IsZero():
		return formatError("node", "is missing")
	case s.KeySet.IsZero() && !s.KeyCommitments.IsZero():
		return formatError("key_commitments", "there is no key set")
	case min(s.Signed.Gas, s.Signed.Steps, s.Signed.ExecuteMicros, s.Signed.ProveMicros) < 0:
		return formatError(signedHeader, "a count is negative")
	}
	if err := checkArgs(s.Args); err != nil {
		return err
	}
	if err := checkNamed("input", s.Inputs, abi.InputsMax); err != nil {
		return err
	}
	return checkNamed("output", s.Outputs, abi.OutputsMax)
}

func checkArgs(args abi.Args) error {
	if len(args) > ArgsMax {
		return formatError("arg", "%d of them, at most %d", len(args), ArgsMax)
	}
	sorted, err := abi.NewArgs(args)
	if err != nil {
		return formatError("arg", "%v", err)
	}
	if !sorted.Equal(args) {
		return formatError("arg", "they are not sorted by name")
	}
	return nil
}

func checkNamed(what string, list []NamedDigest, most int) error {
	if len(list) < 1 || len(list) > most {
		return formatError(what, "%d of them, 1 to %d", len(list), most)
	}
	for i, d := range list {
		if !abi.ValidName(d.Name) {
			return formatError(what, "%.80q is not a name", d.Name)
		}
		if d.Digest.IsZero() {
			return formatError(what, "%q lacks its digest", d.Name)
		}
		for _, earlier := range list[:i] {
			if earlier.Name == d.Name {
				return formatError(what, "%q is there twice", d.Name)
			}
		}
	}
	return nil
}

// validWord reports whether s is one word of printable ASCII within the limit.
func validWord(s string) bool {
	if len(s) < 1 || len(s) > VersionBytesMax {
		return false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// Digest returns the digest of the bound part: what a proof is about.
func (s *Statement) Digest() abi.Digest { return abi.LabelledDigest(statementLabel, s.bound()) }

// SigningDigest returns what the node signs: the digest of the whole text under a label of
// its own.
func (s *Statement) SigningDigest() abi.Digest {
	return abi.LabelledDigest(signatureLabel, s.Bytes())
}

// Bytes returns the canonical text, which [ParseStatement] reads if the statement passes
// [Statement.Check].
func (s *Statement) Bytes() []byte {
	b := fmt.Appendf(s.bound(), "%s\nengine %s\nbuild %s\n", signedHeader, s.Signed.Engine,
		s.Signed.Build)
	return fmt.Appendf(b, "gas %d\nsteps %d\nexecute_us %d\nprove_us %d\n", s.Signed.Gas,
		s.Signed.Steps, s.Signed.ExecuteMicros, s.Signed.ProveMicros)
}

// bound returns the text of the bound part.
func (s *Statement) bound() []byte {
	b := fmt.Appendf(nil, "%s\nprotocol %s\ngnark %s\nabi %s\nsqueezer %s\nparams %s\n",
		statementHeader, s.Protocol, s.Gnark, s.ABI, s.Squeezer, s.Params)
	b = fmt.Appendf(b, "setup %s\nmodule %s\nexport %s\n", s.Setup, s.Module, s.Export)
	for _, a := range s.Args {
		b = fmt.Appendf(b, "arg %s=%s\n", a.Name, a.Value)
	}
	b = fmt.Appendf(b, "program %s\nplan %s\nkeyset %s\nkey_commitments %s\n", s.Program,
		s.Plan, orNone(s.KeySet), orNone(s.KeyCommitments))
	for _, d := range s.Inputs {
		b = fmt.Appendf(b, "input %s %s\n", d.Digest, d.Name)
	}
	for _, d := range s.Outputs {
		b = fmt.Appendf(b, "output %s %s\n", d.Digest, d.Name)
	}
	return fmt.Appendf(b, "task %s\nclient %s\nnode %s\n", abi.TaskID(s.Task), s.Client, s.Node)
}

// orNone returns the text of a digest that may be missing.
func orNone(d abi.Digest) string {
	if d.IsZero() {
		return none
	}
	return d.String()
}

// ParseStatement reads what [Statement.Bytes] returns and nothing else. Errors wrap
// [ErrFormat].
func ParseStatement(text []byte) (*Statement, error) {
	if len(text) > StatementBytesMax {
		return nil, formatError("length", "%d bytes, at most %d", len(text), StatementBytesMax)
	}
	r := &reader{rest: string(text)}
	s := &Statement{}
	r.header(statementHeader)
	s.Protocol, s.Gnark, s.ABI = r.word("protocol"), r.word("gnark"), r.word("abi")
	s.Squeezer, s.Params = r.word("squeezer"), r.word("params")
	s.Setup, s.Module, s.Export = r.digest("setup"), r.digest("module"), r.word("export")
	s.Args = r.args()
	s.Program, s.Plan = r.digest("program"), r.digest("plan")
	s.KeySet = r.optionalDigest("keyset")
	s.KeyCommitments = r.optionalDigest("key_commitments")
	s.Inputs = r.named("input", abi.InputsMax)
	s.Outputs = r.named("output", abi.OutputsMax)
	s.Task = r.task("task")
	s.Client, s.Node = r.address("client"), r.address("node")
	r.header(signedHeader)
	s.Signed.Engine, s.Signed.Build = r.word("engine"), r.word("build")
	s.Signed.Gas, s.Signed.Steps = r.count("gas"), r.count("steps")
	s.Signed.ExecuteMicros, s.Signed.ProveMicros = r.count("execute_us"), r.count("prove_us")
	if err := r.end(); err != nil {
		return nil, err
	}
	if err := s.Check(); err != nil {
		return nil, err
	}
	if !bytes.Equal(s.Bytes(), text) {
		return nil, formatError("text", "is not in canonical form")
	}
	return s, nil
}

func formatError(field, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrFormat, field, fmt.Sprintf(format, args...))
}

// decimal reads a count in its one decimal form.
func decimal(word string) (int64, bool) {
	v, err := strconv.ParseInt(word, 10, 64)
	return v, err == nil && v >= 0 && strconv.FormatInt(v, 10) == word
}
