package abi

import "fmt"

// Errno is an error code that a host function returns to a guest. On the wire it is
// negative: a host function's result below zero is -Errno. The list is closed; codes are
// part of the ABI, do not renumber.
type Errno int32

// The codes. Each says when it is returned.
const (
	// ErrnoNone means success; it is never returned as an error.
	ErrnoNone Errno = 0
	// ErrnoFault is returned when a pointer and length leave the guest's memory.
	ErrnoFault Errno = 1
	// ErrnoHandle is returned for a handle that the host never gave out or that is stale.
	ErrnoHandle Errno = 2
	// ErrnoType is returned when an operand has the wrong type: packing, length or kind.
	ErrnoType Errno = 3
	// ErrnoRange is returned when a number lies outside its documented range.
	ErrnoRange Errno = 4
	// ErrnoName is returned for an unknown, malformed or repeated name.
	ErrnoName Errno = 5
	// ErrnoLimit is returned when a counted limit is reached.
	ErrnoLimit Errno = 6
	// ErrnoPhase is returned when a function is called in an entry point that lacks it.
	ErrnoPhase Errno = 7
	// ErrnoAbsent is returned when an optional field or value is not there.
	ErrnoAbsent Errno = 8
	// ErrnoDepth is returned when a Program would need more levels than its parameters have.
	ErrnoDepth Errno = 9
	// ErrnoState is returned when something is done twice or in the wrong order.
	ErrnoState Errno = 10
)

// errnoCount is the number of codes, ErrnoNone included.
const errnoCount = 11

// String returns the name of the code as the reference page lists it.
func (e Errno) String() string {
	names := [errnoCount]string{
		"none", "fault", "handle", "type", "range", "name", "limit", "phase", "absent", "depth",
		"state",
	}
	if e < 0 || e >= errnoCount {
		return fmt.Sprintf("errno(%d)", int32(e))
	}
	return names[e]
}

// Error implements error, so that a code can be wrapped.
func (e Errno) Error() string { return "host error: " + e.String() }

// Errnos returns every code but ErrnoNone, in order.
func Errnos() []Errno {
	out := make([]Errno, 0, errnoCount-1)
	for e := ErrnoNone + 1; e < errnoCount; e++ {
		out = append(out, e)
	}
	return out
}
