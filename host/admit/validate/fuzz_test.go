package validate_test

import (
	"errors"
	"testing"

	"github.com/cerberus-host/cerberus/host/admit/validate"
	"github.com/cerberus-host/cerberus/host/admit/wasm"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// What the oracle is given: its decoder takes memory and time for what a module claims, so
// that it only sees modules that are well formed and declare little.
const (
	oracleLocalsMax = 1 << 16
	oracleTableMax  = 1 << 16
)

// tame reports whether the oracle may see a module.
func tame(module []byte) bool {
	sections, err := wasm.Open(module)
	for err == nil && sections.More() {
		var s wasm.Section
		if s, err = sections.Next(); err == nil {
			err = wellFormed(s)
		}
	}
	return err == nil
}

var errTooMuch = errors.New("declares too much for the oracle")

// wellFormed reads a whole section.
func wellFormed(s wasm.Section) error {
	r := &s.Reader
	switch s.ID {
	case wasm.SectionCustom:
		return nil
	case wasm.SectionStart, wasm.SectionDataCount:
		_, err := r.U32()
		return errors.Join(err, r.Done())
	default:
	}
	n, err := r.Count("entries", 1)
	if err != nil {
		return err
	}
	for range n {
		if err := wellFormedEntry(s.ID, r); err != nil {
			return err
		}
	}
	return r.Done()
}

func wellFormedEntry(id wasm.SectionID, r *wasm.Reader) (err error) {
	var in wasm.Instruction
	switch id {
	case wasm.SectionType:
		_, err = r.FuncType()
	case wasm.SectionImport:
		_, err = r.Import()
	case wasm.SectionFunction:
		_, err = r.U32()
	case wasm.SectionTable:
		var t wasm.Table
		if t, err = r.Table(); t.Min > oracleTableMax {
			return errTooMuch
		}
	case wasm.SectionMemory:
		_, err = r.Memory()
	case wasm.SectionGlobal:
		if _, err = r.Global(); err == nil {
			err = r.Constant(&in)
		}
	case wasm.SectionExport:
		_, err = r.Export()
	case wasm.SectionElement:
		err = wellFormedElement(r)
	case wasm.SectionData:
		err = r.Data(&wasm.Data{})
	default:
		err = wellFormedBody(r)
	}
	return err
}

func wellFormedElement(r *wasm.Reader) error {
	var e wasm.Element
	if err := r.Element(&e); err != nil {
		return err
	}
	for range e.Count {
		var err error
		if e.Expressions {
			err = r.Constant(&e.Offset)
		} else {
			_, err = r.U32()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func wellFormedBody(r *wasm.Reader) error {
	body, err := r.Body()
	if err != nil {
		return err
	}
	groups, err := body.LocalGroups()
	if err != nil {
		return err
	}
	var locals uint64
	for range groups {
		n, _, err := body.Locals()
		if err != nil {
			return err
		}
		if locals += uint64(n); locals > oracleLocalsMax {
			return errTooMuch
		}
	}
	var in wasm.Instruction
	for body.Left() > 0 {
		if err := body.Instruction(&in); err != nil {
			return err
		}
	}
	return nil
}

// agree compares our judgement of a module with the oracle's.
func agree(t *testing.T, o oracle, module []byte) {
	t.Helper()
	ours := validate.Module(module)
	if ours != nil && !errors.Is(ours, validate.ErrInvalid) {
		t.Errorf("%v is no refusal", ours)
	}
	if !tame(module) {
		return
	}
	theirs := o.judge(module)
	if (ours == nil) != (theirs == nil) && explained(module, ours, theirs) == "" {
		t.Errorf("ours %v, theirs %v, module\n%x", ours, theirs, module)
	}
}

// seeds are modules that together have most of what the format has.
func seeds() [][]byte {
	return [][]byte{
		everything().bytes(),
		withBody("03", "02 01 7f 01 7b", "20 00 20 01 02 03 0c 00 0b 1a 1a 41 00 42 00"),
		withBody("02", "00", "02 7f 02 7f 41 01 41 00 0e 02 00 01 00 0b 41 02 0d 00 0b"),
		withBody("01", "01 01 7e", "20 00 04 7f 41 01 05 03 7f 23 01 0d 01 41 02 0b 0b"),
		withBody("00", "00", "41 00 28 02 00 41 00 fc 0b 00 3f 00 40 00 1a d0 70 d1 1a"),
		withBody("00", "00", "42 00 41 00 41 00 11 03 00 1b 10 00 00 6a d2 01 1a"),
		withBody("00", "00", "41 00 fd 00 00 00 fd 15 03 fd 0f fd 0c 00112233445566778899aabbccddeeff 1a 1a"),
	}
}

// TestDamagedModules: every prefix of a module, and every module with one bit or one byte
// changed, is judged as the oracle judges it.
func TestDamagedModules(t *testing.T) {
	o := newOracle(t)
	for _, module := range seeds() {
		for n := range module {
			if validate.Module(module[:n]) == nil && n != len(w.Header()) && !tame(module[:n]) {
				t.Errorf("the first %d bytes are valid and malformed", n)
			}
			agree(t, o, module[:n])
			changed := append([]byte(nil), module...)
			for bit := range 8 {
				changed[n] = module[n] ^ 1<<bit
				agree(t, o, changed)
			}
			for _, b := range []byte{0x00, 0x01, 0x0b, 0x40, 0x6f, 0x70, 0x7b, 0x7f, 0xff} {
				changed[n] = b
				agree(t, o, changed)
			}
		}
	}
}

func FuzzValidate(f *testing.F) {
	for _, module := range seeds() {
		f.Add(module)
	}
	o := newOracle(f)
	f.Fuzz(func(t *testing.T, module []byte) { agree(t, o, module) })
}
