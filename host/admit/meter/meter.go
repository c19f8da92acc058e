package meter

import (
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/admit/wasm"
)

// Names by which the host reaches what is added. No module may use them itself.
const (
	// ImportModule and ImportRefill name the function () -> () that is called when the gas
	// is below zero.
	ImportModule = "cerberus.meter"
	ImportRefill = "refill"
	// ReservedPrefix is what the names of all added exports begin with.
	ReservedPrefix = "cerberus."
	// ExportGas is the global of type i64 that holds the gas that is left.
	ExportGas = ReservedPrefix + "gas"
	// ExportDepth is the global of type i32 that holds the weight of the calls under way.
	ExportDepth = ReservedPrefix + "depth"
	// ExportGlobalPrefix and the global's index in decimal name a mutable global of the
	// module's own.
	ExportGlobalPrefix = ReservedPrefix + "global."
)

const (
	// DepthDefault is what [Options.DepthMax] is if it is not set.
	DepthDefault = 1_500
	// DepthLimit bounds [Options.DepthMax]: every engine has room for so many calls, and a
	// leaf and host functions on top.
	DepthLimit = 1_900
	// CodeBytesDefault is what [Options.CodeBytesMax] is if it is not set.
	CodeBytesDefault = 16 << 20
	// memoryPagesLimit is all that 32 bits can address.
	memoryPagesLimit = 1 << 16
)

// Options are limits that are written into a module. The zero value stands for the
// defaults.
type Options struct {
	// MemoryPagesMax is the largest size of the memory in pages of 64 KiB, from 1 to 65,536;
	// 0 stands for [abi.MemoryPagesMax]. A smaller maximum of the module's own stays.
	MemoryPagesMax uint32
	// CodeBytesMax is the largest size of the sections' contents that are written, 0 for
	// [CodeBytesDefault]. It bounds the memory that rewriting takes.
	CodeBytesMax int
	// DepthMax is the largest weight of calls under way, from 1 to [DepthLimit]; 0 stands
	// for [DepthDefault]. A call of a function that calls others weighs one, and more if it
	// is large; leaves weigh nothing.
	DepthMax uint32
}

// withDefaults returns the options with every limit set.
func (o Options) withDefaults() (Options, error) {
	if o.MemoryPagesMax == 0 {
		o.MemoryPagesMax = abi.MemoryPagesMax
	}
	if o.DepthMax == 0 {
		o.DepthMax = DepthDefault
	}
	if o.CodeBytesMax == 0 {
		o.CodeBytesMax = CodeBytesDefault
	}
	if o.CodeBytesMax < 0 {
		return o, fmt.Errorf("%w: %d bytes of code", ErrOptions, o.CodeBytesMax)
	}
	if o.MemoryPagesMax > memoryPagesLimit {
		return o, fmt.Errorf("%w: %d pages of memory, more than %d", ErrOptions,
			o.MemoryPagesMax, memoryPagesLimit)
	}
	if o.DepthMax > DepthLimit {
		return o, fmt.Errorf("%w: a depth of %d, more than %d", ErrOptions, o.DepthMax,
			DepthLimit)
	}
	return o, nil
}

// Result is a rewritten module with facts about it.
type Result struct {
	// Code is the new module, the caller's to keep.
	Code []byte
	// BytesBefore and BytesAfter are the sizes of the modules.
	BytesBefore, BytesAfter int
	// Charges counts the places where gas is charged, Looks those among them where it is
	// looked at; charges for lengths come on top.
	Charges, Looks int
	// NaNSites counts the places where a computed float is made canonical.
	NaNSites int
	// Globals are the mutable globals of the module's own, in the order of their indices.
	Globals []Global
	// Restorable says that an instance can be put back into an earlier state by its memory
	// and Globals alone: no code drops a segment, and no mutable global is a vector, of which
	// the runtime hands out one half.
	Restorable bool
}

// Global is a mutable global that is exported for snapshots.
type Global struct {
	// Export is the name of the export.
	Export string
	// Type is the type of its value.
	Type wasm.ValueType
}

// Rewrite returns a valid module in the form that the host runs. The errors are those of
// this package, and [wasm.ErrMalformed]. The module is only read. For the same module and
// options the result is the same on every machine.
func Rewrite(code []byte, o Options) (Result, error) {
	o, err := o.withDefaults()
	if err != nil {
		return Result{}, err
	}
	return rewrite(code, o, newPriceList())
}

// rewrite is Rewrite with complete options and other prices.
func rewrite(code []byte, o Options, prices *priceList) (Result, error) {
	m := module{options: o, prices: prices, result: Result{Restorable: true}}
	if err := m.read(code); err != nil {
		return Result{}, err
	}
	m.out = make([]byte, 0, len(code)+len(code)/2)
	m.out = append(m.out, code[:wasm.HeaderBytes]...)
	if err := m.write(); err != nil {
		return Result{}, err
	}
	m.result.Code = m.out
	m.result.BytesBefore, m.result.BytesAfter = len(code), len(m.out)
	return m.result, nil
}
