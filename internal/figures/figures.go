package figures

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// ErrFile is returned when a file of figures would not be accepted: an area without a name
// or rows or that is not complete, or a figure that is there twice.
var ErrFile = errors.New("invalid file of figures")

// File is what one area measured. Its JSON form is that of docs/benchmarks.
type File struct {
	// Area is one word, unique among the files.
	Area string `json:"area"`
	// Machine describes processor, cores, system and compiler.
	Machine string `json:"machine"`
	// Date is the day of the measurement, UTC, as 2006-01-02.
	Date string `json:"date"`
	Rows []Row  `json:"rows"`
	// Failure says why rows are missing; empty if none are. Such a file is not recorded.
	Failure string `json:"failure,omitempty"`

	added func(Row)
}

// Row is one measured number.
type Row struct {
	// Figure says what was measured, unique in its file.
	Figure string  `json:"figure"`
	Value  float64 `json:"value"`
	// Unit is that of Value, such as "ms" or "KB".
	Unit string `json:"unit"`
	// Asked is the bound that the project sets itself, such as "<= 5 ms"; empty for none.
	Asked string `json:"asked"`
	// Reference is what the same run measured for comparison, or how; empty for none.
	Reference string `json:"reference"`
}

// Amount is the value with its unit.
func (r Row) Amount() string {
	return strconv.FormatFloat(r.Value, 'g', -1, 64) + " " + r.Unit
}

// New begins the file of an area, measured on this machine at that time.
func New(area string, now time.Time) *File {
	return &File{Area: area, Machine: machine(), Date: now.UTC().Format(time.DateOnly)}
}

// OnAdd has every row that is added from now on told to a function, nil for none.
func (f *File) OnAdd(told func(Row)) { f.added = told }

// Add adds a row. The value is kept to five significant digits: more would be noise.
func (f *File) Add(r Row) {
	if v, err := strconv.ParseFloat(strconv.FormatFloat(r.Value, 'g', 5, 64), 64); err == nil {
		r.Value = v
	}
	f.Rows = append(f.Rows, r)
	if f.added != nil {
		f.added(r)
	}
}

// Check returns [ErrFile] unless the file can be recorded.
func (f *File) Check() error {
	if f.Area == "" || len(f.Rows) == 0 {
		return fmt.Errorf("%w: area %q has %d rows", ErrFile, f.Area, len(f.Rows))
	}
	if f.Failure != "" {
		return fmt.Errorf("%w: area %s is not complete: %s", ErrFile, f.Area, f.Failure)
	}
	seen := make(map[string]bool, len(f.Rows))
	for _, r := range f.Rows {
		if r.Figure == "" || seen[r.Figure] {
			return fmt.Errorf("%w: the figure %q of area %s is empty or there twice", ErrFile,
				r.Figure, f.Area)
		}
		seen[r.Figure] = true
	}
	return nil
}

// Print writes the rows as a table for people.
func (f *File) Print(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "\n%s (%s, %s)\n", f.Area, f.Machine, f.Date); err != nil {
		return fmt.Errorf("print figures: %w", err)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range f.Rows {
		_, err := fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", r.Figure, r.Amount(), r.Asked,
			r.Reference)
		if err != nil {
			return fmt.Errorf("print figures: %w", err)
		}
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print figures: %w", err)
	}
	if f.Failure == "" {
		return nil
	}
	if _, err := fmt.Fprintf(w, "  not complete: %s\n", f.Failure); err != nil {
		return fmt.Errorf("print figures: %w", err)
	}
	return nil
}

// Write records the file, whose folder must be there.
func (f *File) Write(path string) error {
	if err := f.Check(); err != nil {
		return fmt.Errorf("record figures: %w", err)
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false) // people read "<= 5 ms" in the file, too
	if err := encoder.Encode(f); err != nil {
		return fmt.Errorf("record figures: %w", err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil { //nolint:gosec // a document
		return fmt.Errorf("record figures: %w", err)
	}
	return nil
}

// machine describes where the figures were measured.
func machine() string {
	model := "unknown processor"
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.SplitSeq(string(b), "\n") {
			name, value, ok := strings.Cut(line, ":")
			if ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d cores, %s/%s, %s", model, runtime.NumCPU(), runtime.GOOS,
		runtime.GOARCH, runtime.Version())
}
