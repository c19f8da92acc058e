package runtime

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/admit/meter"
	"github.com/cerberus-host/cerberus/host/hostcall"
)

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
	builders[meter.ImportModule] = rt.NewHostModuleBuilder(meter.ImportModule).
		NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(refill), nil, nil).
		Export(meter.ImportRefill)
	for _, module := range append(order, meter.ImportModule) {
		if _, err := builders[module].Instantiate(ctx); err != nil {
			return fmt.Errorf("bind host functions of %s: %w", module, err)
		}
	}
	return nil
}

// errStopped ends a guest from within a host function: the runtime carries it out as the
// error of the call. Why the guest was stopped is in the call's gauge or its run.
var errStopped = errors.New("the host stopped the module")

// stop ends the guest whose host function this is called in.
func stop() {
	panic(errStopped) //nolint:forbidigo // the runtime makes it the error of the guest's call
}

func hostFunction(f func(*hostcall.Run, hostcall.Memory, []uint64)) api.GoModuleFunc {
	return func(ctx context.Context, mod api.Module, stack []uint64) {
		c, ok := ctx.Value(callKey{}).(*call)
		if !ok {
			stop() // no guest can cause this: it is only called with our context
		}
		f(c.run, mod.Memory(), stack)
		if c.run.Stopped() {
			stop()
		}
	}
}

// refill is the function that metered code calls where it finds its gas below zero.
func refill(ctx context.Context, _ api.Module, _ []uint64) {
	if c, ok := ctx.Value(callKey{}).(*call); !ok || !c.gauge.refill() {
		stop()
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
