package hostcall

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/admit"
)

// Memory is a guest's linear memory as host functions see it. What Read returns is a view
// that is valid until the guest runs again; both report false for a range outside.
type Memory interface {
	Read(offset, bytes uint32) ([]byte, bool)
	Write(offset uint32, p []byte) bool
}

// Binding is a host function, ready to be offered to a runtime.
type Binding struct {
	// Module is the import module.
	Module string
	abi.Function
	// NoResult says that the function returns nothing, whatever Function.Result says.
	NoResult bool
	// Price is what a call is charged before its work is done.
	Price Price
	// Call runs the function: the parameters lie in stack, one in each element, and the
	// result replaces the first. mem is nil for a guest without memory. It does not panic.
	Call func(r *Run, mem Memory, stack []uint64)
}

// call is one host call: the guest's memory and parameters. A function returns a result at
// or above zero, or what [call.refuse] made of a code.
type call struct {
	*Run
	mem   Memory
	stack []uint64
}

type implementation func(c call) int64

// Bindings returns every function that a module may import: the table of package abi and
// the calls of the system interface. A row without an implementation or a price is an error,
// and so is an implementation or a price without a row.
func Bindings() ([]Binding, error) {
	var out []Binding
	prices := Prices()
	for _, part := range []struct {
		module          string
		functions       []abi.Function
		implementations map[string]implementation
	}{
		{abi.ImportModule, abi.Functions(), functions()},
		{admit.WASIModule, admit.WASIFunctions(), wasiFunctions()},
	} {
		if len(part.functions) != len(part.implementations) {
			return nil, fmt.Errorf("%w: %s has %d functions and %d implementations", ErrInternal,
				part.module, len(part.functions), len(part.implementations))
		}
		for _, f := range part.functions {
			run, ok := part.implementations[f.Name]
			if !ok {
				return nil, fmt.Errorf("%w: %s.%s has no implementation", ErrInternal, part.module,
					f.Name)
			}
			b := Binding{Module: part.module, Function: f, NoResult: f.Name == wasiExit}
			if b.Price, ok = priceOf(prices, part.module, f); !ok {
				return nil, fmt.Errorf("%w: %s.%s has no price", ErrInternal, part.module, f.Name)
			}
			b.Call = b.guarded(run)
			out = append(out, b)
		}
	}
	if len(out) != len(prices) {
		return nil, fmt.Errorf("%w: %d functions and %d prices", ErrInternal, len(out), len(prices))
	}
	return out, nil
}

// priceOf finds the price of a function, whose lengths are i32 parameters.
func priceOf(prices []Price, module string, f abi.Function) (Price, bool) {
	i := slices.IndexFunc(prices, func(p Price) bool { return p.Module == module && p.Name == f.Name })
	if i < 0 {
		return Price{}, false
	}
	return prices[i], !slices.ContainsFunc(prices[i].Lengths, func(l Length) bool {
		return l.Param >= len(f.Params) || f.Params[l.Param].Type != abi.I32
	})
}

// functions returns the implementations of the table, by name.
func functions() map[string]implementation {
	return map[string]implementation{
		"log": callLog, "fail": callFail, "arg": callArg,

		"request_text": callRequestText, "request_number": callRequestNumber,
		"encode_put": callEncodePut,

		"input": callInput, "constant": callConstant, "model": callModel,
		"add": callAdd, "sub": callSub, "mul": callMul, "mul_plain": callMulPlain,
		"neg": callNeg, "rotate": callRotate, "sum": callSum, "dot": callDot,
		"matvec": callMatVec, "poly": callPoly, "chebyshev": callChebyshev,
		"output": callOutput,

		"result": callResult, "answer_label": callAnswerLabel,
		"answer_number": callAnswerNumber,
	}
}

// guarded counts the call, charges for it, checks the phase, and turns a panic into an error
// of the run. A binding without phases belongs to the system interface, whose codes are not
// ours.
func (b Binding) guarded(run implementation) func(*Run, Memory, []uint64) {
	i32, anyPhase, system := b.Result == abi.I32, b.Phases == 0, b.Module == admit.WASIModule
	name, phases, noResult, price := b.Name, b.Phases, b.NoResult, b.Price
	inInitialize := name == "log" || name == "fail"
	return func(r *Run, mem Memory, stack []uint64) {
		defer func() {
			if p := recover(); p != nil && r.broken == nil {
				r.broken = fmt.Errorf("%w: %s in %s", ErrInternal, name, r.where())
			}
		}()
		r.calls++
		var result int64
		switch {
		case r.Stopped() || !r.charge(price.of(stack)):
			result = -int64(abi.ErrnoLimit)
			if system {
				result = wasiNotSupported
			}
		case !anyPhase && !r.mayCall(phases, inInitialize):
			result = -int64(abi.ErrnoPhase)
		case mem == nil:
			result = -int64(abi.ErrnoFault)
		default:
			result = run(call{r, mem, stack})
		}
		switch {
		case noResult:
		case i32:
			stack[0] = uint64(uint32(int32(result)))
		default:
			stack[0] = uint64(result)
		}
	}
}

// refuse keeps what a refused call was about, for the error that the guest will report, and
// returns the code. The text must not hold a value of a request or a result.
func (c call) refuse(code abi.Errno, format string, args ...any) int64 {
	c.problem = fmt.Sprintf(format, args...)
	return -int64(code)
}

func (c call) u32(i int) uint32 { return uint32(c.stack[i]) }
func (c call) i32(i int) int32  { return int32(uint32(c.stack[i])) }

// bytes returns a view of the guest's memory at the pointer in parameter i, as long as
// parameter i+1 says in elements of that many bytes. The product is taken in 64 bits.
func (c call) bytes(i int, size uint64) ([]byte, bool) {
	n := uint64(c.u32(i+1)) * size
	if n > 1<<32-1 {
		return nil, false
	}
	return c.mem.Read(c.u32(i), uint32(n))
}

// name reads a name at parameters i and i+1. The copy is bounded: a longer one is no name.
func (c call) name(i int) (string, abi.Errno) {
	if c.u32(i+1) > abi.NameBytesMax {
		return "", abi.ErrnoName
	}
	b, ok := c.bytes(i, 1)
	if !ok {
		return "", abi.ErrnoFault
	}
	return string(b), abi.ErrnoNone
}

// give writes what fits of text into the buffer at parameters i and i+1, and returns the
// full length.
func (c call) give(i int, text string) int64 {
	buf, ok := c.bytes(i, 1)
	if !ok {
		return -int64(abi.ErrnoFault)
	}
	copy(buf, text)
	return int64(len(text))
}

func (c call) writeU64(at uint32, v uint64) bool {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], v)
	return c.mem.Write(at, b[:])
}
