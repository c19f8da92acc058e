package hostcall

import (
	"crypto/sha3"
	"encoding/binary"
)

// Error numbers of wasi_snapshot_preview1, as far as the shim gives them.
const (
	wasiSuccess      = 0
	wasiBadFile      = 8
	wasiFault        = 21
	wasiInvalid      = 28
	wasiNotSupported = 52
)

const (
	wasiExit = "proc_exit"

	// clockStart is what a guest's clock shows first, in nanoseconds: 1 January 2022. It
	// moves by clockStep with every reading.
	clockStart = 1_640_995_200_000_000_000
	clockStep  = 1_000_000
	// clockEnd is where waiting can move the clock to at most, in the year 2116.
	clockEnd = 1 << 62

	// randomBytesMax bounds one random_get: the guest cannot be stopped inside.
	randomBytesMax = 64 << 10
	// vectorsMax bounds the buffers of one fd_write.
	vectorsMax = 1024
	// subscriptionsMax bounds the events of one poll_oneoff.
	subscriptionsMax = 64
)

// wasiState is the world that a guest sees: a clock and random bytes, both fixed by the
// run's seed.
type wasiState struct {
	clock  uint64
	random *sha3.SHAKE
}

// wasiFunctions returns the implementations of the system interface. There is no file, so
// calls about one say "bad file descriptor", as runtimes expect it.
func wasiFunctions() map[string]implementation {
	noFile := func(call) int64 { return wasiBadFile }
	nothing := func(call) int64 { return wasiSuccess }
	return map[string]implementation{
		"args_get": nothing, "args_sizes_get": wasiNoStrings,
		"environ_get": nothing, "environ_sizes_get": wasiNoStrings,
		"clock_time_get": wasiClockTime, "random_get": wasiRandom,
		"sched_yield": nothing, "poll_oneoff": wasiPoll,
		"fd_write": wasiWrite, "fd_read": noFile, "fd_seek": noFile, "fd_close": noFile,
		"fd_fdstat_get": noFile, "fd_fdstat_set_flags": noFile,
		"fd_prestat_get": noFile, "fd_prestat_dir_name": noFile,
		wasiExit: wasiProcExit,
	}
}

// wasiNoStrings writes that there are no strings, of no bytes.
func wasiNoStrings(c call) int64 {
	var zero [4]byte
	if !c.mem.Write(c.u32(0), zero[:]) || !c.mem.Write(c.u32(1), zero[:]) {
		return wasiFault
	}
	return wasiSuccess
}

func wasiClockTime(c call) int64 {
	if c.u32(0) > 1 {
		return wasiInvalid // only the wall clock and the monotonic clock
	}
	if !c.writeU64(c.u32(2), c.wasi.clock) {
		return wasiFault
	}
	c.wasi.clock += clockStep
	return wasiSuccess
}

func wasiRandom(c call) int64 {
	if c.u32(1) > randomBytesMax {
		return wasiInvalid
	}
	buf, ok := c.bytes(0, 1)
	if !ok {
		return wasiFault
	}
	if _, err := c.wasi.random.Read(buf); err != nil {
		return wasiNotSupported // a sponge has no end
	}
	return wasiSuccess
}

// wasiWrite sends standard output and error to the log.
func wasiWrite(c call) int64 {
	if fd := c.u32(0); fd != 1 && fd != 2 {
		return wasiBadFile
	}
	if c.u32(2) > vectorsMax {
		return wasiInvalid
	}
	vectors, ok := c.bytes(1, 8)
	if !ok {
		return wasiFault
	}
	var total uint32
	for v := vectors; len(v) > 0; v = v[8:] {
		if !c.charge(byteCopied * uint64(binary.LittleEndian.Uint32(v[4:]))) {
			return wasiNotSupported
		}
	}
	for ; len(vectors) > 0; vectors = vectors[8:] {
		n := binary.LittleEndian.Uint32(vectors[4:])
		p, ok := c.mem.Read(binary.LittleEndian.Uint32(vectors), n)
		if !ok || total+n < total {
			return wasiFault
		}
		c.log.add(p)
		total += n
	}
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], total)
	if !c.mem.Write(c.u32(3), b[:]) {
		return wasiFault
	}
	return wasiSuccess
}

// wasiPoll lets every wait end at once: each subscription gets its event, clocks without an
// error and files with one, and the clock moves to the latest time that was waited for. A
// subscription has 48 bytes (user data, kind at 8; for a clock its time at 24 and flags at
// 40, bit 0 for an absolute time), an event 32 (user data, error at 8, kind at 10).
func wasiPoll(c call) int64 {
	const subscriptionBytes, eventBytes = 48, 32
	n := c.u32(2)
	if n == 0 || n > subscriptionsMax {
		return wasiInvalid
	}
	in, ok := c.mem.Read(c.u32(0), n*subscriptionBytes)
	if !ok {
		return wasiFault
	}
	var events []byte
	start := c.wasi.clock
	for i := range n {
		sub := in[i*subscriptionBytes:]
		var event [eventBytes]byte
		copy(event[:8], sub[:8])
		event[10] = sub[8]
		if sub[8] == 0 {
			until := binary.LittleEndian.Uint64(sub[24:])
			if sub[40]&1 == 0 {
				until += start
			}
			c.wasi.clock = max(c.wasi.clock, min(until, clockEnd))
		} else {
			event[8] = wasiBadFile
		}
		events = append(events, event[:]...)
	}
	c.wasi.clock += clockStep
	var count [4]byte
	binary.LittleEndian.PutUint32(count[:], n)
	if !c.mem.Write(c.u32(1), events) || !c.mem.Write(c.u32(3), count[:]) {
		return wasiFault
	}
	return wasiSuccess
}

// wasiProcExit notes the exit; the runtime ends the guest when the call returns.
func wasiProcExit(c call) int64 {
	c.exited, c.code = true, c.u32(0)
	return wasiSuccess
}
