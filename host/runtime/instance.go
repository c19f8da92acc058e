package runtime

import (
	"context"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/cerberus-host/cerberus/host/admit/meter"
	"github.com/cerberus-host/cerberus/host/hostcall"
)

// exportInitialize sets up a guest's language runtime.
const exportInitialize = "_initialize"

// instance is an instantiated module. One run uses it at a time.
type instance struct {
	module api.Module
	memory api.Memory
	// gas and depth are the rewriting's own globals, globals the module's mutable ones.
	gas, depth api.MutableGlobal
	globals    []api.MutableGlobal
	// uses counts the runs that ended well.
	uses int
}

// instantiate makes an instance in which nothing has run yet.
func (p *program) instantiate(ctx context.Context) (*instance, error) {
	// The instance has no name, no arguments and no start function: the shim in package
	// hostcall is all that it can reach. Without a source of random bytes the runtime would
	// seed one, in half the time of all the rest.
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions().
		WithRandSource(strings.NewReader(""))
	memory := experimental.WithMemoryAllocator(ctx,
		experimental.MemoryAllocatorFunc(newLinearMemory))
	module, err := p.runtime.InstantiateModule(memory, p.compiled, config)
	if err != nil {
		return nil, fmt.Errorf("instantiate: %w", err)
	}
	i := &instance{module: module, memory: module.Memory()}
	for _, name := range append([]string{meter.ExportGas, meter.ExportDepth}, p.globals...) {
		g, ok := module.ExportedGlobal(name).(api.MutableGlobal)
		if !ok {
			i.close(ctx)
			return nil, fmt.Errorf("instantiate: there is no mutable global %q", name)
		}
		i.globals = append(i.globals, g)
	}
	i.gas, i.depth, i.globals = i.globals[0], i.globals[1], i.globals[2:]
	return i, nil
}

// close frees the instance. That its module may be closed already is no error.
func (i *instance) close(ctx context.Context) { _ = i.module.Close(context.WithoutCancel(ctx)) }

// call runs an export of type () -> (). Its stack is its own, so nothing of it is left for
// the next call.
func (i *instance) call(ctx context.Context, export string) error {
	_, err := i.module.ExportedFunction(export).Call(ctx)
	return err
}

// deep reports whether a trap was that of calls nested too deep: it leaves the depth where no
// other does.
func (i *instance) deep() bool { return uint32(i.depth.Get()) > meter.DepthDefault }

// snapshotBytesMax bounds the memory of instances that serve more than one run: a copy of a
// large one takes as long as a new instance, and cannot be interrupted.
const snapshotBytesMax = 16 << 20

// snapshot is all that _initialize has left of an instance, and what it has cost.
type snapshot struct {
	memory  []byte
	globals []uint64
	gas     int64
	done    hostcall.Initialized
}

// snapshot copies the state of an instance. Tables are not part of it, because no operator
// that changes one is admitted, and neither are segments, because a module that drops some
// is not pooled.
func (i *instance) snapshot(gas int64, done hostcall.Initialized) *snapshot {
	s := &snapshot{gas: gas, done: done}
	if memory, ok := i.memory.Read(0, i.memory.Size()); ok {
		s.memory = append(s.memory, memory...)
	}
	for _, g := range i.globals {
		s.globals = append(s.globals, g.Get())
	}
	return s
}

// reset puts an instance back into the state of a snapshot, for another run. It reports false
// if there is none, the instance has served often enough, or its memory has grown, since
// memory never shrinks.
func (i *instance) reset(s *snapshot) bool {
	if i.uses++; s == nil || i.uses >= instanceUsesMax {
		return false
	}
	memory, ok := i.memory.Read(0, i.memory.Size())
	if !ok || len(memory) != len(s.memory) {
		return false
	}
	copy(memory, s.memory)
	for k, g := range i.globals {
		g.Set(s.globals[k])
	}
	i.gas.Set(0)
	i.depth.Set(0)
	return true
}
