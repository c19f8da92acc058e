package trial

import (
	"context"
	"errors"
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/runtime"
	"github.com/cerberus-host/cerberus/internal/hostile"
)

// roundGroup reports whether a group is one of those whose cases are small and end in
// different ways: refused while decoding, stopped in a loop, a tree and a flood, trapped,
// failed, harmless.
func roundGroup(group int) bool {
	switch group {
	case 1, 4, 13, 19, 20, 21, 24, 26, 31, 35:
		return true
	default:
		return false
	}
}

// Rounds runs n hostile tasks one after the other, through all small cases again and again,
// each with a deadline of settings, and returns what the process holds more than after a
// first round. Modules are dropped and compiled again as they would be in a node that sees
// many. An error is a task that did not end in one of the ways that a guest may cause.
func Rounds(
	ctx context.Context, settings runtime.Config, n int,
) (more Footprint, err error) {
	settings.CompiledBytesMax = 64 << 10 // a few small modules
	sandbox, err := runtime.New(ctx, settings)
	if err != nil {
		return more, err
	}
	defer func() { err = errors.Join(err, sandbox.Close(context.WithoutCancel(ctx))) }()
	var files [][]byte
	var phases []abi.Phase
	for _, c := range hostile.Cases() {
		if roundGroup(c.Group) && !c.Large && c.Module != nil {
			files, phases = append(files, c.File()), append(phases, c.Entry())
		}
	}
	task := func(i int) error {
		i %= len(files)
		module, err := sandbox.Load(ctx, files[i])
		if err == nil {
			err = Enter(ctx, module, phases[i])
		}
		if _, ok := Ended(err); !ok {
			return fmt.Errorf("%w: task %d: %w", ErrUnexpected, i, err)
		}
		return nil
	}
	for i := range files {
		if err := task(i); err != nil {
			return more, err
		}
	}
	base := Settled()
	for i := range n {
		if err := task(i); err != nil {
			return more, err
		}
	}
	return Settled().Less(base), nil
}
