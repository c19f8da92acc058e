package registry

import "errors"

// What [Registry.Check] refuses a module for. A module that breaks an admission rule is
// refused with abi.ErrModule or abi.ErrManifest instead.
var (
	// ErrParams is returned when the manifest names no known parameter set.
	ErrParams = errors.New("unknown parameter set")
	// ErrInsecure is returned when the parameter set does not reach 128-bit security.
	ErrInsecure = errors.New("insecure parameter set")
	// ErrEngine is returned when the node's engine cannot run the parameter set.
	ErrEngine = errors.New("parameter set not supported")
	// ErrModel is returned when the model blob is missing or not the manifest's.
	ErrModel = errors.New("model does not fit the manifest")
	// ErrInfer is returned when infer failed.
	ErrInfer = errors.New("infer failed")
	// ErrUnstable is returned when two runs of infer recorded different Programs.
	ErrUnstable = errors.New("infer is not deterministic")
	// ErrProgram is returned when the Program's inputs or outputs are not the manifest's.
	ErrProgram = errors.New("program does not fit the manifest")
	// ErrPlan is returned when the Program cannot be compiled.
	ErrPlan = errors.New("program cannot be compiled")
	// ErrNoise is returned when the proven noise of an output exceeds the manifest's tolerance.
	ErrNoise = errors.New("program is not precise enough")
	// ErrArgs is returned for public arguments that the manifest does not allow.
	ErrArgs = errors.New("unknown public arguments")
)
