package abi

import "slices"

// Version is the version of the ABI; it is bound into every Program's digest.
const Version = "cerberus/v1"

// ImportModule is the one module name that a Brain imports host functions from.
const ImportModule = "cerberus1"

// Exports that a module must have beside its memory: a marker of the ABI's version and
// the three entry points. All have type () -> (); an entry point succeeds by returning
// without having called the host function "fail".
const (
	ExportMarker = "cerberus_abi_v1"
	ExportEncode = "encode"
	ExportInfer  = "infer"
	ExportDecode = "decode"
	ExportMemory = "memory"
)

// Phase is an entry point, as a bit: a host function lists the phases that may call it.
type Phase uint8

// The phases.
const (
	PhaseEncode Phase = 1 << iota
	PhaseInfer
	PhaseDecode
	PhaseAny = PhaseEncode | PhaseInfer | PhaseDecode
)

// String names the phases, joined by "+".
func (p Phase) String() string {
	out := ""
	for i, name := range []string{ExportEncode, ExportInfer, ExportDecode} {
		if p&(1<<i) == 0 {
			continue
		}
		if out != "" {
			out += "+"
		}
		out += name
	}
	return out
}

// ValueType is the WebAssembly type of a parameter or result.
type ValueType uint8

// The value types that the table uses.
const (
	I32 ValueType = iota
	I64
	F64
)

// String returns the name in the WebAssembly text format.
func (v ValueType) String() string { return [...]string{"i32", "i64", "f64"}[v] }

// CostClass groups host functions by what their price depends on. Prices are in units of gas:
// one is about the time that a plain WebAssembly operator takes, a nanosecond at most. The
// table of prices is package hostcall's.
type CostClass uint8

// The cost classes.
const (
	// CostFixed is a price that grows with nothing but names.
	CostFixed CostClass = iota
	// CostBytes grows with the bytes that the guest passes or has room for.
	CostBytes
	// CostNode is the price of one more node in the Program, with the steps it stands for.
	CostNode
)

// String names the class.
func (c CostClass) String() string { return [...]string{"fixed", "bytes", "node"}[c] }

// Param is one parameter of a host function. A name that ends in _ptr is an offset into
// the guest's memory and is followed by the parameter that bounds it.
type Param struct {
	Name string
	Type ValueType
}

// Function is one row of the table of host functions.
type Function struct {
	Name   string
	Params []Param
	Result ValueType
	Phases Phase
	Cost   CostClass
	Since  string
	// Doc is the reference text: what it does, what it returns, which codes it can give.
	Doc string
}

func name2() []Param { return []Param{{"name_ptr", I32}, {"name_len", I32}} }

func with(p []Param, more ...Param) []Param { return append(slices.Clip(p), more...) }

func handles(names ...string) []Param {
	out := make([]Param, len(names))
	for i, n := range names {
		out[i] = Param{n, I64}
	}
	return out
}

// Functions returns the table of host functions in its fixed order: the single source of
// guest stubs, host registration and the reference page. The caller owns the result.
//
// Conventions: a result below zero is -[Errno]; i64 results at or above zero are handles;
// reads follow (buf_ptr, buf_cap) -> full length, so a caller whose buffer was too small
// learns the length and calls again; f64 arrays are little-endian, eight bytes a number.
func Functions() []Function {
	var out []Function
	out = append(out, commonFunctions()...)
	out = append(out, encodeFunctions()...)
	out = append(out, inferFunctions()...)
	out = append(out, decodeFunctions()...)
	for i := range out {
		out[i].Since = Version
	}
	return out
}

func commonFunctions() []Function {
	return []Function{
		{
			Name: "log", Params: []Param{{"text_ptr", I32}, {"text_len", I32}}, Result: I32,
			Phases: PhaseAny, Cost: CostBytes,
			Doc: "Appends a line of UTF-8 text to the run's log, which the host caps and shows " +
				"to the operator (infer) or to the user (encode, decode). Returns 0. " +
				"Errors: fault.",
		},
		{
			Name: "fail", Params: []Param{{"text_ptr", I32}, {"text_len", I32}}, Result: I32,
			Phases: PhaseAny, Cost: CostBytes,
			Doc: "Ends the entry point with an error message for the user, of at most 512 " +
				"bytes; what was built is discarded. Returns 0. Errors: fault, state.",
		},
		{
			Name: "arg", Params: with(name2(), Param{"buf_ptr", I32}, Param{"buf_cap", I32}),
			Result: I32, Phases: PhaseAny, Cost: CostBytes,
			Doc: "Reads the public argument of that name as UTF-8 text and returns its full " +
				"length. Errors: fault, name.",
		},
	}
}

func encodeFunctions() []Function {
	return []Function{
		{
			Name:   "request_text",
			Params: with(name2(), Param{"buf_ptr", I32}, Param{"buf_cap", I32}),
			Result: I32, Phases: PhaseEncode, Cost: CostBytes,
			Doc: "Reads a text or enum field of the request and returns its full length in " +
				"bytes. Errors: fault, name, type, absent.",
		},
		{
			Name: "request_number",
			Params: with(name2(), Param{"key_ptr", I32}, Param{"key_len", I32},
				Param{"out_ptr", I32}),
			Result: I32, Phases: PhaseEncode, Cost: CostFixed,
			Doc: "Writes the number of a number field (empty key) or of one key of a numbers " +
				"field as one f64 at out_ptr. Returns 0. Errors: fault, name, type, absent.",
		},
		{
			Name: "encode_put",
			Params: with(name2(), Param{"offset", I32}, Param{"values_ptr", I32},
				Param{"count", I32}),
			Result: I32, Phases: PhaseEncode, Cost: CostBytes,
			Doc: "Sets count elements of the input vector of that name, from offset on, to the " +
				"f64 values at values_ptr. Elements never set are zero. Returns 0. Errors: " +
				"fault, name, range (outside the vector, not finite, beyond the input's bound).",
		},
	}
}

func inferFunctions() []Function {
	node := func(name string, params []Param, doc string) Function {
		return Function{
			Name: name, Params: params, Result: I64, Phases: PhaseInfer, Cost: CostNode, Doc: doc,
		}
	}
	ab := "a and b must agree in packing and length. Errors: handle, type, depth, limit."
	return []Function{
		node("input", name2(), "Returns the encrypted input vector of that name; its packing "+
			"and length come from the manifest. Errors: fault, name, limit."),
		node("constant", []Param{{"values_ptr", I32}, {"count", I32}, {"frac", I32}},
			"Makes a public constant vector of count i64 mantissas (little-endian) with frac "+
				"fractional bits: the value is mantissa * 2^-frac. Errors: fault, range, limit."),
		node("model", with(name2(), Param{"offset", I32}, Param{"count", I32}),
			"Names count numbers of the model's tensor of that name, from element offset on; "+
				"the numbers never enter the guest or the Program. Errors: fault, name, "+
				"range, limit."),
		node("add", handles("a", "b"), "Element-wise sum; either may be a constant. "+ab),
		node("sub", handles("a", "b"), "Element-wise difference a - b; either may be a constant. "+ab),
		node("mul", handles("a", "b"),
			"Element-wise product of two encrypted slot vectors. "+ab),
		node("mul_plain", handles("a", "c"),
			"Element-wise product of the encrypted slot vector a with the constant c. "+ab),
		node("neg", handles("a"), "Negation. Errors: handle, type, limit."),
		node("rotate", with(handles("a"), Param{"by", I32}),
			"Rotates the slot vector a left by that many places, cyclically within its period "+
				"(the power of two at or above its length); by lies in [-period, period]. The "+
				"result has the length of the period. Errors: handle, type, range, limit."),
		node("sum", handles("a"),
			"Sum of all elements of the slot vector a, a vector of length 1. Errors: handle, "+
				"type, limit."),
		node("dot", handles("a", "c"),
			"Inner product of the encrypted vector a with the constant c of the same length; a "+
				"vector of length 1. With coefficient packing it needs no rotation. Errors: "+
				"handle, type, depth, limit."),
		node("matvec", with(handles("m", "a"), Param{"rows", I32}, Param{"cols", I32}),
			"Product of the rows x cols matrix in the constant m (row after row) with the slot "+
				"vector a of length cols; a vector of length rows. Errors: handle, type, range, "+
				"depth, limit."),
		node("poly", handles("a", "c"),
			"Evaluates, at every element of the slot vector a, the polynomial whose "+
				"coefficients are the constant c, lowest degree first. Errors: handle, type, "+
				"range, depth, limit."),
		node("chebyshev", with(handles("a", "c"), Param{"lo", I64}, Param{"hi", I64},
			Param{"frac", I32}),
			"Evaluates the Chebyshev series with coefficients c on the interval "+
				"[lo * 2^-frac, hi * 2^-frac] at every element of a. Errors: handle, type, "+
				"range, depth, limit."),
		{
			Name: "output", Params: with(name2(), Param{"a", I64}), Result: I32,
			Phases: PhaseInfer, Cost: CostNode,
			Doc: "Makes a the output vector of that name; its length must be the manifest's. " +
				"Returns 0. Errors: fault, name, handle, type, state, limit.",
		},
	}
}

func decodeFunctions() []Function {
	return []Function{
		{
			Name: "result", Params: with(name2(), Param{"buf_ptr", I32}, Param{"buf_cap", I32}),
			Result: I32, Phases: PhaseDecode, Cost: CostBytes,
			Doc: "Reads the decrypted output vector of that name as f64 values; buf_cap and the " +
				"result count numbers, not bytes. Errors: fault, name.",
		},
		{
			Name: "answer_label", Params: name2(), Result: I32, Phases: PhaseDecode,
			Cost: CostBytes,
			Doc: "Sets the answer's label, one of the manifest's. Returns 0. Errors: fault, " +
				"name, state.",
		},
		{
			Name: "answer_number", Params: with(name2(), Param{"value", F64}), Result: I32,
			Phases: PhaseDecode, Cost: CostBytes,
			Doc: "Adds a finite number to the answer under that name (for a classifier: " +
				"\"confidence\"). Returns 0. Errors: fault, name, range, state, limit.",
		},
	}
}
