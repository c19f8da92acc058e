package brain

// Call is one run of an entry point: what [Request], [Encoder], [Graph], [Result] and
// [Answer] have in common. It must not be kept after the entry point has returned.
type Call struct {
	host Host
	err  error
}

// HostError is an error code that a host function returned.
type HostError struct {
	// Function is the host function's name in the ABI.
	Function string
	// Subject is the name that it was given, empty if it takes none.
	Subject string
	// Code is what it returned; docs/ABI.md says when.
	Code Errno
}

// Error implements error: "matvec: depth", or `input "x": name`.
func (e *HostError) Error() string {
	if e.Subject == "" {
		return e.Function + ": " + e.Code.String()
	}
	return e.Function + ` "` + e.Subject + `": ` + e.Code.String()
}

// Unwrap returns the code, so that errors.Is(err, brain.ErrnoDepth) works.
func (e *HostError) Unwrap() error { return e.Code }

// Error implements error.
func (e Errno) Error() string { return "host error: " + e.String() }

func newCall(h Host) *Call { return &Call{host: h} }

// Err returns the first error of this run, nil if there was none.
func (c *Call) Err() error { return c.err }

// Arg returns the public argument of that name. Public arguments are the request's public
// fields; the client copies them into the task itself. An unknown name is an error of the
// run.
func (c *Call) Arg(name string) string {
	text, _ := c.read("arg", name, func(buf []byte) int32 { return c.host.Arg(name, buf) })
	return text
}

// Log appends a line to the run's log: the operator sees it for Infer, the user for Encode
// and Decode. The host keeps 64 KiB of a run and drops what is beyond.
func (c *Call) Log(text string) {
	if c.err == nil {
		c.check("log", "", int64(c.host.Log(text)))
	}
}

// finish runs an entry point and returns its error, or else the run's.
func (c *Call) finish(b Brain, entry func() error) error {
	if b == nil {
		return ErrNotServed
	}
	if err := entry(); err != nil {
		return err
	}
	return c.err
}

// check keeps the error that a host function's result stands for and reports success.
func (c *Call) check(function, subject string, result int64) bool {
	if result >= 0 {
		return true
	}
	if c.err == nil {
		c.err = &HostError{Function: function, Subject: subject, Code: Errno(-result)}
	}
	return false
}

// readBytesFirst is the buffer that a text is first read into; most fit.
const readBytesFirst = 512

// read reads a text by the ABI's rule: the host fills what fits and returns the full
// length. False means that the text is absent or that the run has failed.
func (c *Call) read(function, name string, get func([]byte) int32) (string, bool) {
	if c.err != nil {
		return "", false
	}
	buf := make([]byte, readBytesFirst)
	n := get(buf)
	if Errno(-n) == ErrnoAbsent {
		return "", false
	}
	if !c.check(function, name, int64(n)) {
		return "", false
	}
	if int(n) > len(buf) {
		buf = make([]byte, n)
		if n = get(buf); !c.check(function, name, int64(n)) {
			return "", false
		}
	}
	return string(buf[:min(int(n), len(buf))]), true
}
