package trial

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cerberus-host/cerberus/host/runtime"
	"github.com/cerberus-host/cerberus/internal/hostile"
)

// Beside runs that many hostile guests at once, each again and again until the time is over,
// and returns how long a heartbeat beside them waited. They are the cases that the host has
// to stop, of all groups in turn. An error is a guest that was not stopped.
func Beside(ctx context.Context, c Config, guests int, during time.Duration) (Beats, error) {
	sandbox, err := runtime.New(ctx, c.Sandbox)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sandbox.Close(context.WithoutCancel(ctx)) }()
	var cases []hostile.Case
	var modules []*runtime.Module
	for _, k := range hostile.Cases() {
		if k.Want != hostile.Stopped || k.Large {
			continue
		}
		m, err := sandbox.Load(ctx, k.File())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.Name, err)
		}
		cases, modules = append(cases, k), append(modules, m)
	}
	var group sync.WaitGroup
	failed := make([]error, guests)
	start := c.Now()
	beats := Heartbeat(c.Now, func() {
		for g := range guests {
			group.Go(func() {
				for i := g; c.Now().Sub(start) < during && failed[g] == nil; i += guests {
					k := i % len(cases)
					err := Enter(ctx, modules[k], cases[k].Entry())
					if ended, _ := Ended(err); ended != hostile.Stopped {
						failed[g] = fmt.Errorf("%w: %s: %w", ErrUnexpected, cases[k].Name, err)
					}
				}
			})
		}
		group.Wait()
	})
	return beats, errors.Join(failed...)
}
