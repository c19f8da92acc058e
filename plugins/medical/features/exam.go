package features

import "math"

const (
	// Length is the length of an exam's vector; elements that no column uses are zero.
	Length = 32
	// Bound is the largest absolute value of an element: standardised numbers beyond it
	// are clamped.
	Bound = 4
	// Gain is how many times the logit is as large as the host's output, which must stay
	// within the parameter set's range whatever the request holds.
	Gain = 16
)

// Kind says how a column becomes numbers.
type Kind string

// The kinds.
const (
	// Number is standardised: (value - mean) / deviation.
	Number Kind = "number"
	// Quantity is a number that is never negative and has a long tail: the logarithm of
	// 1 + value/missing is standardised.
	Quantity Kind = "quantity"
	// Category has one element for each of its values: 1 for the one that is given.
	Category Kind = "category"
)

// Column is one column of an exam.
type Column struct {
	Name string
	Kind Kind
	// Missing stands in for a value that is left out.
	Missing float64
	// Mean and Deviation standardise numbers and quantities.
	Mean, Deviation float64
	// Values are those of a category.
	Values []float64
}

// Elements returns how many elements of the vector the column takes.
func (c *Column) Elements() int {
	if c.Kind == Category {
		return len(c.Values)
	}
	return 1
}

// Raw returns the number that is standardised.
func (c *Column) Raw(value float64) float64 {
	if c.Kind == Quantity {
		return math.Log1p(value / c.Missing)
	}
	return value
}

// put writes the elements of a value.
func (c *Column) put(x []float64, value float64) error {
	switch {
	case math.IsNaN(value) || math.IsInf(value, 0):
		return &ValueError{Column: c.Name, Fix: "give a number or leave it out", Err: ErrFinite}
	case c.Kind == Category:
		for i, v := range c.Values {
			if v == value {
				x[i] = 1
				return nil
			}
		}
		return &ValueError{Column: c.Name, Fix: "use one of " + join(c.Values), Err: ErrCategory}
	case c.Kind == Quantity && value < 0:
		return &ValueError{Column: c.Name, Fix: "check the unit and the sign", Err: ErrNegative}
	}
	standard := (c.Raw(value) - c.Mean) / c.Deviation
	x[0] = max(-Bound, min(Bound, standard))
	return nil
}

// Exam is one kind of exam. It is not changed after it was made, so it can be used
// concurrently.
type Exam struct {
	Name    string
	Columns []Column
}

// Vector returns the [Length] numbers of a request, given as a function that returns the
// value of a column, or false if it was left out. The error is a *[ValueError] or
// [ErrEmpty].
func (e *Exam) Vector(value func(column string) (float64, bool)) ([]float64, error) {
	x := make([]float64, Length)
	at, given := 0, 0
	for i := range e.Columns {
		c := &e.Columns[i]
		v, ok := value(c.Name)
		if ok {
			given++
		} else {
			v = c.Missing
		}
		if err := c.put(x[at:at+c.Elements()], v); err != nil {
			return nil, err
		}
		at += c.Elements()
	}
	if given == 0 {
		return nil, ErrEmpty
	}
	return x, nil
}
