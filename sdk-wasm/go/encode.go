package brain

// Request is the client's request, checked against the manifest's schema before Encode
// sees it: a field that is not optional is there, in its declared type and bounds. A name
// that the schema does not have, or a field of another type, is an error of the run.
type Request struct{ *Call }

// Text returns a text or enum field; false means that an optional field is absent.
func (r *Request) Text(name string) (string, bool) {
	return r.read("request_text", name, func(buf []byte) int32 {
		return r.host.RequestText(name, buf)
	})
}

// Number returns a number field; false means that an optional field is absent.
func (r *Request) Number(name string) (float64, bool) { return r.NumberIn(name, "") }

// NumberIn returns one key of a numbers field; false means that the request left it out.
func (r *Request) NumberIn(field, key string) (float64, bool) {
	if r.err != nil {
		return 0, false
	}
	var v float64
	n := r.host.RequestNumber(field, key, &v)
	if Errno(-n) == ErrnoAbsent || !r.check("request_number", field, int64(n)) {
		return 0, false
	}
	return v, true
}

// Encoder collects the input vectors. Their names, lengths and bounds come from the
// manifest; every element starts as zero.
type Encoder struct{ *Call }

// Put sets len(values) elements of the input vector of that name, from offset on. A place
// outside the vector, a number that is not finite or one beyond the input's bound is an
// error of the run.
func (e *Encoder) Put(name string, offset int, values []float64) {
	if e.err != nil || !e.fits("encode_put", name, offset) {
		return
	}
	e.check("encode_put", name, int64(e.host.EncodePut(name, int32(offset), values)))
}

// fits refuses numbers that the ABI's 32 bits cannot carry, instead of cutting them.
func (c *Call) fits(function, name string, numbers ...int) bool {
	for _, n := range numbers {
		if int(int32(n)) != n {
			return c.check(function, name, -int64(ErrnoRange))
		}
	}
	return true
}
