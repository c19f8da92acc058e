package client_test

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/hosttest"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// A guest of these tests squares its input x, slots of four numbers, into y and answers
// "yes". What its encode does is up to the test. In its memory lie the names x, y and z
// and "yes" from 0 on, and eight numbers from 16 on: 1, -2, 3, 0.5, NaN, infinity, 4.5, 2.
const (
	atX, atY, atZ, atYes = 0, 1, 2, 3
	atNumbers            = 16
	atNaN                = atNumbers + 8*4
	atInf                = atNumbers + 8*5
	atLarge              = atNumbers + 8*6
)

// The indices of the guest's imports.
const (
	callInput = iota
	callMul
	callOutput
	callPut
	callLabel
)

const (
	opUnreachable = "\x00"
	opIf          = "\x04\x40"
	opEnd         = "\x0b"
	opDrop        = "\x1a"
	opLoopForever = "\x03\x40\x0c\x00\x0b"
)

// put is code that calls encode_put and leaves its result.
func put(name, offset, values, count int) []byte {
	return w.Cat(w.I32Const(name), w.I32Const(1), w.I32Const(offset), w.I32Const(values),
		w.I32Const(count), w.Call(callPut))
}

// then appends operators to code.
func then(code []byte, ops string) []byte { return w.Cat(code, []byte(ops)) }

// trapIfRefused is code that traps if encode_put refused.
func trapIfRefused(code []byte) []byte { return then(code, opIf+opUnreachable+opEnd) }

// guest assembles a module whose encode has this body.
func guest(tb testing.TB, m *abi.Manifest, encode []byte) []byte {
	tb.Helper()
	get, set := []byte{0x20, 0}, []byte{0x21, 0}
	infer := w.Cat(
		w.I32Const(atX), w.I32Const(1), w.Call(callInput), set,
		get, get, w.Call(callMul), set,
		w.I32Const(atY), w.I32Const(1), get, w.Call(callOutput), []byte(opDrop),
	)
	decode := then(w.Cat(w.I32Const(atYes), w.I32Const(3), w.Call(callLabel)), opDrop)
	out := w.Brain(encode, infer, decode)
	out.Functions[2].Locals = w.Cat([]byte{1, 1}, []byte(w.I64))
	i32s := func(n int) string { return string(w.Repeat([]byte(w.I32), n)) }
	for _, i := range []w.Import{
		{Name: "input", Params: i32s(2), Results: w.I64},
		{Name: "mul", Params: w.I64 + w.I64, Results: w.I64},
		{Name: "output", Params: i32s(2) + w.I64, Results: w.I32},
		{Name: "encode_put", Params: i32s(5), Results: w.I32},
		{Name: "answer_label", Params: i32s(2), Results: w.I32},
	} {
		i.Module = abi.ImportModule
		out.Import(i)
	}
	data := append([]byte("xyzyes"), make([]byte, atNumbers-6)...)
	for _, v := range []float64{1, -2, 3, 0.5, math.NaN(), math.Inf(1), 4.5, 2} {
		data = binary.LittleEndian.AppendUint64(data, math.Float64bits(v))
	}
	segment := w.Cat([]byte{1, 0}, w.I32Const(0), []byte(opEnd), w.Name(string(data)))
	out.Extra = append(out.Extra, w.Section(11, segment))
	return hosttest.Attach(tb, out.Bytes(), m)
}

// publicManifest is a manifest with a public field "mode" beside the text.
func publicManifest(name string) *abi.Manifest {
	m := hosttest.SquareManifest(name)
	m.Request = append(m.Request, abi.Field{
		Name: "mode", Type: abi.FieldEnum, Public: true, Values: []string{"plain", "other"},
	})
	return m
}

// honest is an encode that puts 1, -2, 3, 0.5.
func honest() []byte { return trapIfRefused(put(atX, 0, atNumbers, 4)) }
