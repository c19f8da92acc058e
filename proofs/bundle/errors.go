package bundle

import "errors"

var (
	// ErrFormat is returned for bytes that are not the canonical form of a bundle.
	ErrFormat = errors.New("malformed attestation bundle")
	// ErrSignature is returned when the statement is not signed by the node that it names.
	ErrSignature = errors.New("the attestation is not signed by its node")
	// ErrStatement is returned when a field of the statement is not what the checker derived
	// or asked for.
	ErrStatement = errors.New("the statement is about something else")
	// ErrSetup is returned when the statement is under another setup than the checker's.
	ErrSetup = errors.New("the attestation was made under another setup")
	// ErrDevelopmentSetup is returned when the checker's setup is of kind development and its
	// policy does not allow that.
	ErrDevelopmentSetup = errors.New("the setup is a development setup, whose maker can forge " +
		"every attestation; to accept it give --allow-development-setup")
	// ErrOutput is returned when an output's bytes are not a ciphertext with the metadata of
	// the Plan, or not what the statement names.
	ErrOutput = errors.New("an output is not what the plan makes")
	// ErrProof is returned when the proof is malformed or does not hold.
	ErrProof = errors.New("the proof does not hold")
	// ErrMaterials is returned when what the checker brought does not fit together or cannot be
	// checked against; it is no fault of the bundle.
	ErrMaterials = errors.New("the materials to check with are not usable")
)

// Reason returns the stable word for why a bundle was refused, as verdicts carry it:
// format, signature, statement, setup, output or proof. It is empty for an error that says
// nothing against the bundle: the checker's policy, its materials, or its context.
func Reason(err error) string {
	for _, r := range []struct {
		err  error
		word string
	}{
		{ErrMaterials, ""},
		{ErrDevelopmentSetup, ""},
		{ErrFormat, "format"},
		{ErrSignature, "signature"},
		{ErrStatement, "statement"},
		{ErrSetup, "setup"},
		{ErrOutput, "output"},
		{ErrProof, "proof"},
	} {
		if errors.Is(err, r.err) {
			return r.word
		}
	}
	return ""
}
