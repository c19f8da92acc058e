package bench

import (
	"context"
	"fmt"
	goruntime "runtime"
	"strings"
	"time"

	"github.com/cerberus-host/cerberus/host/runtime"
	"github.com/cerberus-host/cerberus/internal/figures"
	"github.com/cerberus-host/cerberus/internal/hostile"
	"github.com/cerberus-host/cerberus/internal/hostile/trial"
)

const (
	// hostileDeadline is how long a hostile guest may run.
	hostileDeadline = 500 * time.Millisecond
	// besideBudget is how long many of them run at once.
	besideBudget = 10 * time.Second
	// hostileTasks is after how many tasks what is left is counted.
	hostileTasks = 1_000
)

// measureHostile runs every case of package hostile, group by group, then many at once, then
// a thousand one after the other.
func (b *bench) measureHostile(ctx context.Context, f *figures.File) error {
	if err := b.measureCases(ctx, f); err != nil {
		return err
	}
	config := trial.Config{Sandbox: runtime.Config{RunTimeout: hostileDeadline}, Now: time.Now}
	idle := trial.Heartbeat(time.Now, func() {
		wait, stop := context.WithTimeout(ctx, hostileDeadline)
		defer stop()
		<-wait.Done()
	})
	guests := 2 * goruntime.GOMAXPROCS(0)
	beats, err := trial.Beside(ctx, config, guests, besideBudget)
	if err != nil {
		return fmt.Errorf("%d hostile guests at once: %w", guests, err)
	}
	f.Add(figures.Row{
		Figure: fmt.Sprintf("heartbeat beside %d hostile guests: p99", guests),
		Value:  millis(beats.P99()), Unit: "ms", Asked: "< 100 ms",
		Reference: fmt.Sprintf("longest %.3g ms of %d; without guests %.3g ms", millis(beats.Worst()),
			len(beats), millis(idle.P99())),
	})
	more, err := trial.Rounds(ctx, runtime.Config{RunTimeout: 5 * time.Millisecond}, hostileTasks)
	if err != nil {
		return fmt.Errorf("%d hostile tasks: %w", hostileTasks, err)
	}
	f.Add(figures.Row{
		Figure: fmt.Sprintf("left after %d hostile tasks", hostileTasks),
		Value:  float64(more.ResidentBytes) / 1e6, Unit: "MB", Asked: "",
		Reference: more.String(),
	})
	return nil
}

// measureCases runs the cases one by one and adds a row for each group, and rows for what
// all of them are held to.
func (b *bench) measureCases(ctx context.Context, f *figures.File) (err error) {
	t, err := trial.New(ctx, trial.Config{
		Sandbox: runtime.Config{RunTimeout: hostileDeadline, Compiler: b.compiler}, Now: time.Now,
	})
	if err != nil {
		return err
	}
	defer func() { _ = t.Close(context.WithoutCancel(ctx)) }()
	var all groupResult
	for _, g := range hostile.Groups() {
		var group groupResult
		for _, c := range hostile.Cases() {
			if c.Group != g.Number {
				continue
			}
			r := t.Run(ctx, c)
			if r.Err != nil {
				b.sayf("%v", r.Err)
			}
			group.add(r)
			all.add(r)
		}
		if group.cases == 0 {
			continue // its tests are about the host around the sandbox
		}
		f.Add(figures.Row{
			Figure: fmt.Sprintf("hostile %d, %s: held", g.Number, g.Title),
			Value:  float64(group.held), Unit: fmt.Sprintf("of %d", group.cases), Asked: "all",
			Reference: group.String(),
		})
	}
	f.Add(figures.Row{
		Figure: "hostile modules: latest end after a deadline", Value: millis(all.late), Unit: "ms",
		Asked: "<= 100 ms", Reference: fmt.Sprintf("the deadline is %d ms",
			hostileDeadline.Milliseconds()),
	})
	f.Add(figures.Row{
		Figure: "hostile modules: most memory", Value: float64(all.memory) / 1e6, Unit: "MB",
		Asked: "<= 198 MB", Reference: "what the process grew by: a guest may have 134 MB, and " +
			"the host 64 MB beside",
	})
	f.Add(figures.Row{
		Figure: "hostile modules: longest to admit and compile", Value: millis(all.load), Unit: "ms",
		Asked: "<= 5000 ms", Reference: fmt.Sprintf("%d cases", all.cases),
	})
	return nil
}

// groupResult gathers the results of cases.
type groupResult struct {
	cases, held        int
	ended              [hostile.Ends + 1]int
	load, late, waited time.Duration
	memory             int64
}

func (g *groupResult) add(r trial.Result) {
	g.cases++
	if r.Err == nil {
		g.held++
	}
	g.ended[r.Ended]++
	g.load = max(g.load, r.Load)
	g.late = max(g.late, r.Late)
	g.waited = max(g.waited, r.Beats.Worst())
	g.memory = max(g.memory, r.MemoryBytes)
}

// String tells how the cases ended and what they cost at most.
func (g *groupResult) String() string {
	var parts []string
	for w := hostile.Refused; w < hostile.Ends; w++ {
		if g.ended[w] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", g.ended[w], w))
		}
	}
	parts = append(parts, fmt.Sprintf("load %.3g ms", millis(g.load)))
	if g.late > 0 {
		parts = append(parts, fmt.Sprintf("%.3g ms late", millis(g.late)))
	}
	parts = append(parts, fmt.Sprintf("heartbeat %.3g ms", millis(g.waited)),
		fmt.Sprintf("%.3g MB", float64(g.memory)/1e6))
	return strings.Join(parts, ", ")
}
