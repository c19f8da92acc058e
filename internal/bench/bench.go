package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/cerberus-host/cerberus/internal/figures"
)

// ErrArea is returned when there is no area of that name.
var ErrArea = errors.New("no such area")

// Options say what to measure. Now and Out are required.
type Options struct {
	// Areas are names of [Areas]; none means all.
	Areas []string
	// Brains is the folder of built Brains, which every area but raft needs.
	Brains string
	// Record, if not empty, is the folder that AREA.json is written to.
	Record string
	// Profile, if not empty, is the file that a profile of the processor is written to.
	Profile string
	// Baseline states the key switch that area proofs compares with as a range-check circuit
	// in the ring of the Brains, which takes minutes, in place of a small one.
	Baseline bool
	// Asks is the number of questions of each kind in area node.
	Asks int
	// JSON prints each area as one JSON document in place of a table.
	JSON bool
	// Compiler is the command of a process that compiles a module, as in the sandbox's
	// configuration; nil compiles in this process.
	Compiler []string
	// Out gets the figures, Log what is being measured; nil for nothing.
	Out, Log io.Writer
	// Now is the clock that dates the figures.
	Now func() time.Time
}

// Run measures the areas one after the other and prints each when it is done. It returns
// [ErrArea] before it measures anything. An area that fails is printed with what was measured
// and why there is no more; it is not recorded, and the areas after it are measured all the
// same.
func Run(ctx context.Context, o Options) (err error) {
	chosen, err := chooseAreas(o.Areas)
	if err != nil {
		return err
	}
	b := &bench{asks: o.Asks, baseline: o.Baseline, compiler: o.Compiler, log: o.Log}
	if b.brains, err = readBrains(o.Brains); err != nil {
		return err
	}
	if b.scratch, err = os.MkdirTemp("", "cerberus-bench-"); err != nil {
		return fmt.Errorf("make scratch folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.scratch)) }()
	if o.Profile != "" {
		stop, err := startProfile(o.Profile)
		if err != nil {
			return err
		}
		defer stop()
	}
	for _, a := range chosen {
		err = errors.Join(err, b.run(ctx, a, o))
		if ctx.Err() != nil {
			break
		}
	}
	return err
}

// run measures one area and prints it, complete or not.
func (b *bench) run(ctx context.Context, a area, o Options) error {
	file := figures.New(a.name, o.Now())
	file.OnAdd(func(r figures.Row) { b.sayf("%s: %s", r.Figure, r.Amount()) })
	failure := a.measure(ctx, b, file)
	if failure != nil {
		failure = fmt.Errorf("area %s: %w", a.name, failure)
		file.Failure = failure.Error()
		if len(file.Rows) == 0 {
			return failure
		}
	}
	return errors.Join(failure, publish(file, o))
}

// bench is what the areas share.
type bench struct {
	brains   []brainFile
	scratch  string
	asks     int
	baseline bool
	compiler []string
	log      io.Writer
	// forJS are the Brains' proofs, which area proofs verifies in two ways.
	forJS []jsCase
}

// sayf tells what is being measured.
func (b *bench) sayf(format string, args ...any) {
	if b.log != nil {
		_, _ = fmt.Fprintf(b.log, "bench: "+format+"\n", args...)
	}
}

// area is a group of figures that one file records.
type area struct {
	name    string
	measure func(context.Context, *bench, *figures.File) error
}

func areas() []area {
	return []area{
		{"sandbox", measureSandbox},
		{"fhe", measureFHE},
		{"proofs", measureProofs},
		{"raft", measureRaft},
		{"node", measureNode},
	}
}

// Areas lists the names of the areas.
func Areas() []string {
	var names []string
	for _, a := range areas() {
		names = append(names, a.name)
	}
	return names
}

func chooseAreas(names []string) ([]area, error) {
	if len(names) == 0 {
		return areas(), nil
	}
	var chosen []area
	for _, name := range names {
		i := slices.IndexFunc(areas(), func(a area) bool { return a.name == name })
		if i < 0 {
			return nil, fmt.Errorf("%w: %.40q is none of %s", ErrArea, name,
				strings.Join(Areas(), ", "))
		}
		chosen = append(chosen, areas()[i])
	}
	return chosen, nil
}

func publish(f *figures.File, o Options) error {
	if o.JSON {
		encoder := json.NewEncoder(o.Out)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(f); err != nil {
			return fmt.Errorf("print figures: %w", err)
		}
	} else if err := f.Print(o.Out); err != nil {
		return err
	}
	if o.Record == "" || f.Failure != "" {
		return nil
	}
	if err := os.MkdirAll(o.Record, 0o755); err != nil {
		return fmt.Errorf("record figures: %w", err)
	}
	return f.Write(filepath.Join(o.Record, f.Area+".json"))
}

func startProfile(path string) (stop func(), err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("write profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("write profile: %w", err), f.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
	}, nil
}
