package hostcall

import "github.com/cerberus-host/cerberus/abi"

// failBytesMax bounds the error message that is kept of a guest.
const failBytesMax = 512

func callLog(c call) int64 {
	b, ok := c.bytes(0, 1)
	if !ok {
		return -int64(abi.ErrnoFault)
	}
	c.log.add(b)
	c.log.add([]byte("\n"))
	return 0
}

func callFail(c call) int64 {
	b, ok := c.bytes(0, 1)
	if !ok {
		return -int64(abi.ErrnoFault)
	}
	if c.failure != nil {
		return -int64(abi.ErrnoState)
	}
	text := printable(b[:min(len(b), failBytesMax)])
	c.failure = &text
	return 0
}

func callArg(c call) int64 {
	name, errno := c.name(0)
	if errno != abi.ErrnoNone {
		return -int64(errno)
	}
	v, ok := c.args.Get(name)
	if !ok {
		return c.refuse(abi.ErrnoName, "there is no public argument %q", name)
	}
	return c.give(2, v)
}
