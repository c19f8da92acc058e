package main

import (
	"context"
	"time"

	extism "github.com/extism/go-sdk"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// runWazero uses every limit that the runtime has: a context that closes the module, and a
// number of pages. Compiling and instantiating are under the deadline, too.
func runWazero(
	ctx context.Context, o options, file []byte,
) (ran bool, took time.Duration, err error) {
	config := wazero.NewRuntimeConfig().WithCloseOnContextDone(true).
		WithMemoryLimitPages(uint32(o.memoryPages))
	rt := wazero.NewRuntimeWithConfig(ctx, config)
	defer func() { _ = rt.Close(context.WithoutCancel(ctx)) }()
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, rt); err != nil {
		return false, 0, err
	}
	ctx, stop := context.WithTimeout(ctx, o.deadline)
	compiled, err := rt.CompileModule(ctx, file)
	stop()
	if err != nil {
		return false, 0, err
	}
	ctx, stop = context.WithTimeout(context.WithoutCancel(ctx), o.deadline)
	defer stop()
	start := time.Now()
	defer func() { took = time.Since(start) }()
	instance, err := rt.InstantiateModule(ctx, compiled,
		wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return true, 0, err
	}
	for _, name := range []string{"_initialize", o.entry} {
		f := instance.ExportedFunction(name)
		if f == nil {
			continue
		}
		if _, err := f.Call(ctx); err != nil {
			return true, 0, err
		}
	}
	return true, 0, nil
}

// runExtism uses every limit of the manifest that has to do with computing.
func runExtism(
	ctx context.Context, o options, file []byte,
) (ran bool, took time.Duration, err error) {
	manifest := extism.Manifest{
		Wasm:    []extism.Wasm{extism.WasmData{Data: file}},
		Timeout: uint64(o.deadline.Milliseconds()),
		Memory:  &extism.ManifestMemory{MaxPages: uint32(o.memoryPages)},
	}
	config := extism.PluginConfig{EnableWasi: true}
	plugin, err := extism.NewPlugin(ctx, manifest, config, nil)
	if err != nil {
		return false, 0, err
	}
	defer func() { _ = plugin.Close(ctx) }()
	start := time.Now()
	defer func() { took = time.Since(start) }()
	_, _, err = plugin.CallWithContext(ctx, o.entry, nil)
	return true, 0, err
}
