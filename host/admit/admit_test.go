package admit_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/admit"
	"github.com/cerberus-host/cerberus/host/admit/meter"
	"github.com/cerberus-host/cerberus/host/admit/validate"
	"github.com/cerberus-host/cerberus/host/admit/wasm"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// refused admits a module and wants an *admit.Error of that section with that text.
func refused(t *testing.T, module []byte, section, text string) {
	t.Helper()
	_, err := admit.Admit(module)
	var e *admit.Error
	if !errors.As(err, &e) || !errors.Is(err, abi.ErrModule) {
		t.Fatalf("error %v, want an *admit.Error", err)
	}
	if e.Section != section || !strings.Contains(err.Error(), text) {
		t.Errorf("error %q, want section %s and %q", err, section, text)
	}
	if e.Offset < 8 || e.Offset > len(module) {
		t.Errorf("offset %d outside the file of %d bytes", e.Offset, len(module))
	}
}

// brainWith is a Brain whose infer has these locals and body.
func brainWith(tb testing.TB, locals, body []byte) []byte {
	m := w.Brain(nil, body, nil)
	m.Functions[2].Locals = locals
	return w.Attach(tb, m.Bytes())
}

func TestAdmitsAMinimalBrain(t *testing.T) {
	file := w.Attach(t, w.Brain(nil, nil, nil).Bytes())
	m, err := admit.Admit(file)
	if err != nil {
		t.Fatal(err)
	}
	if m.Digest != abi.SumDigest(file) || m.Manifest.Name != "guest" || m.Initializes {
		t.Errorf("got %+v", m)
	}
	if strings.Contains(string(m.Code), abi.ManifestSection) {
		t.Error("a custom section is left in the code")
	}
	if m.Facts.Functions != 4 || m.Facts.CodeBytes != len(m.Code) || m.Facts.MemoryPagesMin != 1 {
		t.Errorf("facts %+v", m.Facts)
	}
	if len(m.Globals) != 0 || !m.Restorable {
		t.Errorf("globals %v, restorable %t", m.Globals, m.Restorable)
	}
}

// TestHugeCounts is the 15-byte module, once for each section: a count of 2^31 and nothing
// behind it.
func TestHugeCounts(t *testing.T) {
	claim := []byte{0x80, 0x80, 0x80, 0x80, 0x08}
	for id, section := range map[byte]string{
		1: "type", 2: "import", 3: "function", 4: "table", 5: "memory", 6: "global",
		7: "export", 9: "element", 10: "code", 11: "data", 12: "data count",
	} {
		module := w.Attach(t, w.Cat(w.Header(), w.Section(id, claim)))
		refused(t, module, section, "")
	}
	module := w.Attach(t, w.Cat(w.Header(), w.Section(1, []byte{1, 0x60}, claim)))
	refused(t, module, "type", "claims 2147483648 parameters")
}

func TestCountsThatTheBytesCannotHold(t *testing.T) {
	for id, limit := range map[byte]int{
		1: admit.TypesMax, 2: admit.ImportsMax, 3: admit.FunctionsMax, 6: admit.GlobalsMax,
		7: admit.ExportsMax, 9: admit.ElementsMax, 11: admit.DataSegmentsMax,
	} {
		module := w.Attach(t, w.Cat(w.Header(), w.Section(id, w.U32(limit))))
		_, err := admit.Admit(module)
		if err == nil || !strings.Contains(err.Error(), "claims") {
			t.Errorf("section %d: error %v", id, err)
		}
	}
}

func TestHostileBodies(t *testing.T) {
	block := []byte{0x02, 0x40}
	nested := func(n int) []byte {
		return w.Cat(w.Repeat(block, n), w.Repeat([]byte{0x0b}, n))
	}
	branches := func(n int) []byte {
		return w.Cat(w.I32Const(0), []byte{0x0e}, w.U32(n), w.Repeat([]byte{0}, n+1))
	}
	flat := func(n int) []byte { return w.Repeat([]byte{0x02, 0x40, 0x0b}, n) }
	for _, c := range []struct {
		name         string
		locals, body []byte
		text         string
	}{
		{"2^32-1 locals", []byte{1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f}, nil, "locals in one function"},
		{"10^8 locals", w.Cat([]byte{1}, w.U32(100_000_000), []byte{0x7f}), nil, "locals"},
		{"1001 locals", w.Cat([]byte{1}, w.U32(1001), []byte{0x7f}), nil, "(1001, at most 1000)"},
		{"sum of groups", w.Cat([]byte{2}, w.U32(999), []byte{0x7f, 2, 0x7e}), nil, "(1001, at"},
		{"groups overflow", []byte{2, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 2, 0x7f}, nil, "locals"},
		{"nested", nil, nested(admit.NestingMax), "nested blocks"},
		{"deeply nested", nil, nested(40_000), "nested blocks"},
		{"br_table", nil, branches(admit.BranchTargetsMax + 1), "br_table"},
		{"br_table claim", nil, []byte{0x0e, 0xff, 0xff, 0xff, 0xff, 0x0f}, "br_table"},
		{
			"blocks by locals", w.Cat([]byte{1}, w.U32(1000), []byte{0x7f}), flat(1000),
			"blocks times locals",
		},
		{"blocks", nil, flat(admit.BlocksMax + 1), "blocks in one function"},
		{"branches", nil, w.Repeat(branches(4000), 5), "branch targets in one function"},
		{
			"fills", nil, w.Repeat(w.Cat(w.Repeat(w.I32Const(0), 3), []byte{0xfc, 11, 0}), 1025),
			"blocks in one function",
		},
		{"long body", nil, w.Repeat([]byte{1}, admit.BodyBytesMax), "one function's body"},
		{"unknown operator", nil, []byte{0xff}, "unknown operator"},
		{"exception", nil, []byte{0x06, 0x40, 0x0b}, "unknown operator"},
		{"tail call", nil, []byte{0x12, 0}, "unknown operator"},
		{"atomic", nil, []byte{0xfe, 0, 2, 0}, "unknown operator"},
		{"unknown prefixed", nil, []byte{0xfc, 18}, "unknown operator 0xfc"},
		{"relaxed vector", nil, []byte{0xfd, 0x80, 2}, "unknown operator 0xfd"},
		{"vector hole", nil, []byte{0xfd, 0x9a, 1}, "unknown operator 0xfd"},
		{"table.grow", nil, []byte{0xfc, 15, 0}, "changes a table"},
		{"table.set", nil, []byte{0x26, 0}, "changes a table"},
		{"table.copy", nil, []byte{0xfc, 14, 0, 0}, "changes a table"},
		{"number of six bytes", nil, []byte{0x20, 0x80, 0x80, 0x80, 0x80, 0x80, 0}, "five bytes"},
		{"number of 33 bits", nil, []byte{0x20, 0xff, 0xff, 0xff, 0xff, 0x1f}, "32 bits"},
		{"end inside", nil, []byte{0x0b, 0x01}, "after a function's end"},
		{"never ends", nil, []byte{0x02, 0x40}, "ends early"},
	} {
		t.Run(c.name, func(t *testing.T) {
			refused(t, brainWith(t, c.locals, c.body), "code", c.text)
		})
	}
}

// TestLimitsAreReached: what the limits allow is admitted, so that the refusals above are
// about the limit.
func TestLimitsAreReached(t *testing.T) {
	n := admit.NestingMax - 1
	body := w.Cat(
		w.Repeat([]byte{0x02, 0x40}, n), w.Repeat([]byte{0x0b}, n),
		w.I32Const(0), []byte{0x0e}, w.U32(admit.BranchTargetsMax),
		w.Repeat([]byte{0}, admit.BranchTargetsMax+1),
	)
	if _, err := admit.Admit(brainWith(t, nil, body)); err != nil {
		t.Error(err)
	}
	locals := w.Cat([]byte{1}, w.U32(admit.LocalsMax), []byte{0x7f})
	if _, err := admit.Admit(brainWith(t, locals, nil)); err != nil {
		t.Error(err)
	}
}

// TestMeteredSizeIsBounded: a root and an absolute value in two bytes become more than twenty.
func TestMeteredSizeIsBounded(t *testing.T) {
	m := w.Brain(nil, nil, nil)
	body := w.Cat([]byte{0x44}, make([]byte, 8), w.Repeat([]byte{0x9f, 0x99}, 65_000), []byte{0x1a})
	for range 7 {
		m.Functions = append(m.Functions, w.Function{Body: body})
	}
	file := w.Attach(t, m.Bytes())
	admitted, err := admit.Admit(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(admitted.Code); n < 8*len(file) || n > admit.CodeBytesMax {
		t.Errorf("%d bytes became %d", len(file), n)
	}
	for range 10 {
		m.Functions = append(m.Functions, w.Function{Body: body})
	}
	refused(t, w.Attach(t, m.Bytes()), "code", "with what counts gas")
}

func TestTotalsOfManyFunctions(t *testing.T) {
	m := w.Brain(nil, nil, nil)
	for range admit.LocalsTotalMax/admit.LocalsMax + 1 {
		m.Functions = append(m.Functions, w.Function{
			Locals: w.Cat([]byte{1}, w.U32(admit.LocalsMax), []byte{0x7f}),
		})
	}
	refused(t, w.Attach(t, m.Bytes()), "code", "too many locals")

	m = w.Brain(nil, nil, nil)
	for range admit.FunctionsMax {
		m.Functions = append(m.Functions, w.Function{})
	}
	refused(t, w.Attach(t, m.Bytes()), "function", "too many functions")

	m = w.Brain(nil, nil, nil)
	for range 5 {
		m.Functions = append(m.Functions, w.Function{Body: w.Repeat([]byte{0x02, 0x40, 0x0b}, 4000)})
	}
	refused(t, w.Attach(t, m.Bytes()), "code", "blocks in large functions")

	m = w.Brain(nil, nil, nil)
	for range 21 {
		m.Functions = append(m.Functions, w.Function{
			Locals: w.Cat([]byte{1}, w.U32(900), []byte{0x7f}),
			Body:   w.Repeat([]byte{0x02, 0x40, 0x0b}, 1100),
		})
	}
	refused(t, w.Attach(t, m.Bytes()), "code", "blocks times locals")
}

func TestHostileShapes(t *testing.T) {
	host := w.Import{Module: abi.ImportModule, Name: "neg", Params: w.I64, Results: w.I64}
	for _, c := range []struct {
		name, section, text string
		change              func(m *w.Module)
	}{
		{"no memory", "export", "no memory", func(m *w.Module) { m.MemoryPages = -1 }},
		{"memory not exported", "export", "no memory", func(m *w.Module) {
			m.Exports = m.Exports[1:]
		}},
		{"huge memory", "memory", "too many memory pages", func(m *w.Module) {
			m.MemoryPages = abi.MemoryPagesMax + 1
		}},
		{"huge table", "table", "too many table entries", func(m *w.Module) {
			m.TableSize = admit.TableEntriesMax + 1
		}},
		{"no infer", "export", `"infer" is missing`, func(m *w.Module) {
			m.Exports = append(m.Exports[:3:3], m.Exports[4:]...)
		}},
		{"infer with a result", "export", "type () -> ()", func(m *w.Module) {
			m.Functions[2] = w.Function{Results: w.I32, Body: w.I32Const(0)}
		}},
		{"infer is the memory", "export", "type () -> ()", func(m *w.Module) {
			m.Exports[3].Kind, m.Exports[3].Index = w.Memory, 0
		}},
		{"infer out of range", "export", "type () -> ()", func(m *w.Module) {
			m.Exports[3].Index = 1 << 20
		}},
		{"infer twice", "export", "twice", func(m *w.Module) {
			m.Exports = append(m.Exports, m.Exports[3])
		}},
		{"command", "export", "is a command", func(m *w.Module) {
			m.Exports = append(m.Exports, w.Export{Name: "_start"})
		}},
		{"_initialize with a parameter", "export", `"_initialize" is not`, func(m *w.Module) {
			m.Functions = append(m.Functions, w.Function{Params: w.I32})
			m.Exports = append(m.Exports, w.Export{Name: "_initialize", Index: 4})
		}},
		{"foreign import", "import", "is not there", func(m *w.Module) {
			m.Import(w.Import{Module: "env", Name: "system"})
		}},
		{"unknown function", "import", "is not there", func(m *w.Module) {
			m.Import(w.Import{Module: abi.ImportModule, Name: "decrypt"})
		}},
		{"wrong signature", "import", "another type", func(m *w.Module) {
			m.Import(w.Import{Module: host.Module, Name: host.Name, Params: w.I32, Results: w.I64})
		}},
		{"file access", "import", "is not there", func(m *w.Module) {
			m.Import(w.Import{Module: admit.WASIModule, Name: "path_open"})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := w.Brain(nil, nil, nil)
			c.change(m)
			refused(t, w.Attach(t, m.Bytes()), c.section, c.text)
		})
	}
	m := w.Brain(nil, nil, nil)
	m.Import(host)
	m.Import(host) // Go imports a function once for each package that declares it
	if _, err := admit.Admit(w.Attach(t, m.Bytes())); err != nil {
		t.Errorf("imports of the table: %v", err)
	}
}

func TestHostileSections(t *testing.T) {
	brain := w.Brain(nil, nil, nil).Bytes()
	for _, c := range []struct {
		name    string
		module  []byte
		section string
	}{
		{"start", w.Cat(w.Header(), w.Section(8, []byte{0})), "start"},
		{"unknown", w.Cat(w.Header(), w.Section(13)), "header"},
		{"twice", w.Cat(brain, w.Section(10, []byte{0})), "code"},
		{"out of order", w.Cat(brain, w.Section(1, []byte{0})), "type"},
		{"data count after code", w.Cat(brain, w.Section(12, []byte{0})), "data count"},
		{"trailing", w.Cat(w.Header(), w.Section(1, []byte{0, 0})), "type"},
		{"memory64", w.Cat(w.Header(), w.Section(5, []byte{1, 4, 1})), "memory"},
		{"shared memory", w.Cat(w.Header(), w.Section(5, []byte{1, 3, 1, 1})), "memory"},
		{"two memories", w.Cat(w.Header(), w.Section(5, []byte{2, 0, 1, 0, 1})), "memory"},
		{"two tables", w.Cat(w.Header(), w.Section(4, []byte{2, 0x70, 0, 1, 0x70, 0, 1})), "table"},
		{"nothing", w.Header(), "export"},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, w.Attach(t, c.module), c.section, "") })
	}
}

func TestManifestMustBeThereOnce(t *testing.T) {
	brain := w.Brain(nil, nil, nil).Bytes()
	file := w.Attach(t, brain)
	for name, module := range map[string][]byte{
		"none": brain, "twice": w.Cat(file, file[len(brain):]), "no header": file[8:], "empty": nil,
		"component": w.Cat([]byte{0, 'a', 's', 'm', 0x0d, 0, 1, 0}, file[8:]),
	} {
		if _, err := admit.Admit(module); !errors.Is(err, abi.ErrModule) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestEveryPrefixIsRefused(t *testing.T) {
	file := w.Attach(t, w.Brain(w.Call(0), w.Cat([]byte{0x03, 0x40, 0x0b}), nil).Bytes())
	for n := range file {
		if _, err := admit.Admit(file[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are admitted", n, len(file))
		}
	}
}

func FuzzAdmit(f *testing.F) {
	f.Add(w.Attach(f, w.Brain(w.Call(0), []byte{0x03, 0x40, 0x0b}, nil).Bytes()))
	m := w.Brain(nil, w.Cat(w.I32Const(0), w.I32Const(0), w.I32Const(0), []byte{0xfc, 11, 0}), nil)
	m.TableSize, m.Elements = 4, []int{0, 1}
	f.Add(w.Attach(f, m.Bytes()))
	f.Fuzz(func(t *testing.T, file []byte) {
		m, err := admit.Admit(file)
		if err != nil {
			if !errors.Is(err, abi.ErrModule) && !errors.Is(err, abi.ErrManifest) {
				t.Errorf("%v is no refusal", err)
			}
			for _, mistake := range []error{
				meter.ErrReserved, meter.ErrOperator, meter.ErrLimit, meter.ErrInvalid,
				meter.ErrOptions, wasm.ErrMalformed, validate.ErrInvalid,
			} {
				if errors.Is(err, mistake) {
					t.Errorf("a valid module is refused by its metering: %v", err)
				}
			}
			return
		}
		if err := validate.Module(m.Code); err != nil {
			t.Errorf("the rewritten code: %v", err)
		}
		if len(m.Code) > 12*len(file)+1000 {
			t.Errorf("%d bytes became %d", len(file), len(m.Code))
		}
		again, err := admit.Admit(file)
		if err != nil || !bytes.Equal(again.Code, m.Code) {
			t.Errorf("admitted again, the code is another: %v", err)
		}
	})
}
