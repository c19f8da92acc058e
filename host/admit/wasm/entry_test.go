package wasm

import (
	"errors"
	"strings"
	"testing"
)

// TestInstructions: what the forms of immediates set.
func TestInstructions(t *testing.T) {
	lanes := strings.Repeat("\x00", 15) + "\x07"
	for _, c := range []struct {
		code string
		name string
		want Instruction
	}{
		{"\x01", "nop", Instruction{Op: OpNop}},
		{"\x02\x40", "block", Instruction{Op: OpBlock, Block: BlockEmpty}},
		{"\x04\x7e", "if", Instruction{Op: OpIf, Block: -2}},
		{"\x03\x85\x01", "loop", Instruction{Op: OpLoop, Block: 133}},
		{"\x0c\x05", "br", Instruction{Op: OpBr, Index: 5}},
		{"\x11\x05\x01", "call_indirect", Instruction{Op: OpCallIndirect, Index: 5, Index2: 1}},
		{"\x1c\x01\x7c", "select", Instruction{Op: OpSelectTyped, Type: F64}},
		{"\xd0\x6f", "ref.null", Instruction{Op: OpRefNull, Type: ExternRef}},
		{"\x28\x02\x90\x01", "i32.load", Instruction{Op: 0x28, Align: 2, Offset: 144}},
		{"\x41\x7f", "i32.const", Instruction{Op: OpI32Const, Value: 1<<32 - 1}},
		{"\x42\x7f", "i64.const", Instruction{Op: OpI64Const, Value: 1<<64 - 1}},
		{"\x43\x01\x02\x03\x84", "f32.const", Instruction{Op: OpF32Const, Value: 0x84030201}},
		{
			"\x44\x01\x02\x03\x04\x05\x06\x07\x88", "f64.const",
			Instruction{Op: OpF64Const, Value: 0x8807060504030201},
		},
		{"\x3f\x00", "memory.size", Instruction{Op: OpMemorySize}},
		{"\xfc\x08\x03\x00", "memory.init", Instruction{Op: OpMemoryInit, Index: 3}},
		{"\xfc\x8a\x00\x00\x00", "memory.copy", Instruction{Op: OpMemoryCopy}},
		{"\xfc\x0e\x01\x02", "table.copy", Instruction{Op: OpTableCopy, Index: 1, Index2: 2}},
		{"\xfd\x15\x04", "i8x16.extract_lane_s", Instruction{Op: 0xfd0015, Lane: 4}},
		{
			"\xfd\x54\x00\x03\x09", "v128.load8_lane",
			Instruction{Op: 0xfd0054, Offset: 3, Lane: 9},
		},
		{"\xfd\x0c" + lanes, "v128.const", Instruction{Op: OpV128Const, Lanes: [16]byte{15: 7}}},
		{"\xfd\xff\x01", "f64x2.convert_low_i32x4_u", Instruction{Op: 0xfd00ff}},
	} {
		r := whole([]byte("ab" + c.code + "c"))
		r.pos = 2
		in := Instruction{Index: 9, Index2: 9, Align: 9, Lane: 9, Value: 9, Type: I32, Block: 9}
		if err := r.Instruction(&in); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		c.want.Start, c.want.End = 2, 2+len(c.code)
		got := in
		got.Targets = nil
		if got.Op.String() != c.name || !sameInstruction(got, c.want) || r.Left() != 1 {
			t.Errorf("%s: got %v %+v, want %+v", c.name, got.Op, got, c.want)
		}
	}
}

func sameInstruction(a, b Instruction) bool {
	if len(a.Targets) != len(b.Targets) {
		return false
	}
	return a.Op == b.Op && a.Start == b.Start && a.End == b.End && a.Block == b.Block &&
		a.Index == b.Index && a.Index2 == b.Index2 && a.Align == b.Align &&
		a.Offset == b.Offset && a.Value == b.Value && a.Type == b.Type && a.Lane == b.Lane &&
		a.Lanes == b.Lanes
}

// TestTargetsAreReused: the buffer is the same one, with the default last.
func TestTargetsAreReused(t *testing.T) {
	r := whole([]byte("\x0e\x02\x01\x02\x03\x0e\x00\x04"))
	var in Instruction
	for _, want := range [][]uint32{{1, 2, 3}, {4}} {
		if err := r.Instruction(&in); err != nil {
			t.Fatal(err)
		}
		if len(in.Targets) != len(want) || in.Targets[len(want)-1] != want[len(want)-1] {
			t.Errorf("targets %v, want %v", in.Targets, want)
		}
	}
}

func TestUnknownAndReserved(t *testing.T) {
	for code, unknown := range map[string]bool{
		"\x06": true, "\x12\x00": true, "\xff": true, "\xfc\x12": true, "\xfd\x9a\x01": true,
		"\xfd\x80\x02": true, "\xfe\x00": true, "\x02\x6e": true, "\x02\xc0\x7f": true,
		"\xd0\x7f": true, "\x1c\x01\x40": true,
		"\x1c\x00": false, "\x1c\x02\x7f\x7f": false, "\x3f\x01": false, "\x40\x80\x00": false,
		"\xfc\x0a\x00\x01": false, "\xfc\x0b\x01": false, "\xfc\x08\x00\x01": false,
		"\x0e\x02\x00": false, "\x43\x00": false, "\xfd\x0c\x00": false, "\x28\x00": false, "": false,
	} {
		r := whole([]byte(code))
		var in Instruction
		var e *Error
		if err := r.Instruction(&in); !errors.As(err, &e) || e.Unknown != unknown {
			t.Errorf("% x: error %v", code, err)
		} else if strings.HasPrefix(e.Problem, "unknown ") != unknown {
			t.Errorf("% x: error %v", code, err)
		}
	}
}

// TestTableIsConsistent: names are unique within reason, widths fit the forms, and signatures
// stand only where they hold.
func TestTableIsConsistent(t *testing.T) {
	names := map[string]int{}
	for _, op := range allOps() {
		info, ok := Info(op)
		if !ok {
			continue
		}
		names[info.Name]++
		lane := info.Immediates == ImmLane || info.Immediates == ImmMemoryLane
		memory := info.Immediates == ImmMemory || info.Immediates == ImmMemoryLane
		if (lane || memory) != (info.Bytes > 0) || info.Bytes&(info.Bytes-1) != 0 {
			t.Errorf("%v: %d bytes", op, info.Bytes)
		}
		if !info.Is(Plain) && (info.Params != none || info.Results != none) {
			t.Errorf("%v has a signature and is not plain", op)
		}
		if lane && info.Bytes > 8 || info.Bytes > 16 {
			t.Errorf("%v: %d bytes", op, info.Bytes)
		}
		wantFloat := map[Float]Types{F32s: sF, F64s: sD, F32x4s: sV, F64x2s: sV}
		if info.Float != NoFloat && info.Results != wantFloat[info.Float] {
			t.Errorf("%v computes floats and leaves %v", op, info.Results)
		}
		if info.Blind != NoFloat && info.Blind != AnyFloat &&
			!strings.Contains(string(info.Params), string(wantFloat[info.Blind])) {
			t.Errorf("%v is blind to what it does not take", op)
		}
	}
	for name, n := range names {
		if n != 1 && name != "select" {
			t.Errorf("%d operators are called %s", n, name)
		}
	}
	if len(names) != 436 {
		t.Errorf("%d names of operators, want 436", len(names))
	}
}

func allOps() []Op {
	var out []Op
	for n := range Op(0x100) {
		out = append(out, n, PrefixBulk<<8|n, PrefixVector<<16|n)
	}
	return out
}

func TestSectionsInOrder(t *testing.T) {
	for name, c := range map[string]struct{ module, text string }{
		"in order":            {header + "\x01\x01\x00\x0c\x01\x00\x0a\x01\x00\x0b\x01\x00", ""},
		"customs anywhere":    {header + "\x00\x01\x00\x01\x01\x00\x00\x02\x01a\x00\x01\x00", ""},
		"twice":               {header + "\x01\x01\x00\x01\x01\x00", "repeated"},
		"out of order":        {header + "\x03\x01\x00\x01\x01\x00", "out of order"},
		"data count too late": {header + "\x0a\x01\x00\x0c\x01\x00", "out of order"},
		"unknown":             {header + "\x0d\x00", "unknown section 13"},
		"long":                {header + "\x01\x05\x00", "claims 5 bytes in 1"},
		"custom without name": {header + "\x00\x00", "ends early"},
		"custom's long name":  {header + "\x00\x02\x05a", "bytes of a name"},
		"no header":           {"\x00asm", "not a WebAssembly module"},
		"no length":           {header + "\x01", "ends early"},
	} {
		s, err := Open([]byte(c.module))
		for err == nil && s.More() {
			_, err = s.Next()
		}
		if c.text == "" && err != nil || c.text != "" &&
			(!errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), c.text)) {
			t.Errorf("%s: error %v, want %q", name, err, c.text)
		}
	}
}

// FuzzReader: no input makes the reader panic, stand still or read beyond its part.
func FuzzReader(f *testing.F) {
	f.Add([]byte("\x02\x40\x0e\x02\x00\x00\x00\x0b\x41\x7f\xfd\x0c"), byte(0))
	f.Add([]byte("\x00\x41\x00\x0b\x02\x00\x01"), byte(3))
	f.Fuzz(func(t *testing.T, data []byte, form byte) {
		r := NewReader(append([]byte("before"), append(data, "behind"...)...), 6, 6+len(data), "test")
		var in Instruction
		for r.Left() > 0 {
			at := r.Pos()
			var err error
			switch form % 9 {
			case 0:
				err = r.Instruction(&in)
			case 1:
				_, err = r.FuncType()
			case 2:
				_, err = r.Import()
			case 3:
				err = r.Element(&Element{})
			case 4:
				err = r.Data(&Data{})
			case 5:
				_, err = r.Export()
			case 6:
				_, err = r.Table()
			case 7:
				_, err = r.Global()
			default:
				_, err = r.Body()
			}
			if r.Pos() > r.End() {
				t.Fatal("read beyond the part")
			}
			if err != nil {
				var e *Error
				if !errors.As(err, &e) || e.Offset < 6 || e.Offset > r.End() {
					t.Fatalf("error %v", err)
				}
				return
			}
			if r.Pos() <= at {
				t.Fatal("stands still")
			}
		}
	})
}
