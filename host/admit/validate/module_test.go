package validate_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/host/admit/validate"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// code is bytes in hexadecimal, with spaces where they help.
func code(text string) []byte {
	out, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		return []byte("not hexadecimal: " + text) // no module begins like this
	}
	return out
}

// parts are the payloads of a module's sections by number, in hexadecimal.
type parts map[byte]string

// order is the order of the sections in a file.
const order = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0c\x0a\x0b"

// everything is a valid module with something in each index space:
//
//	types      0 () -> ()  1 (i32) -> (i32)  2 () -> (i32)  3 (i64 i32) -> (i32 i64)
//	functions  0 imported, type 0  1 the first body  2 the second body, named nowhere else
//	globals    0 imported i32  1 imported, mutable i32  2 mutable i64  3 f64  4 funcref
//	tables     0 funcref  1 externref
//	elements   0 active, function 0  1 passive, externref
//	data       0 passive, one byte
func everything() parts {
	return parts{
		1: "04 60 00 00 60 01 7f 01 7f 60 00 01 7f 60 02 7e 7f 02 7f 7e",
		2: "03 01 61 01 66 00 00 01 61 01 67 03 7f 00 01 61 01 6d 03 7f 01",
		3: "02 00 00",
		4: "02 70 00 01 6f 01 01 02",
		5: "01 01 01 02",
		6: "03 7e 01 42 00 0b 7c 00 44 0000000000000000 0b 70 00 d2 00 0b",
		7: "01 01 66 00 01",
		8: "00",
		9: "02 00 41 00 0b 01 00 05 6f 01 d0 6f 0b",
		// The data count.
		12: "01",
		10: "02 02 00 0b 02 00 0b",
		11: "01 01 01 78",
	}
}

// with returns a copy with another payload.
func (p parts) with(id byte, payload string) parts {
	out := parts{id: payload}
	for k, v := range p {
		if k != id {
			out[k] = v
		}
	}
	return out
}

// without returns a copy that lacks sections.
func (p parts) without(ids ...byte) parts {
	out := parts{}
	for k, v := range p {
		if !bytes.Contains(ids, []byte{k}) {
			out[k] = v
		}
	}
	return out
}

// bytes assembles the module.
func (p parts) bytes() []byte {
	out := w.Header()
	for k := range len(order) {
		if payload, ok := p[order[k]]; ok {
			out = append(out, w.Section(order[k], code(payload))...)
		}
	}
	return out
}

// withBody returns everything with another first body, of a function of that type.
func withBody(functionType, locals, body string) []byte {
	inside := w.Cat(code(locals), code(body), []byte{0x0b})
	both := w.Cat([]byte{2}, w.U32(len(inside)), inside, code("02 00 0b"))
	p := everything().with(3, "02 "+functionType+" 00")
	return p.with(10, hex.EncodeToString(both)).without(8).bytes()
}

// wants checks the judgement of a module: valid if text is empty.
func wants(t *testing.T, module []byte, section, text string) {
	t.Helper()
	err := validate.Module(module)
	if text == "" {
		if err != nil {
			t.Errorf("error %v", err)
		}
		return
	}
	var e *validate.Error
	if !errors.As(err, &e) || !errors.Is(err, validate.ErrInvalid) {
		t.Errorf("error %v, want %q", err, text)
		return
	}
	if e.Section != section || !strings.Contains(e.Problem, text) {
		t.Errorf("error %q, want section %s and %q", err, section, text)
	}
	if e.Offset < 0 || e.Offset > len(module) {
		t.Errorf("offset %d outside %d bytes", e.Offset, len(module))
	}
}

func TestEverythingIsValid(t *testing.T) {
	wants(t, everything().bytes(), "", "")
	wants(t, w.Header(), "", "")
	for k := range len(order) { // each section may be there and empty, as far as it stands alone
		if id := order[k]; id != 8 {
			wants(t, parts{id: "00"}.bytes(), "", "")
		}
	}
}

// TestSections: the rules outside bodies.
func TestSections(t *testing.T) {
	const mutable = "01 01 61 01 6d 03 7f 01" // an imported i32 that can change
	long := "01 60" + hex.EncodeToString(w.U32(validate.ArityMax+1)) +
		strings.Repeat("7f", validate.ArityMax+1) + "00"
	all := everything()
	for _, c := range []struct {
		name, section string
		module        parts
		text          string
	}{
		{"type of an import", "import", all.with(2, "01 01 61 01 66 00 04"), "type 4 of 4"},
		{"type of a function", "function", all.with(3, "02 00 04"), "type 4 of 4"},
		{"long type", "type", parts{1: long}, "1001 parameters"},
		{"table limits", "table", parts{4: "01 70 01 02 01"}, "at least 2 and at most 1"},
		{"imported table", "import", parts{2: "01 00 00 01 70 01 02 01"}, "at least 2"},
		{"memory limits", "memory", parts{5: "01 01 02 01"}, "at least 2 and at most 1"},
		{"large memory", "memory", parts{5: "01 00 818004"}, "65536 pages"},
		{"large maximum", "memory", parts{5: "01 01 00 818004"}, "65536 pages"},
		{"largest memory", "memory", parts{5: "01 01 808004 808004"}, ""},
		{"two memories", "memory", parts{5: "02 00 01 00 01"}, "more than one memory"},
		{"imported twice", "memory", parts{2: "01 00 00 02 00 01", 5: "01 00 01"}, "more than one"},
		{"constant's type", "global", parts{6: "01 7f 00 42 00 0b"}, "type i64 instead of i32"},
		{"float constant", "global", parts{6: "01 7d 00 43 00000000 0b"}, ""},
		{"vector constant", "global", parts{6: "01 7b 00 fd 0c" + strings.Repeat("00", 16) + "0b"}, ""},
		{"null", "global", parts{6: "01 6f 00 d0 6f 0b"}, ""},
		{"null of another type", "global", parts{6: "01 6f 00 d0 70 0b"}, "type funcref"},
		{"no constant", "global", parts{6: "01 7f 00 01 0b"}, "nop in a constant"},
		{"sum of constants", "global", parts{6: "01 7f 00 41 00 41 00 6a 0b"}, "more than one"},
		{"empty constant", "element", all.with(9, "01 00 0b 00"), "is empty"},
		{"own global", "global", parts{6: "02 7f 00 41 00 0b 7f 00 23 00 0b"}, "global 0 of 0"},
		{"changing global", "global", parts{2: mutable, 6: "01 7f 00 23 00 0b"}, "can change"},
		{"function of a global", "global", parts{6: "01 70 00 d2 00 0b"}, "function 0 of 0"},
		{"export of a function", "export", all.with(7, "01 00 00 03"), "function 3 of 3"},
		{"export of a table", "export", all.with(7, "01 00 01 02"), "table 2 of 2"},
		{"export of a memory", "export", all.with(7, "01 00 02 01"), "memory 1 of 1"},
		{"export of a global", "export", all.with(7, "01 00 03 05"), "global 5 of 5"},
		{"export of all kinds", "export", all.with(7, "04 00 00 02 01 61 01 01 01 62 02 00 01 63 03 04"), ""},
		{"export twice", "export", all.with(7, "02 00 00 02 00 02 00"), "there twice"},
		{"start", "start", all.with(8, "03"), "function 3 of 3"},
		{"start with a result", "start", all.with(3, "02 02 00").with(8, "01"), "type () -> (i32)"},
		{"element's table", "element", parts{9: "01 00 41 00 0b 00"}, "table 0 of 0"},
		{"element's explicit table", "element", all.with(9, "01 02 02 41 00 0b 00 00"), "table 2 of 2"},
		{"element's type", "element", all.with(9, "01 06 01 41 00 0b 70 00"), "for a table of externref"},
		{"element's offset", "element", all.with(9, "01 00 42 00 0b 00"), "i64 instead of i32"},
		{"element's function", "element", all.with(9, "01 00 41 00 0b 01 03"), "function 3 of 3"},
		{"element's expression", "element", all.with(9, "01 05 70 01 d0 6f 0b"), "type externref"},
		{"data without memory", "data", parts{11: "01 00 41 00 0b 00"}, "memory 0 of 0"},
		{"data's memory", "data", all.with(11, "01 02 01 41 00 0b 00"), "memory 1 of 1"},
		{"data's offset", "data", all.with(11, "01 00 43 00000000 0b 00"), "f32 instead of i32"},
		{"data's global", "data", all.with(11, "01 00 23 01 0b 00"), "can change"},
		{"data's own global", "data", all.with(11, "01 00 23 02 0b 00"), "global 2 of 2"},
		{"data count", "data", all.with(12, "02"), "data count says 2"},
		{"data count without data", "data", parts{12: "01"}, "data count says 1"},
		{"functions without code", "code", parts{1: "01 60 00 00", 3: "01 00"}, "0 bodies for 1"},
		{"code without functions", "code", parts{10: "01 02 00 0b"}, "1 bodies for 0"},
		{"bytes too many", "table", parts{4: "00 00"}, "1 bytes too many"},
	} {
		t.Run(c.name, func(t *testing.T) { wants(t, c.module.bytes(), c.section, c.text) })
	}
}

func TestMalformedModules(t *testing.T) {
	for name, module := range map[string][]byte{
		"nothing": nil, "short": w.Header()[:7], "version": code("00 61 73 6d 02 00 00 00"),
		"unknown section": w.Cat(w.Header(), w.Section(13)),
		"repeated":        w.Cat(w.Header(), w.Section(1, []byte{0}), w.Section(1, []byte{0})),
		"order":           w.Cat(w.Header(), w.Section(10, []byte{0}), w.Section(12, []byte{0})),
		"long":            w.Cat(w.Header(), code("01 02 00")),
		"custom":          w.Cat(w.Header(), w.Section(0, code("01 ff"))),
	} {
		if err := validate.Module(module); !errors.Is(err, validate.ErrInvalid) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
