package validate_test

import (
	"errors"
	"fmt"

	"github.com/cerberus-host/cerberus/host/admit/validate"
)

// The error says where and why.
func ExampleModule() {
	module := []byte("\x00asm\x01\x00\x00\x00" +
		"\x01\x06\x01\x60\x01\x7f\x01\x7f\x03\x02\x01\x00" + // (i32) -> (i32)
		"\x0a\x09\x01\x07\x00\x20\x00\x42\x01\x6a\x0b") // adds an i64
	err := validate.Module(module)
	if e, ok := errors.AsType[*validate.Error](err); ok {
		fmt.Printf("function %d, byte %d: %s\n", e.Function, e.Offset, e.Problem)
	}
	// Output: function 0, byte 29: i32.add: needs i32 and finds i64
}
