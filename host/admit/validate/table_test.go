package validate_test

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"testing"

	"github.com/cerberus-host/cerberus/host/admit/validate"
	"github.com/cerberus-host/cerberus/host/admit/wasm"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// valueTypes are all of them.
func valueTypes() []wasm.ValueType {
	return []wasm.ValueType{
		wasm.I32, wasm.I64, wasm.F32, wasm.F64, wasm.V128, wasm.FuncRef, wasm.ExternRef,
	}
}

// operators are all numbers that could be one.
func operators() []wasm.Op {
	var out []wasm.Op
	for n := range wasm.Op(0x100) {
		if n != wasm.PrefixBulk && n != wasm.PrefixVector {
			out = append(out, n)
		}
		out = append(out, wasm.PrefixBulk<<8|n, wasm.PrefixVector<<16|n)
	}
	return out
}

// encode is the operator's number in the code.
func encode(op wasm.Op) []byte {
	switch {
	case op < 0x100:
		return []byte{byte(op)}
	case op>>8 == wasm.PrefixBulk:
		return binary.AppendUvarint([]byte{wasm.PrefixBulk}, uint64(op&0xff))
	default:
		return binary.AppendUvarint([]byte{wasm.PrefixVector}, uint64(op&0xff))
	}
}

// small are immediates of that form which the module everything has room for.
func small(form wasm.Immediates) []byte {
	switch form {
	case wasm.ImmNone:
		return nil
	case wasm.ImmBlock:
		return []byte{0x40}
	case wasm.ImmLabels, wasm.ImmTypeTable, wasm.ImmTableTable, wasm.ImmMemory, wasm.ImmZeroZero,
		wasm.ImmDataZero:
		return []byte{0, 0}
	case wasm.ImmElementTable:
		return []byte{0, 0}
	case wasm.ImmMemoryLane:
		return []byte{0, 0, 0}
	case wasm.ImmSelect:
		return []byte{1, byte(wasm.I32)}
	case wasm.ImmReference:
		return []byte{byte(wasm.FuncRef)}
	case wasm.ImmShuffle, wasm.ImmV128:
		return make([]byte, 16)
	case wasm.ImmF32:
		return make([]byte, 4)
	case wasm.ImmF64:
		return make([]byte, 8)
	default:
		return []byte{0}
	}
}

// constant pushes a value of that type.
func constant(t wasm.ValueType) []byte {
	switch t {
	case wasm.I32:
		return []byte{byte(wasm.OpI32Const), 0}
	case wasm.I64:
		return []byte{byte(wasm.OpI64Const), 0}
	case wasm.F32:
		return append([]byte{byte(wasm.OpF32Const)}, make([]byte, 4)...)
	case wasm.F64:
		return append([]byte{byte(wasm.OpF64Const)}, make([]byte, 8)...)
	case wasm.V128:
		return append(encode(wasm.OpV128Const), make([]byte, 16)...)
	default:
		return []byte{byte(wasm.OpRefNull), byte(t)}
	}
}

// check is an operator that takes a value of that type only.
func check(t wasm.ValueType) []byte {
	switch t {
	case wasm.I32:
		return []byte{0x45, byte(wasm.OpDrop)} // eqz
	case wasm.I64:
		return []byte{0x50, byte(wasm.OpDrop)}
	case wasm.F32:
		return []byte{0x8b, byte(wasm.OpDrop)} // abs
	case wasm.F64:
		return []byte{0x99, byte(wasm.OpDrop)}
	case wasm.V128:
		return append(encode(wasm.PrefixVector<<16|0x4d), byte(wasm.OpDrop)) // not
	default:
		return []byte{byte(wasm.OpRefIsNull), byte(wasm.OpDrop)}
	}
}

// TestTableAgainstRuntime: each operator takes and leaves what the table says, and the
// runtime says so, too. What is in no table is no operator.
func TestTableAgainstRuntime(t *testing.T) {
	o := newOracle(t)
	both := func(body []byte, want bool, what string, op wasm.Op) {
		module := withBody("00", "00", hex.EncodeToString(body))
		ours, theirs := validate.Module(module), o.judge(module)
		if (ours == nil) != want || (theirs == nil) != want {
			t.Errorf("%v %s: ours %v, theirs %v", op, what, ours, theirs)
		}
	}
	plain, absent := 0, 0
	for _, op := range operators() {
		info, ok := wasm.Info(op)
		if !ok {
			absent++
			both(w.Cat([]byte{byte(wasm.OpUnreachable)}, encode(op)), false, "is absent", op)
			continue
		}
		if !info.Is(wasm.Plain) {
			continue
		}
		plain++
		body := func(other int, as wasm.ValueType) (out []byte) {
			for k := range len(info.Params) {
				p := info.Params.At(k)
				if k == other {
					p = as
				}
				out = append(out, constant(p)...)
			}
			out = w.Cat(out, encode(op), small(info.Immediates))
			for k := len(info.Results) - 1; k >= 0; k-- {
				out = append(out, check(info.Results.At(k))...)
			}
			return out
		}
		both(body(-1, 0), true, "with its operands", op)
		for k := range len(info.Params) {
			for _, as := range valueTypes() {
				both(body(k, as), as == info.Params.At(k), "with other operands", op)
			}
		}
	}
	if plain < 400 || absent < 300 {
		t.Errorf("%d plain operators, %d numbers of none", plain, absent)
	}
}

// TestAlignment: up to the width of an access, and no further.
func TestAlignment(t *testing.T) {
	o := newOracle(t)
	for _, op := range operators() {
		info, _ := wasm.Info(op)
		if info.Immediates != wasm.ImmMemory && info.Immediates != wasm.ImmMemoryLane {
			continue
		}
		for align := range byte(7) {
			immediates := small(info.Immediates)
			immediates[0] = align
			body := w.Cat([]byte{byte(wasm.OpUnreachable)}, encode(op), immediates)
			if len(info.Results) > 0 {
				body = append(body, byte(wasm.OpDrop))
			}
			module := withBody("00", "00", hex.EncodeToString(body))
			ours, theirs := validate.Module(module), o.judge(module)
			want := 1<<align <= int(info.Bytes)
			if (ours == nil) != want || (theirs == nil) != want {
				t.Errorf("%v aligned to 2^%d: ours %v, theirs %v", op, align, ours, theirs)
			}
		}
	}
}

// TestRandomBodies: sequences of random operators, half of them with the operands that they
// need, inside random blocks.
func TestRandomBodies(t *testing.T) {
	o := newOracle(t)
	rng := rand.New(rand.NewPCG(3, 4))
	all := operators()
	valid, invalid := 0, 0
	for range 20_000 {
		var body []byte
		open := 0
		for range 1 + rng.IntN(8) {
			op := all[rng.IntN(len(all))]
			if rng.IntN(3) == 0 {
				op = wasm.Op(rng.IntN(0x1d)) // blocks, branches, calls, select
			}
			info, ok := wasm.Info(op)
			if !ok || op == wasm.OpEnd && open == 0 {
				continue
			}
			if rng.IntN(8) != 0 {
				for k := range len(info.Params) {
					body = append(body, constant(info.Params.At(k))...)
				}
			}
			body = w.Cat(body, encode(op), randomImmediates(rng, info.Immediates))
			switch op {
			case wasm.OpBlock, wasm.OpLoop, wasm.OpIf:
				open++
			case wasm.OpEnd:
				open--
			default:
			}
			if len(info.Results) > 0 && rng.IntN(4) != 0 {
				body = append(body, byte(wasm.OpDrop))
			}
		}
		for range open {
			body = append(body, byte(wasm.OpEnd))
		}
		functionType := []string{"00", "01", "02", "03"}[rng.IntN(4)]
		module := withBody(functionType, "02 01 7f 02 7e", hex.EncodeToString(body))
		if !tame(module) {
			t.Fatalf("malformed body %x", body)
		}
		agree(t, o, module)
		if validate.Module(module) == nil {
			valid++
		} else {
			invalid++
		}
	}
	t.Logf("%d valid, %d invalid", valid, invalid)
	if valid < 1000 || invalid < 1000 {
		t.Errorf("%d valid and %d invalid bodies prove little", valid, invalid)
	}
}

// randomImmediates are well formed, with indices that are often there.
func randomImmediates(rng *rand.Rand, form wasm.Immediates) []byte {
	out := small(form)
	if rng.IntN(2) == 0 {
		return out
	}
	types := valueTypes()
	switch form {
	case wasm.ImmBlock:
		out[0] = byte(append(types, 0x40, 0, 1, 2, 3, 4)[rng.IntN(13)])
	case wasm.ImmSelect:
		out[1] = byte(types[rng.IntN(len(types))])
	case wasm.ImmReference:
		out[0] = byte(wasm.FuncRef) - byte(rng.IntN(2))
	case wasm.ImmLabels:
		out = []byte{2, byte(rng.IntN(3)), byte(rng.IntN(3)), byte(rng.IntN(3))}
	case wasm.ImmZero, wasm.ImmZeroZero, wasm.ImmNone:
	case wasm.ImmDataZero:
		out[0] = byte(rng.IntN(2))
	default:
		for k := range out {
			out[k] = byte(rng.IntN(6))
		}
	}
	return out
}
