package hostile

import (
	"encoding/binary"
	"fmt"
)

// The one NaN that a guest may see as the result of a computation.
const (
	canonical32 = 0x7fc00000
	canonical64 = 0x7ff8000000000000
)

// float32Const and float64Const are constants with these bits.
func float32Const(bits uint32) string {
	return "\x43" + string(binary.LittleEndian.AppendUint32(nil, bits))
}

func float64Const(bits uint64) string {
	return "\x44" + string(binary.LittleEndian.AppendUint64(nil, bits))
}

// numbers is group 37: computations whose result is a NaN. WebAssembly leaves its sign and
// payload open, and processors differ in them; a guest that sees the difference could record
// a Program that no other machine records.
func numbers() []Case {
	return []Case{
		nanCase("f32", scalars32()),
		nanCase("f64", scalars64()),
		nanCase("f32x4", vectors("\xe0\x01", 4)),
		nanCase("f64x2", vectors("\xec\x01", 2)),
		{
			Group: 37, Name: "NaN that is only carried", Phase: encodePhase, Want: Harmless,
			Does: "moves a NaN through locals, memory and select, and changes its sign",
			Module: func() []byte {
				m := encode("")
				m.Functions[encodeIndex].Locals = locals(1, f64)
				const payload, negative = int64(0x7ff4dead00000001), int64(-0xb2152ffffffff)
				bits := float64Const(uint64(payload))
				m.Functions[encodeIndex].Body = []byte(
					bits + set(0) + expect64(get(0)+"\xbd", payload) +
						expect64(get(0)+"\x9a"+"\xbd", negative) + // f64.neg
						expect64(get(0)+"\x9a"+"\x99"+"\xbd", payload) + // f64.abs
						expect64(get(0)+get(0)+num(1)+"\x1b"+"\xbd", payload) +
						num(0) + get(0) + "\x39\x03\x00" + // f64.store
						expect64(num(0)+"\x29\x03\x00", payload))
				return m.Bytes()
			},
		},
	}
}

func nanCase(kind, code string) Case {
	return Case{
		Group: 37, Name: "computed NaN of " + kind, Phase: encodePhase, Want: Harmless,
		Does:   fmt.Sprintf("looks at the bits of every computed NaN of type %s", kind),
		Module: func() []byte { return encode(code).Bytes() },
	}
}

// scalars32 traps unless every operator that can make a NaN of type f32 makes that one.
func scalars32() string {
	see := func(code string) string { return expect(code+"\xbc", canonical32) }
	code := ""
	for _, v := range []uint32{0x7fc00000, 0xffc00000, 0x7fa00001, 0xffffffff} {
		n, one := float32Const(v), float32Const(0x3f800000)
		for _, op := range []string{"\x8d", "\x8e", "\x8f", "\x90", "\x91"} {
			code += see(n + op)
		}
		for _, op := range []string{"\x92", "\x93", "\x94", "\x95", "\x96", "\x97"} {
			code += see(n+one+op) + see(one+n+op) + see(n+n+op)
		}
		code += see(float64Const(0xfff4000000000001|uint64(v)<<16) + "\xb6") // f32.demote_f64
	}
	zero, infinity := float32Const(0), float32Const(0x7f800000)
	return code + see(zero+zero+"\x95") + see(infinity+infinity+"\x93") +
		see(zero+infinity+"\x94") + see(float32Const(0xbf800000)+"\x91")
}

// scalars64 is [scalars32] of type f64.
func scalars64() string {
	see := func(code string) string { return expect64(code+"\xbd", canonical64) }
	code := ""
	for _, v := range []uint64{0x7ff8 << 48, 0xfff8 << 48, 0x7ff4<<48 | 1, 1<<64 - 1} {
		n, one := float64Const(v), float64Const(0x3ff0<<48)
		for _, op := range []string{"\x9b", "\x9c", "\x9d", "\x9e", "\x9f"} {
			code += see(n + op)
		}
		for _, op := range []string{"\xa0", "\xa1", "\xa2", "\xa3", "\xa4", "\xa5"} {
			code += see(n+one+op) + see(one+n+op) + see(n+n+op)
		}
	}
	zero, infinity := float64Const(0), float64Const(0x7ff0<<48)
	return code + see(float32Const(0xffa00001)+"\xbb") + // f64.promote_f32
		see(zero+zero+"\xa3") + see(infinity+infinity+"\xa1") +
		see(zero+infinity+"\xa2") + see(float64Const(0xbff0<<48)+"\x9f")
}

// vectors looks at the lanes of vector operators: sqrt, add, sub, mul, div, min and max stand
// in this order from abs on, in both types.
func vectors(abs string, lanes int) string {
	prefix := func(offset byte) string { return "\xfd" + string([]byte{abs[0] + offset}) + "\x01" }
	constant := func(v uint64) string {
		if lanes == 4 {
			v = v>>32<<32 | v>>32
		}
		half := string(binary.LittleEndian.AppendUint64(nil, v))
		return "\xfd\x0c" + half + half
	}
	want := int64(canonical64)
	if lanes == 4 {
		want = canonical32<<32 | canonical32
	}
	see := func(code string) string {
		return expect64(code+"\xfd\x1d\x00", want) + expect64(code+"\xfd\x1d\x01", want)
	}
	code := ""
	one := constant(0x3ff0 << 48)
	for _, v := range []uint64{0x7ff8 << 48, 0xfff8 << 48, 1<<64 - 1} {
		n := constant(v)
		code += see(n + prefix(3))
		for op := byte(4); op <= 9; op++ {
			code += see(n+one+prefix(op)) + see(one+n+prefix(op))
		}
	}
	zero := constant(0)
	return code + see(zero+zero+prefix(7))
}
