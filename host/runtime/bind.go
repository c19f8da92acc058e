package runtime

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/hostcall"
)

// runKey is where a call's context carries its *hostcall.Run: host functions belong to the
// runtime, not to an instance.
type runKey struct{}

// bind offers the host functions to a runtime, in the raw form that costs no reflection.
func bind(ctx context.Context, rt wazero.Runtime, bindings []hostcall.Binding) error {
	builders := map[string]wazero.HostModuleBuilder{}
	var order []string
	for _, b := range bindings {
		builder, ok := builders[b.Module]
		if !ok {
			builder = rt.NewHostModuleBuilder(b.Module)
			order = append(order, b.Module)
		}
		builders[b.Module] = builder.NewFunctionBuilder().
			WithGoModuleFunction(hostFunction(b.Call), valueTypes(b), resultTypes(b)).
			Export(b.Name)
	}
	for _, module := range order {
		if _, err := builders[module].Instantiate(ctx); err != nil {
			return fmt.Errorf("bind host functions of %s: %w", module, err)
		}
	}
	return nil
}

func hostFunction(call func(*hostcall.Run, hostcall.Memory, []uint64)) api.GoModuleFunc {
	return func(ctx context.Context, mod api.Module, stack []uint64) {
		run, ok := ctx.Value(runKey{}).(*hostcall.Run)
		if !ok {
			return // no guest can cause this: it is only called with our context
		}
		call(run, mod.Memory(), stack)
		if run.Exited() || run.Calls() > abi.HostCallsMax {
			_ = mod.CloseWithExitCode(ctx, 1) // ends the guest at its next look
		}
	}
}

func valueTypes(b hostcall.Binding) []api.ValueType {
	out := make([]api.ValueType, len(b.Params))
	for i, p := range b.Params {
		out[i] = valueType(p.Type)
	}
	return out
}

func resultTypes(b hostcall.Binding) []api.ValueType {
	if b.NoResult {
		return nil
	}
	return []api.ValueType{valueType(b.Result)}
}

func valueType(t abi.ValueType) api.ValueType {
	return [...]api.ValueType{
		abi.I32: api.ValueTypeI32, abi.I64: api.ValueTypeI64, abi.F64: api.ValueTypeF64,
	}[t]
}
