package trial

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/hostcall"
	"github.com/cerberus-host/cerberus/host/runtime"
	"github.com/cerberus-host/cerberus/internal/hostile"
)

// ErrUnexpected is returned when a case does not end as it must.
var ErrUnexpected = errors.New("not as it must end")

// Config says how cases are run. Now is required.
type Config struct {
	// Sandbox is the sandbox's configuration. Its RunTimeout is the deadline of the guests
	// that must be stopped; those that must end by themselves have [PatientTimeout].
	Sandbox runtime.Config
	// Now is the clock that durations are measured with.
	Now func() time.Time
}

// PatientTimeout is the deadline of guests that must end by themselves.
const PatientTimeout = 20 * time.Second

// Trial runs cases. It belongs to one goroutine.
type Trial struct {
	config         Config
	hasty, patient *runtime.Runtime
	report         runtime.Report
}

// Result is how one case ended.
type Result struct {
	// Ended is how, Text what the error said; for a family of files those of the last one.
	Ended hostile.Want
	Text  string
	// Files counts the files that were tried.
	Files int
	// Load is the time to admit and compile, Took the time of the run, Late by how much that
	// passed the deadline; of a family each the longest.
	Load, Took, Late time.Duration
	// Beats are the waits of the heartbeat beside the case.
	Beats Beats
	// MemoryBytes is what the process grew by at most, the guest's own memory included.
	MemoryBytes int64
	// Report is the sandbox's report of the last run.
	Report runtime.Report
	// Err wraps [ErrUnexpected] if the case did not end as it must.
	Err error
}

// New makes a Trial. The caller closes it.
func New(ctx context.Context, c Config) (*Trial, error) {
	t := &Trial{config: c}
	settings := c.Sandbox
	settings.Observe = func(r runtime.Report) { t.report = r }
	var err error
	if t.hasty, err = runtime.New(ctx, settings); err != nil {
		return nil, fmt.Errorf("trial: %w", err)
	}
	settings.RunTimeout = PatientTimeout
	if t.patient, err = runtime.New(ctx, settings); err != nil {
		return nil, errors.Join(fmt.Errorf("trial: %w", err), t.hasty.Close(ctx))
	}
	return t, nil
}

// Close closes the sandboxes.
func (t *Trial) Close(ctx context.Context) error {
	return errors.Join(t.hasty.Close(ctx), t.patient.Close(ctx))
}

// sandbox returns the sandbox that a case is run in, and its deadline.
func (t *Trial) sandbox(c hostile.Case) (*runtime.Runtime, time.Duration) {
	if c.Want == hostile.Stopped || c.Want == hostile.Ends {
		return t.hasty, t.config.Sandbox.RunTimeout
	}
	return t.patient, PatientTimeout
}

// Run runs a case, every file of it if it is a family.
func (t *Trial) Run(ctx context.Context, c hostile.Case) Result {
	var r Result
	files := c.Files()
	if c.Sweep == nil {
		file := c.File() // assembled before anything is measured
		files = func(yield func([]byte) bool) { yield(file) }
	}
	base := startPeak()
	r.Beats = Heartbeat(t.config.Now, func() {
		for file := range files {
			r.Files++
			for range runs(c) {
				if r.Err = t.file(ctx, c, file, &r); r.Err != nil {
					return
				}
			}
		}
	})
	r.MemoryBytes = max(0, peak()-base)
	return r
}

func runs(c hostile.Case) int {
	if c.Again {
		return 2
	}
	return 1
}

// file runs one file and compares the end with what the case wants.
func (t *Trial) file(ctx context.Context, c hostile.Case, file []byte, r *Result) error {
	t.report = runtime.Report{}
	sandbox, deadline := t.sandbox(c)
	start := t.config.Now()
	module, err := sandbox.Load(ctx, file)
	r.Load = max(r.Load, t.config.Now().Sub(start))
	if err == nil {
		start = t.config.Now()
		err = Enter(ctx, module, c.Entry())
		took := t.config.Now().Sub(start)
		r.Took = max(r.Took, took)
		r.Late = max(r.Late, took-deadline)
	}
	r.Report = t.report
	ended, ok := Ended(err)
	r.Ended, r.Text = ended, ""
	if err != nil {
		r.Text = err.Error()
	}
	switch {
	case !ok:
		return fmt.Errorf("%w: %s: %w", ErrUnexpected, c.Name, err)
	case c.Want != hostile.Ends && ended != c.Want:
		return fmt.Errorf("%w: %s: %s instead of %s: %s", ErrUnexpected, c.Name, ended, c.Want, r.Text)
	case !strings.Contains(r.Text, c.Says):
		return fmt.Errorf("%w: %s: %q does not say %q", ErrUnexpected, c.Name, r.Text, c.Says)
	}
	return nil
}

// Ended classifies an error of the sandbox; false for one that no guest may cause.
func Ended(err error) (hostile.Want, bool) {
	if err == nil {
		return hostile.Harmless, true
	}
	for _, k := range []struct {
		target error
		ended  hostile.Want
	}{
		{hostcall.ErrInternal, 0},
		{abi.ErrModule, hostile.Refused},
		{abi.ErrManifest, hostile.Refused},
		{runtime.ErrCompile, hostile.Refused},
		{runtime.ErrGas, hostile.Stopped},
		{runtime.ErrDepth, hostile.Stopped},
		{runtime.ErrDeadline, hostile.Stopped},
		{hostcall.ErrHostCalls, hostile.Stopped},
		{hostcall.ErrGuest, hostile.Failed},
		{runtime.ErrTrap, hostile.Trapped},
	} {
		if errors.Is(err, k.target) {
			return k.ended, k.ended != 0
		}
	}
	return 0, false
}
