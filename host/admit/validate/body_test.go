package validate_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/host/admit/validate"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// bodyCase is a body of a function of type () -> () of the module everything, and what is
// wrong with it; nothing if text is empty.
type bodyCase struct{ name, body, text string }

func checkBodies(t *testing.T, functionType, locals string, cases []bodyCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Helper()
			wants(t, withBody(functionType, locals, c.body), "code", c.text)
		})
	}
}

func TestOperands(t *testing.T) {
	const zeros = "00000000000000000000000000000000"
	checkBodies(t, "00", "00", []bodyCase{
		{"sum", "41 01 41 02 6a 1a", ""},
		{"one operand", "41 01 6a 1a", "i32.add: needs i32 and finds nothing"},
		{"other operand", "41 01 42 02 6a 1a", "needs i32 and finds i64"},
		{"lower operand", "42 01 41 02 6a 1a", "needs i32 and finds i64"},
		{"left over", "41 01", "leaves 1 operands more"},
		{"drop of nothing", "1a", "an operand is missing"},
		{"outer operand", "41 01 02 40 1a 0b 1a", "drop: an operand is missing"},
		{"load", "41 00 28 02 00 1a", ""},
		{"load aligned to more", "41 00 28 03 00 1a", "aligned to 2^3 bytes, at most to 4"},
		{"load aligned to 2^32", "41 00 28 a0 80 80 80 00 00 1a", "aligned to 2^32 bytes"},
		{"byte aligned", "41 00 2c 01 00 1a", "at most to 1"},
		{"store", "41 00 42 00 37 03 00", ""},
		{"store in turn", "42 00 41 00 37 03 00", "needs i64 and finds i32"},
		{"grow", "41 00 40 00 1a", ""},
		{"copy", "41 00 41 00 41 00 fc 0a 00 00", ""},
		{"fill of a float", "41 00 43 00000000 41 00 fc 0b 00", "needs i32 and finds f32"},
		{"init", "41 00 41 00 41 00 fc 08 00 00", ""},
		{"init of no segment", "41 00 41 00 41 00 fc 08 01 00", "data segment 1 of 1"},
		{"drop of no segment", "fc 09 01", "data segment 1 of 1"},
		{"saturating", "43 00000000 fc 00 1a", ""},
		{"saturating other", "43 00000000 fc 02 1a", "needs f64 and finds f32"},
		{"extension", "42 00 c0 1a", "needs i32 and finds i64"},
		{"vector", "fd 0c" + zeros + "fd 0c" + zeros + "fd ae 01 1a", ""},
		{"vector of a number", "fd 0c" + zeros + "41 00 fd ae 01 1a", "needs v128 and finds i32"},
		{"lane", "fd 0c" + zeros + "fd 15 0f 1a", ""},
		{"lane too high", "fd 0c" + zeros + "fd 15 10 1a", "lane 16 of 16"},
		{"wide lane too high", "fd 0c" + zeros + "fd 1d 02 1a", "lane 2 of 2"},
		{"lane of a load", "41 00 fd 0c" + zeros + "fd 57 03 00 01 1a", ""},
		{"lane of a load too high", "41 00 fd 0c" + zeros + "fd 57 03 00 02 1a", "lane 2 of 2"},
		{"lane of a load aligned", "41 00 fd 0c" + zeros + "fd 57 04 00 00 1a", "at most to 8"},
		{"shuffle", "fd 0c" + zeros + "fd 0c" + zeros + "fd 0d" + zeros[:30] + "1f 1a", ""},
		{"shuffle too high", "fd 0c" + zeros + "fd 0c" + zeros + "fd 0d" + zeros[:30] + "20 1a", "lane 32"},
	})
}

func TestVariables(t *testing.T) {
	checkBodies(t, "01", "02 02 7e 01 7d", []bodyCase{ // locals: an i32, two i64, an f32
		{"parameter", "20 00", ""},
		{"first local", "20 01 1a 20 00", ""},
		{"last local", "20 03 1a 20 00", ""},
		{"no local", "20 04 1a 20 00", "local.get: there is no local 4"},
		{"other type", "20 01", "needs i32 and finds i64"},
		{"set", "42 00 21 02 20 00", ""},
		{"set of another type", "41 00 21 02 20 00", "needs i64 and finds i32"},
		{"tee", "43 00000000 22 03 1a 20 00", ""},
		{"tee keeps the type", "43 00000000 22 03", "needs i32 and finds f32"},
		{"global", "23 01", ""},
		{"set of a global", "20 00 24 01 20 00", ""},
		{"constant global", "20 00 24 00 20 00", "global 0 cannot change"},
		{"global of another type", "20 00 24 02 20 00", "needs i64 and finds i32"},
		{"no global", "23 05", "global 5 of 5"},
	})
	// Locals beyond those that are expanded for speed, up to the last that can be.
	checkBodies(t, "00", "03 ff ff 03 7f ff ff fb ff 0f 7e 01 7d", []bodyCase{
		{"in the first group", "20 fe ff 03 41 00 6a 1a", ""},
		{"in the second group", "20 ff ff 03 42 00 7c 1a", ""},
		{"the last of the second", "20 fd ff ff ff 0f 42 00 7c 1a", ""},
		{"in the third group", "20 fe ff ff ff 0f 43 00000000 92 1a", ""},
		{"behind the last", "20 ff ff ff ff 0f 1a", "there is no local 4294967295"},
	})
	wants(t, withBody("00", "02 ff ff ff ff 0f 7f 01 7f", ""), "code", "more than 2^32 - 1 locals")
}

func TestBlocks(t *testing.T) {
	checkBodies(t, "00", "00", []bodyCase{
		{"value", "02 7f 41 00 0b 1a", ""},
		{"missing value", "02 7f 0b 1a", "end: needs i32 and finds nothing"},
		{"other value", "02 7f 42 00 0b 1a", "needs i32 and finds i64"},
		{"several values", "42 00 41 00 02 03 1a 1a 41 00 42 00 0b 1a 1a", ""},
		{"parameters in turn", "41 00 42 00 02 03 1a 1a 41 00 42 00 0b 1a 1a", "needs i32 and finds i64"},
		{"no type", "02 04 0b", "type 4 of 4"},
		{"not a type", "02 6e 0b", "unknown block type"},
		{"one byte of a block type", "02 c0 7f 0b", "unknown block type"},
		{"else in a block", "02 40 05 0b", "else: stands outside an if"},
		{"else twice", "41 00 04 40 05 05 0b", "else: stands outside an if"},
		{"if", "41 00 04 7f 41 00 05 41 01 0b 1a", ""},
		{"if without else", "41 00 04 7f 41 00 0b 1a", "without else takes () and leaves (i32)"},
		{"if that passes on", "41 00 41 00 04 01 0b 1a", ""},
		{"if without condition", "04 40 0b", "if: needs i32 and finds nothing"},
		{"other branch", "41 00 04 7f 41 00 05 42 01 0b 1a", "needs i32 and finds i64"},
		{"first branch leaves more", "41 00 04 7f 41 00 41 00 05 41 01 0b 1a", "else: the block leaves"},
		{"branch out", "41 00 0c 00", ""},
		{"branch with a value", "02 7f 41 00 0c 00 0b 1a", ""},
		{"branch without", "02 7f 0c 00 0b 1a", "br: needs i32 and finds nothing"},
		{"branch of a loop", "41 00 03 01 0c 00 0b 1a", ""},
		{"a loop carries parameters", "03 7f 0c 00 0b 1a", ""},
		{"no label", "0c 01", "label 1 of 1"},
		{"deepest label", "02 40 0c 01 0b", ""},
		{"br_if keeps", "02 7f 41 01 41 00 0d 00 0b 1a", ""},
		{"br_if condition", "02 40 42 00 0d 00 0b", "br_if: needs i32 and finds i64"},
		{"br_if without value", "02 7f 41 00 0d 00 41 00 0b 1a", "br_if: needs i32 and finds nothing"},
		{"table", "02 7f 02 7f 41 01 41 00 0e 01 00 01 0b 0b 1a", ""},
		{"table of no label", "02 40 41 00 0e 01 02 00 0b", "label 2 of 2"},
		{"table's default", "02 40 41 00 0e 01 00 02 0b", "label 2 of 2"},
		{"table of other arities", "02 7f 02 40 41 01 41 00 0e 01 00 01 0b 41 00 0b 1a", "the default 1"},
		{"table of other types", "02 7e 02 7f 41 01 41 00 0e 01 01 00 0b 1a 42 00 0b 1a", "needs i64"},
		{"return", "41 00 0f", ""},
		{"code behind the end", "0b 01", "bytes too many"},
		{"never ends", "02 40", "ends early"},
	})
	checkBodies(t, "02", "00", []bodyCase{
		{"result", "41 00", ""},
		{"no result", "", "end: needs i32 and finds nothing"},
		{"returned", "41 00 0f", ""},
		{"returned other", "42 00 0f", "return: needs i32 and finds i64"},
		{"returned from inside", "02 40 41 00 0f 0b 41 00", ""},
		{"branched out", "02 40 41 00 0c 01 0b 41 00", ""},
		{"two results", "41 00 41 00", "leaves 1 operands more"},
	})
}

// TestUnreachable: behind an operator that never returns the stack has any operands, but
// those that are there must fit.
func TestUnreachable(t *testing.T) {
	checkBodies(t, "02", "00", []bodyCase{
		{"any result", "00", ""},
		{"any operands", "00 6a", ""},
		{"an operand that is there", "00 42 00 6a", "needs i32 and finds i64"},
		{"operands below are gone", "42 00 00 6a", ""},
		{"left over", "00 41 00 41 00", "leaves 1 operands more"},
		{"inside", "02 40 00 0b", "end: needs i32 and finds nothing"},
		{"inside a value", "02 7f 00 0b", ""},
		{"behind br", "0c 00 6a", "br: needs i32 and finds nothing"},
		{"behind br in a block", "02 7e 42 00 0c 00 0b 1a 41 00", ""},
		{"br_if gives its types", "02 7e 00 0d 00 6a 0b 1a 41 00", "needs i32 and finds i64"},
		{"br_table of any operands", "02 7f 02 7e 00 0e 01 01 00 0b 1a 41 00 0b", ""},
		{"br_table of other arities", "02 40 00 0e 01 00 01 0b 41 00", "the default 1"},
		{"select of unknown", "00 1b", ""},
		{"select of one unknown", "00 41 00 1b", ""},
		{"select of an unknown first", "00 42 00 41 00 1b", "needs i32 and finds i64"},
		{"typed select gives its type", "00 1c 01 7e", "needs i32 and finds i64"},
		{"references among unknown", "00 d0 70 41 00 1b", "select: chooses between references"},
		{"unknown is a reference", "00 d1", ""},
		{"else behind unreachable", "41 00 04 7f 00 05 00 0b", ""},
		{"a block takes unknown operands", "00 02 01 0b", ""},
	})
}

func TestCallsAndReferences(t *testing.T) {
	checkBodies(t, "00", "00", []bodyCase{
		{"call", "10 00", ""},
		{"no function", "10 03", "function 3 of 3"},
		{"indirect", "42 00 41 00 41 00 11 03 00 1a 1a", ""},
		{"indirect of no type", "41 00 11 04 00", "type 4 of 4"},
		{"indirect of no table", "41 00 11 00 02", "table 2 of 2"},
		{"indirect of other references", "41 00 11 00 01", "table 1 holds externref"},
		{"indirect index", "42 00 11 00 00", "needs i32 and finds i64"},
		{"select", "41 00 41 00 41 00 1b 1a", ""},
		{"select of two types", "41 00 42 00 41 00 1b 1a", "between i32 and i64"},
		{"select of references", "d0 70 d0 70 41 00 1b 1a", "between references"},
		{"typed select", "d0 70 d0 70 41 00 1c 01 70 1a", ""},
		{"typed select of others", "d0 70 d0 6f 41 00 1c 01 70 1a", "needs funcref and finds externref"},
		{"null", "d0 6f d1 1a", ""},
		{"null of a number", "41 00 d1 1a", "needs a reference and finds i32"},
		{"reference of an import", "d2 00 1a", ""},
		{"reference of an export", "d2 01 1a", ""},
		{"reference of neither", "d2 02 1a", "function 2 is named in no export"},
		{"reference of none", "d2 03 1a", "function 3 of 3"},
		{"table.get", "41 00 25 01 d1 1a", ""},
		{"table.get of none", "41 00 25 02 1a", "table 2 of 2"},
		{"table.set", "41 00 d0 70 26 00", ""},
		{"table.set of another", "41 00 d0 70 26 01", "needs externref and finds funcref"},
		{"table.size", "fc 10 00 1a", ""},
		{"table.grow", "d0 70 41 00 fc 0f 00 1a", ""},
		{"table.grow in turn", "41 00 d0 70 fc 0f 00 1a", "needs i32 and finds funcref"},
		{"table.fill", "41 00 d0 70 41 00 fc 11 00", ""},
		{"table.fill of a number", "41 00 41 00 41 00 fc 11 00", "needs funcref and finds i32"},
		{"table.copy", "41 00 41 00 41 00 fc 0e 00 00", ""},
		{"table.copy of others", "41 00 41 00 41 00 fc 0e 00 01", "copies externref into a table of funcref"},
		{"table.copy of none", "41 00 41 00 41 00 fc 0e 00 02", "table 2 of 2"},
		{"table.copy into none", "41 00 41 00 41 00 fc 0e 02 00", "table 2 of 2"},
		{"table.init", "41 00 41 00 41 00 fc 0c 01 01", ""},
		{"table.init of others", "41 00 41 00 41 00 fc 0c 01 00", "copies externref"},
		{"table.init of none", "41 00 41 00 41 00 fc 0c 02 00", "element segment 2 of 2"},
		{"table.init into none", "41 00 41 00 41 00 fc 0c 00 02", "table 2 of 2"},
		{"elem.drop", "fc 0d 01", ""},
		{"elem.drop of none", "fc 0d 02", "element segment 2 of 2"},
	})
}

// TestMissingSections: operators that need a memory or a data count.
func TestMissingSections(t *testing.T) {
	bare := func(body string) parts {
		inside := hex.EncodeToString(w.U32(len(code(body)) + 2))
		return parts{1: "01 60 00 00", 3: "01 00", 10: "01" + inside + "00" + body + "0b"}
	}
	for name, body := range map[string]string{
		"load": "41 00 28 00 00 1a", "store": "41 00 41 00 36 00 00", "size": "3f 00 1a",
		"grow": "41 00 40 00 1a", "copy": "41 00 41 00 41 00 fc 0a 00 00",
		"fill": "41 00 41 00 41 00 fc 0b 00", "vector": "41 00 fd 00 00 00 1a",
	} {
		t.Run(name, func(t *testing.T) { wants(t, bare(body).bytes(), "code", "no memory") })
	}
	for _, body := range []string{"fc 09 00", "41 00 41 00 41 00 fc 08 00 00"} {
		p := bare(body).with(5, "01 00 01").with(11, "01 01 00")
		wants(t, p.bytes(), "code", "needs a data count section")
		wants(t, p.with(12, "01").bytes(), "", "")
	}
	p := bare("41 00 41 00 41 00 fc 08 00 00").with(11, "01 01 00").with(12, "01")
	wants(t, p.bytes(), "code", "no memory")
}

// TestErrorsNameTheirPlace: the function, imports counted, and the operator's first byte.
func TestErrorsNameTheirPlace(t *testing.T) {
	module := withBody("00", "00", "01 41 00 42 00 6a")
	err := validate.Module(module)
	var e *validate.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v", err)
	}
	if e.Function != 1 || e.Section != "code" || module[e.Offset] != 0x6a {
		t.Errorf("function %d, byte %d is %#x", e.Function, e.Offset, module[e.Offset])
	}
	if !strings.Contains(err.Error(), "code section, function 1, byte ") {
		t.Errorf("error %q", err)
	}
	err = validate.Module(withBody("00", "00", "ff"))
	if !errors.As(err, &e) || e.Function != 1 || module[e.Offset] != 1 {
		t.Errorf("an unknown operator: %v", err)
	}
}
