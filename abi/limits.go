package abi

// Limits that hold everywhere. A limit that can change a Program is a count, never a time.
const (
	// BrainsMax is the number of licensed Brain slots; they are numbered from 1.
	BrainsMax = 1024

	// ModuleBytesMax bounds a module file, manifest included.
	ModuleBytesMax = 8 << 20
	// ManifestBytesMax bounds the manifest section of a module.
	ManifestBytesMax = 256 << 10
	// ModelBytesMax bounds the model blob beside a module.
	ModelBytesMax = 256 << 20
	// RequestBytesMax bounds a client's request document.
	RequestBytesMax = 1 << 20
	// AnswerBytesMax bounds the answer document that decode makes.
	AnswerBytesMax = 1 << 20

	// NameBytesMax bounds names of Brains, inputs, outputs, tensors and fields.
	NameBytesMax = 64
	// FieldsMax bounds the fields of a request schema.
	FieldsMax = 64
	// FieldKeysMax bounds the keys of one numbers field.
	FieldKeysMax = 4096
	// EnumValuesMax bounds the values of an enum field.
	EnumValuesMax = 64
	// PublicCombinationsMax bounds the combinations of public arguments of one module:
	// each has a Program and a Plan of its own, made at registration.
	PublicCombinationsMax = 64
	// InputsMax and OutputsMax bound the named vectors of one task.
	InputsMax = 16
	// OutputsMax bounds the named results of one task.
	OutputsMax = 16
	// TensorsMax bounds the tensors of a model.
	TensorsMax = 1024
	// LabelsMax bounds the labels of an answer.
	LabelsMax = 1024

	// VectorLengthMax bounds the length of any vector of a Program.
	VectorLengthMax = 1 << 20
	// ProgramNodesMax bounds the nodes of a Program.
	ProgramNodesMax = 65536
	// InlineValuesMax bounds the inline constants of a Program, all nodes together.
	InlineValuesMax = 1 << 20
	// PolyDegreeMax bounds the degree of a polynomial or Chebyshev series.
	PolyDegreeMax = 63
	// FracBitsMax bounds the fractional bits of a fixed-point number.
	FracBitsMax = 60

	// HostCallsMax bounds the host calls of one entry point's run.
	HostCallsMax = 1 << 20
	// RecordedGasMax bounds what the steps of one run's recorded nodes cost, in units of gas,
	// at the highest level of the parameter set: about twenty hours of one core.
	RecordedGasMax = 1 << 46
	// GasEncodeMax bounds what one run of encode is charged, in units of gas, _initialize and
	// host calls included. It is the largest of the three, since encode may read a long text;
	// the modules that we ship take less than a twentieth for theirs.
	GasEncodeMax = 1 << 33
	// GasInferMax is the same for infer, which nodes run, too: recording takes the modules that
	// we ship a million units, and the host calls of a Program of [ProgramNodesMax] nodes an
	// eighth of this.
	GasInferMax = 1 << 30
	// GasDecodeMax is the same for decode.
	GasDecodeMax = 1 << 30
	// HandlesMax bounds the live handles of one run.
	HandlesMax = ProgramNodesMax
	// LogBytesMax bounds what one run may log; what exceeds it is counted and dropped.
	LogBytesMax = 64 << 10
	// MemoryPagesMax bounds the linear memory of a guest, in pages of 64 KiB.
	MemoryPagesMax = 2048
)

// GasMax returns the bound of a phase's gas; of several phases together, the largest.
func GasMax(p Phase) int64 {
	switch {
	case p&PhaseEncode != 0:
		return GasEncodeMax
	case p&PhaseInfer != 0:
		return GasInferMax
	default:
		return GasDecodeMax
	}
}
