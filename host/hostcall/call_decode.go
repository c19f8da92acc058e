package hostcall

import (
	"encoding/binary"
	"math"

	"github.com/cerberus-host/cerberus/abi"
)

func callResult(c call) int64 {
	name, errno := c.name(0)
	if errno != abi.ErrnoNone {
		return -int64(errno)
	}
	v, ok := c.decode.results[name]
	if !ok {
		return c.refuse(abi.ErrnoName, "the manifest has no output %q for %q", name,
			c.args.String())
	}
	buf, ok := c.bytes(2, 8)
	if !ok {
		return -int64(abi.ErrnoFault)
	}
	for i := range min(len(v), len(buf)/8) {
		binary.LittleEndian.PutUint64(buf[8*i:], math.Float64bits(v[i]))
	}
	return int64(len(v))
}

func callAnswerLabel(c call) int64 {
	name, errno := c.name(0)
	if errno != abi.ErrnoNone {
		return -int64(errno)
	}
	if c.decode.labelled {
		return c.refuse(abi.ErrnoState, "the label is set twice")
	}
	if !c.decode.labels[name] {
		return c.refuse(abi.ErrnoName, "the manifest has no such label for %q", c.args.String())
	}
	c.decode.labelled = true
	c.decode.answer.Label = name
	return 0
}

func callAnswerNumber(c call) int64 {
	name, errno := c.name(0)
	if errno != abi.ErrnoNone {
		return -int64(errno)
	}
	v := math.Float64frombits(c.stack[2])
	a := &c.decode.answer
	_, twice := a.Get(name)
	switch {
	case !answerName(name):
		return c.refuse(abi.ErrnoName, "an answer's number needs another name")
	case twice:
		return c.refuse(abi.ErrnoName, "a number of the answer is given twice")
	case !finite(v):
		return c.refuse(abi.ErrnoRange, "a number of the answer is not finite")
	case len(a.Numbers) == AnswerNumbersMax:
		return c.refuse(abi.ErrnoLimit, "an answer has at most %d numbers", AnswerNumbersMax)
	}
	a.Numbers = append(a.Numbers, Number{Name: name, Value: v})
	return 0
}

// answerName accepts what a person can read and a program can look up: lower-case letters,
// digits and underscores, but not the label's own name.
func answerName(s string) bool {
	if s == "" || s == labelName {
		return false
	}
	for _, b := range []byte(s) {
		if b != '_' && (b < 'a' || b > 'z') && (b < '0' || b > '9') {
			return false
		}
	}
	return true
}
