package features

import (
	"math"
	"strconv"
	"strings"
)

// tableLinesMax bounds a table.
const tableLinesMax = 256

// valuesMax bounds the values of a category.
const valuesMax = 16

// ParseTable reads a table of columns. Each line has tabs between exam, column, kind,
// missing value and either mean and deviation or the values of a category; the lines of
// an exam stand together, in the order of the elements of its vector. Lines that start
// with '#' are comments.
func ParseTable(text string) ([]Exam, error) {
	var exams []Exam
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) > tableLinesMax {
		return nil, ErrTable
	}
	for _, l := range lines {
		if strings.HasPrefix(l, "#") {
			continue
		}
		cells := strings.Split(l, "\t")
		if len(cells) < 6 || cells[0] == "" {
			return nil, ErrTable
		}
		if len(exams) == 0 || exams[len(exams)-1].Name != cells[0] {
			if find(exams, cells[0]) != nil {
				return nil, ErrTable
			}
			exams = append(exams, Exam{Name: cells[0]})
		}
		e := &exams[len(exams)-1]
		c, err := parseColumn(cells[1:])
		if err != nil {
			return nil, err
		}
		e.Columns = append(e.Columns, c)
	}
	for i := range exams {
		if !exams[i].valid() {
			return nil, ErrTable
		}
	}
	return exams, nil
}

// Find returns the exam of that name, nil if there is none.
func Find(exams []Exam, name string) *Exam { return find(exams, name) }

func find(exams []Exam, name string) *Exam {
	for i := range exams {
		if exams[i].Name == name {
			return &exams[i]
		}
	}
	return nil
}

// valid reports whether the columns have distinct names and fit into the vector.
func (e *Exam) valid() bool {
	elements := 0
	for i := range e.Columns {
		for k := range i {
			if e.Columns[k].Name == e.Columns[i].Name {
				return false
			}
		}
		elements += e.Columns[i].Elements()
	}
	return elements <= Length
}

func parseColumn(cells []string) (Column, error) {
	c := Column{Name: cells[0], Kind: Kind(cells[1])}
	numbers := make([]float64, len(cells)-2)
	for i, s := range cells[2:] {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
			return c, ErrTable
		}
		numbers[i] = v
	}
	c.Missing = numbers[0]
	if c.Kind == Category {
		c.Values = numbers[1:]
		known := false
		for _, v := range c.Values {
			known = known || v == c.Missing
		}
		if !known || len(c.Values) > valuesMax {
			return c, ErrTable
		}
		return c, nil
	}
	if (c.Kind != Number && c.Kind != Quantity) || len(numbers) != 3 {
		return c, ErrTable
	}
	c.Mean, c.Deviation = numbers[1], numbers[2]
	if !(c.Deviation > 0) || c.Name == "" || (c.Kind == Quantity && !(c.Missing > 0)) {
		return c, ErrTable
	}
	return c, nil
}

// FormatTable returns the text that [ParseTable] reads.
func FormatTable(exams []Exam) string {
	var b strings.Builder
	b.WriteString("# exam\tcolumn\tkind\tmissing\tmean and deviation, or the category's values\n")
	for _, e := range exams {
		for _, c := range e.Columns {
			cells := []string{e.Name, c.Name, string(c.Kind), number(c.Missing)}
			if c.Kind == Category {
				for _, v := range c.Values {
					cells = append(cells, number(v))
				}
			} else {
				cells = append(cells, number(c.Mean), number(c.Deviation))
			}
			b.WriteString(strings.Join(cells, "\t") + "\n")
		}
	}
	return b.String()
}

func join(values []float64) string {
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(number(v))
	}
	return b.String()
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
