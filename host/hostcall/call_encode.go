package hostcall

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
)

func callRequestText(c call) int64 {
	f, errno := c.field()
	if errno != abi.ErrnoNone {
		return -int64(errno)
	}
	if f.Type != abi.FieldText && f.Type != abi.FieldEnum {
		return c.refuse(abi.ErrnoType, "field %q is of type %s", f.Name, f.Type)
	}
	text, ok := c.encode.request.texts[f.Name]
	if !ok {
		return -int64(abi.ErrnoAbsent)
	}
	return c.give(2, text)
}

func callRequestNumber(c call) int64 {
	f, errno := c.field()
	if errno != abi.ErrnoNone {
		return -int64(errno)
	}
	key, errno := c.name(2)
	if errno != abi.ErrnoNone {
		return -int64(errno)
	}
	switch {
	case f.Type == abi.FieldNumber && key == "":
	case f.Type == abi.FieldNumbers && c.hasKey(f, key):
	case f.Type == abi.FieldNumber, f.Type == abi.FieldNumbers:
		return c.refuse(abi.ErrnoName, "field %q has no key %q", f.Name, key)
	default:
		return c.refuse(abi.ErrnoType, "field %q is of type %s", f.Name, f.Type)
	}
	v, ok := c.encode.request.numbers[f.Name][key]
	if !ok {
		return -int64(abi.ErrnoAbsent)
	}
	if !c.writeU64(c.u32(4), math.Float64bits(v)) {
		return -int64(abi.ErrnoFault)
	}
	return 0
}

// field reads the name of a request field.
func (c call) field() (abi.Field, abi.Errno) {
	name, errno := c.name(0)
	if errno != abi.ErrnoNone {
		return abi.Field{}, errno
	}
	f, ok := c.manifest.Field(name)
	if !ok {
		c.refuse(abi.ErrnoName, "the schema has no field %q", name)
		return abi.Field{}, abi.ErrnoName
	}
	return f, abi.ErrnoNone
}

// hasKey reports whether a numbers field can hold that key. It may have thousands, and a
// guest may ask for each of them as often.
func (c call) hasKey(f abi.Field, key string) bool {
	keys, ok := c.encode.keys[f.Name]
	if !ok {
		keys = setOf(keysOf(f, c.args))
		c.encode.keys[f.Name] = keys
	}
	return keys[key]
}

func callEncodePut(c call) int64 {
	name, errno := c.name(0)
	if errno != abi.ErrnoNone {
		return -int64(errno)
	}
	i := slices.IndexFunc(c.encode.inputs, func(in abi.Input) bool { return in.Name == name })
	if i < 0 {
		return c.refuse(abi.ErrnoName, "the manifest has no input %q for %q", name,
			c.args.String())
	}
	in := c.encode.inputs[i]
	offset, count := uint64(c.u32(2)), uint64(c.u32(4))
	if offset+count > uint64(in.Length) {
		return c.refuse(abi.ErrnoRange, "input %q has %d elements, not %d to %d", name, in.Length,
			offset, offset+count)
	}
	raw, ok := c.bytes(3, 8)
	if !ok {
		return -int64(abi.ErrnoFault)
	}
	v := c.encode.vectors[name]
	if v == nil {
		v = make([]float64, in.Length)
		c.encode.vectors[name] = v
	}
	for k := range int(count) {
		x := math.Float64frombits(binary.LittleEndian.Uint64(raw[8*k:]))
		if !(math.Abs(x) <= float64(in.Bound)) { // also refuses NaN
			return c.refuse(abi.ErrnoRange, "element %d of input %q is not a number within ±%d",
				int(offset)+k, name, in.Bound)
		}
		v[int(offset)+k] = x
	}
	return 0
}
