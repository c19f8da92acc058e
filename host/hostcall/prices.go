package hostcall

import (
	"fmt"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/admit"
)

// PricesVersion names the table of prices. It changes with every change of a number in it,
// since the same run would then be charged another number of units.
const PricesVersion = "prices-1"

// Price is what one host function costs, in units of gas: a unit is about the time that a
// plain WebAssembly operator takes, a nanosecond at most. It is charged before the call's
// work and whatever comes of it. The price depends on what the guest passed and on nothing
// else, so it is the same on every machine.
type Price struct {
	// Module and Name are those of the import.
	Module, Name string
	// Base is charged for every call. It covers the call that is refused, too.
	Base uint64
	// PerByte is charged for every byte of the lengths that the guest passes: what it wants
	// written and what it has room for.
	PerByte uint64
	// Lengths are the parameters that count these bytes.
	Lengths []Length
}

// Length is a parameter that counts elements of that many bytes.
type Length struct {
	Param int
	Bytes uint64
}

// The base prices, by what a call does at most. BenchmarkPrices compares them with the time
// that calls take.
const (
	// baseSystem is a call of the system interface that answers from the run's state.
	baseSystem = 200
	// baseCall reads a name, looks it up and may have to say what was wrong with it.
	baseCall = 1_000
	// baseNode adds a node to the Program, or says why not.
	baseNode = 2_000
)

// The prices of a byte.
const (
	// byteCopied is copied, compared or read as part of a number.
	byteCopied = 1
	// byteRandom comes out of a sponge.
	byteRandom = 4
)

// Sizes of what the parameters count.
const (
	sizeByte         = 1
	sizeNumber       = 8
	sizeVector       = 8  // address and length of one buffer of fd_write
	sizeSubscription = 80 // a subscription of poll_oneoff and its event
)

// Prices returns the table of prices in the order of [Bindings]. The caller owns it.
func Prices() []Price {
	one := func(param int, bytes uint64) []Length { return []Length{{param, bytes}} }
	two := func(a int, aBytes uint64, b int, bBytes uint64) []Length {
		return []Length{{a, aBytes}, {b, bBytes}}
	}
	const brain, system = abi.ImportModule, admit.WASIModule
	return []Price{
		{brain, "log", baseCall, byteCopied, one(1, sizeByte)},
		{brain, "fail", baseCall, byteCopied, one(1, sizeByte)},
		{brain, "arg", baseCall, byteCopied, two(1, sizeByte, 3, sizeByte)},
		{brain, "request_text", baseCall, byteCopied, two(1, sizeByte, 3, sizeByte)},
		{brain, "request_number", baseCall, byteCopied, two(1, sizeByte, 3, sizeByte)},
		{brain, "encode_put", baseCall, byteCopied, two(1, sizeByte, 4, sizeNumber)},
		{brain, "input", baseNode, byteCopied, one(1, sizeByte)},
		{brain, "constant", baseNode, byteCopied, one(1, sizeNumber)},
		{brain, "model", baseNode, byteCopied, one(1, sizeByte)},
		{brain, "add", baseNode, 0, nil},
		{brain, "sub", baseNode, 0, nil},
		{brain, "mul", baseNode, 0, nil},
		{brain, "mul_plain", baseNode, 0, nil},
		{brain, "neg", baseNode, 0, nil},
		{brain, "rotate", baseNode, 0, nil},
		{brain, "sum", baseNode, 0, nil},
		{brain, "dot", baseNode, 0, nil},
		{brain, "matvec", baseNode, 0, nil},
		{brain, "poly", baseNode, 0, nil},
		{brain, "chebyshev", baseNode, 0, nil},
		{brain, "output", baseNode, byteCopied, one(1, sizeByte)},
		{brain, "result", baseCall, byteCopied, two(1, sizeByte, 3, sizeNumber)},
		{brain, "answer_label", baseCall, byteCopied, one(1, sizeByte)},
		{brain, "answer_number", baseCall, byteCopied, one(1, sizeByte)},
		{system, "args_get", baseSystem, 0, nil},
		{system, "args_sizes_get", baseSystem, 0, nil},
		{system, "environ_get", baseSystem, 0, nil},
		{system, "environ_sizes_get", baseSystem, 0, nil},
		{system, "clock_time_get", baseSystem, 0, nil},
		{system, "random_get", baseSystem, byteRandom, one(1, sizeByte)},
		{system, "sched_yield", baseSystem, 0, nil},
		{system, "poll_oneoff", baseSystem, byteCopied, one(2, sizeSubscription)},
		// What the buffers hold is charged when their lengths have been read.
		{system, "fd_write", baseSystem, byteCopied, one(2, sizeVector)},
		{system, "fd_read", baseSystem, 0, nil},
		{system, "fd_seek", baseSystem, 0, nil},
		{system, "fd_close", baseSystem, 0, nil},
		{system, "fd_fdstat_get", baseSystem, 0, nil},
		{system, "fd_fdstat_set_flags", baseSystem, 0, nil},
		{system, "fd_prestat_get", baseSystem, 0, nil},
		{system, "fd_prestat_dir_name", baseSystem, 0, nil},
		{system, "proc_exit", baseSystem, 0, nil},
	}
}

// PricesDigest names the table by its content, that of recorded steps included.
func PricesDigest() abi.Digest {
	var b strings.Builder
	for _, p := range Prices() {
		fmt.Fprintf(&b, "%s\n", p)
	}
	return abi.LabelledDigest("cerberus/host-call-prices/v1", []byte(PricesVersion),
		[]byte(b.String()), []byte(stepsForm))
}

// String renders the price as one line: import, base, and for each length its parameter and
// what an element of it costs.
func (p Price) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s.%s %d", p.Module, p.Name, p.Base)
	for _, l := range p.Lengths {
		fmt.Fprintf(&text, " + %d*p%d", p.PerByte*l.Bytes, l.Param)
	}
	return text.String()
}

// of returns the units of a call with these parameters.
func (p Price) of(stack []uint64) uint64 {
	bytes := uint64(0)
	for _, l := range p.Lengths {
		// A length has 32 bits, so neither product nor sum can leave 64.
		bytes += uint64(uint32(stack[l.Param])) * l.Bytes
	}
	return saturatingAdd(p.Base, saturatingMul(bytes, p.PerByte))
}
