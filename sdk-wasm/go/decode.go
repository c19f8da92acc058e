package brain

// Result holds the decrypted output vectors.
type Result struct{ *Call }

// Values returns the output vector of that name, nil after an error of the run; the caller
// owns it. CKKS results are approximate: compare with a margin.
func (r *Result) Values(name string) []float64 {
	if r.err != nil {
		return nil
	}
	n := r.host.Result(name, nil)
	if !r.check("result", name, int64(n)) {
		return nil
	}
	out := make([]float64, n)
	if !r.check("result", name, int64(r.host.Result(name, out))) {
		return nil
	}
	return out
}

// Answer collects the answer document.
type Answer struct{ *Call }

// Label sets the answer's label, one of the manifest's; it can be set once.
func (a *Answer) Label(label string) {
	if a.err == nil {
		a.check("answer_label", label, int64(a.host.AnswerLabel(label)))
	}
}

// Number adds a finite number to the answer; a classifier's is called "confidence". A name
// can be used once, and an answer has at most 64 numbers.
func (a *Answer) Number(name string, value float64) {
	if a.err == nil {
		a.check("answer_number", name, int64(a.host.AnswerNumber(name, value)))
	}
}
