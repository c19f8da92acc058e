package runtime

import (
	"encoding/binary"
	"errors"
	"testing"
)

// framed is a file of native code for two functions, as the compiler writes it.
func framed() []byte {
	b := append([]byte(nativeMagic), 2, 'v', '1')
	b = binary.LittleEndian.AppendUint32(b, 2)
	b = binary.LittleEndian.AppendUint64(b, 0)
	b = binary.LittleEndian.AppendUint64(b, 16)
	b = binary.LittleEndian.AppendUint64(b, 32)
	b = append(b, make([]byte, 32)...)
	return append(b, 1, 2, 3, 4, 0, 0, 0, 0, 0)
}

// twoFunctions is a module with a type section and a section of two functions.
func twoFunctions() []byte {
	return append([]byte("\x00asm\x01\x00\x00\x00"), 1, 4, 1, 0x60, 0, 0, 3, 3, 2, 0, 0)
}

func TestNativeFrame(t *testing.T) {
	good := framed()
	if err := (&native{content: good}).check(twoFunctions()); err != nil {
		t.Fatal(err)
	}
	for n := range good {
		if err := (&native{content: good[:n]}).check(twoFunctions()); !errors.Is(err, errNative) {
			t.Errorf("%d bytes of %d: %v", n, len(good), err)
		}
	}
	for name, change := range map[string]func([]byte) []byte{
		"longer":          func(b []byte) []byte { return append(b, 0) },
		"magic":           func(b []byte) []byte { b[0]++; return b },
		"functions":       func(b []byte) []byte { b[9] = 3; return b },
		"many functions":  func(b []byte) []byte { b[12] = 0xff; return b },
		"offset":          func(b []byte) []byte { b[21] = 32; return b },
		"order":           func(b []byte) []byte { b[13] = 17; return b },
		"length":          func(b []byte) []byte { b[29]--; return b },
		"huge length":     func(b []byte) []byte { b[36] = 0xff; return b },
		"source map":      func(b []byte) []byte { b[len(b)-5] = 1; return b },
		"exception table": func(b []byte) []byte { b[len(b)-4] = 1; return b },
	} {
		if err := (&native{content: change(framed())}).check(twoFunctions()); !errors.Is(err,
			errNative) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFunctionCount(t *testing.T) {
	module := twoFunctions()
	if n, err := functionCount(module); err != nil || n != 2 {
		t.Errorf("%d functions, error %v", n, err)
	}
	for n := range module[:len(module)-1] {
		if got, err := functionCount(module[:n]); err == nil {
			t.Errorf("%d functions in %d bytes of %d", got, n, len(module))
		}
	}
}

// FuzzNative: a file that passes has the parts that it says, and nothing panics.
func FuzzNative(f *testing.F) {
	f.Add(framed(), twoFunctions())
	f.Fuzz(func(t *testing.T, content, code []byte) {
		if (&native{content: content}).check(code) != nil {
			return
		}
		functions, err := functionCount(code)
		if err != nil || 8*functions > uint64(len(content)) {
			t.Errorf("%d functions in %d bytes, error %v", functions, len(content), err)
		}
	})
}
