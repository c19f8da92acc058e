package admit

import (
	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/admit/wasm"
)

// WASIModule is the import module of the system interface that language runtimes expect.
const WASIModule = "wasi_snapshot_preview1"

// WASIFunctions returns the calls of the system interface that a module may import: what
// the runtimes of Go, C and Rust refer to. The host answers few of them (see
// host/hostcall). Phases, Cost and Doc are not set. The caller owns the result.
func WASIFunctions() []abi.Function {
	const i, l = abi.I32, abi.I64
	var out []abi.Function
	for _, f := range []struct {
		name   string
		params []abi.ValueType
	}{
		{"args_get", []abi.ValueType{i, i}},
		{"args_sizes_get", []abi.ValueType{i, i}},
		{"environ_get", []abi.ValueType{i, i}},
		{"environ_sizes_get", []abi.ValueType{i, i}},
		{"clock_time_get", []abi.ValueType{i, l, i}},
		{"random_get", []abi.ValueType{i, i}},
		{"sched_yield", nil},
		{"poll_oneoff", []abi.ValueType{i, i, i, i}},
		{"fd_write", []abi.ValueType{i, i, i, i}},
		{"fd_read", []abi.ValueType{i, i, i, i}},
		{"fd_seek", []abi.ValueType{i, l, i, i}},
		{"fd_close", []abi.ValueType{i}},
		{"fd_fdstat_get", []abi.ValueType{i, i}},
		{"fd_fdstat_set_flags", []abi.ValueType{i, i}},
		{"fd_prestat_get", []abi.ValueType{i, i}},
		{"fd_prestat_dir_name", []abi.ValueType{i, i, i}},
		{"proc_exit", []abi.ValueType{i}},
	} {
		params := make([]abi.Param, len(f.params))
		for k, t := range f.params {
			params[k] = abi.Param{Type: t}
		}
		out = append(out, abi.Function{Name: f.name, Params: params, Result: i})
	}
	return out
}

// procExit is the one import without a result.
const procExit = "proc_exit"

// importable returns the type of every function that a module may import.
func importable() map[[2]string]wasm.FuncType {
	wire := map[abi.ValueType]wasm.ValueType{abi.I32: wasm.I32, abi.I64: wasm.I64, abi.F64: wasm.F64}
	out := map[[2]string]wasm.FuncType{}
	add := func(module string, functions []abi.Function) {
		for _, f := range functions {
			var params, results []byte
			for _, p := range f.Params {
				params = append(params, byte(wire[p.Type]))
			}
			if f.Name != procExit {
				results = append(results, byte(wire[f.Result]))
			}
			out[[2]string{module, f.Name}] = wasm.FuncType{
				Params: wasm.Types(params), Results: wasm.Types(results),
			}
		}
	}
	add(abi.ImportModule, abi.Functions())
	add(WASIModule, WASIFunctions())
	return out
}
