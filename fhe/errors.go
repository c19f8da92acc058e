package fhe

import "errors"

var (
	// ErrFormat is returned when bytes or text are not in their canonical form.
	ErrFormat = errors.New("malformed encoding")
	// ErrParams is returned for an unknown or insecure parameter set, or when two things
	// belong to different ones.
	ErrParams = errors.New("parameter set")
	// ErrType is returned when operands do not fit an operation: packing, length, kind.
	ErrType = errors.New("operand type")
	// ErrRange is returned when a number lies outside its documented range.
	ErrRange = errors.New("out of range")
	// ErrName is returned for an unknown, malformed or repeated name.
	ErrName = errors.New("name")
	// ErrLimit is returned when a counted limit is reached.
	ErrLimit = errors.New("limit reached")
	// ErrDepth is returned when a Program needs more levels than its parameters have.
	ErrDepth = errors.New("not enough levels")
	// ErrPlan is returned when a Plan is not well-formed.
	ErrPlan = errors.New("invalid plan")
	// ErrNoise is returned when a Plan's proven noise exceeds what a manifest tolerates.
	ErrNoise = errors.New("plan is not precise enough")
	// ErrOperand is returned when a ciphertext, constant or key does not fit the Plan.
	ErrOperand = errors.New("operand does not fit the plan")
	// ErrMissingKey is returned when a key set lacks a key that a Plan needs.
	ErrMissingKey = errors.New("missing evaluation key")
	// ErrForeign is returned when something loaded by one engine is given to another.
	ErrForeign = errors.New("loaded by another engine")
	// ErrUnsupported is returned when an engine cannot run a parameter set or a step.
	ErrUnsupported = errors.New("not supported by this engine")
)
