package admit_test

import (
	"bytes"
	"testing"

	"github.com/cerberus-host/cerberus/host/admit"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

var point = []byte{0x03, 0x40, 0x0b}

// TestPoints: where a loop without a body is put, seen on the whole code of a body.
func TestPoints(t *testing.T) {
	fill := w.Cat(w.I32Const(0), w.I32Const(0), w.I32Const(0))
	memoryFill := []byte{0xfc, 11, 0}
	loop := []byte{0x03, 0x40, 0x0b}
	branch := w.Cat(w.I32Const(0), []byte{0x0d, 0})
	nops := w.Repeat([]byte{1}, 300)
	for _, c := range []struct {
		name       string
		body, want []byte
	}{
		{"small leaf", []byte{1}, []byte{1}},
		{"large leaf", nops, w.Cat(point, nops)},
		{"call", w.Call(0), w.Cat(point, w.Call(0))},
		{"loop first", w.Cat(loop, w.Call(0)), w.Cat(loop, w.Call(0))},
		{
			"loop behind a call", w.Cat(w.Call(0), loop),
			w.Cat(point, w.Call(0), loop),
		},
		{"loop that a branch avoids", w.Cat(branch, loop), w.Cat(point, branch, loop)},
		{
			"loop in an if", w.Cat(w.I32Const(0), []byte{0x04, 0x40}, loop, []byte{0x0b}),
			w.Cat(point, w.I32Const(0), []byte{0x04, 0x40}, loop, []byte{0x0b}),
		},
		{
			"loop in a block", w.Cat([]byte{0x02, 0x40}, loop, []byte{0x0b}, w.Call(0)),
			w.Cat([]byte{0x02, 0x40}, loop, []byte{0x0b}, w.Call(0)),
		},
		{
			"fill", w.Cat(fill, memoryFill, fill, memoryFill),
			w.Cat(point, fill, point, memoryFill, fill, point, memoryFill),
		},
		{
			"grow", w.Cat(w.I32Const(1), []byte{0x40, 0, 0x1a}),
			w.Cat(point, w.I32Const(1), point, []byte{0x40, 0, 0x1a}),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := admit.Admit(brainWith(t, nil, c.body))
			if err != nil {
				t.Fatal(err)
			}
			want := w.Brain(nil, c.want, nil).Bytes()
			if !bytes.Equal(m.Code, want) {
				t.Errorf("code\n%x\nwant\n%x", m.Code, want)
			}
		})
	}
}
