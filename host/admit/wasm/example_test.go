package wasm_test

import (
	"fmt"

	"github.com/cerberus-host/cerberus/host/admit/wasm"
)

// Sections are walked in the order of the file; each has a reader of its own.
func Example() {
	module := []byte("\x00asm\x01\x00\x00\x00" +
		"\x01\x06\x01\x60\x01\x7f\x01\x7f\x03\x02\x01\x00" + // one type, one function
		"\x0a\x09\x01\x07\x00\x20\x00\x41\x01\x6a\x0b") // its body
	sections, err := wasm.Open(module)
	for err == nil && sections.More() {
		var s wasm.Section
		if s, err = sections.Next(); err != nil || s.ID != wasm.SectionCode {
			continue
		}
		r := s.Reader
		_, _ = r.Count("bodies", 3)
		body, _ := r.Body()
		_, _ = body.LocalGroups()
		for in := (wasm.Instruction{}); body.Left() > 0 && body.Instruction(&in) == nil; {
			info, _ := wasm.Info(in.Op)
			fmt.Println(in.Start, in.Op, info.Params, info.Results)
		}
	}
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// 25 local.get () ()
	// 27 i32.const () (i32)
	// 29 i32.add (i32 i32) (i32)
	// 30 end () ()
}
