package identity

import "errors"

var (
	// ErrBound is returned when a Plan's identities could wrap around modulo the field: no
	// proof of such a Plan would mean anything.
	ErrBound = errors.New("identities do not fit the field")
	// ErrPublic is returned when public polynomials are not those of the Plan: another shape,
	// other metadata, a residue that is not canonical, a key that is missing.
	ErrPublic = errors.New("public polynomials do not fit the plan")
	// ErrWitness is returned when recorded integers are not those of a run of the Plan.
	ErrWitness = errors.New("witness does not fit the plan")
)
