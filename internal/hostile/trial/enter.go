package trial

import (
	"context"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/hostcall"
	"github.com/cerberus-host/cerberus/host/runtime"
)

// Enter runs one entry point of a module that has the manifest of package wasmtest, with a
// small request or small results, and returns the run's error.
func Enter(ctx context.Context, m *runtime.Module, phase abi.Phase) error {
	manifest := m.Manifest()
	req, err := hostcall.ParseRequest(manifest, []byte(`{"mode":"plain","note":"abcz"}`))
	if err != nil {
		return err
	}
	args, err := hostcall.PublicArgs(manifest, req)
	if err != nil {
		return err
	}
	switch phase {
	case abi.PhaseEncode:
		_, err = m.RunEncode(ctx, args, req)
	case abi.PhaseDecode:
		results := map[string][]float64{}
		for _, o := range manifest.OutputsFor(args) {
			results[o.Name] = make([]float64, o.Length)
		}
		_, err = m.RunDecode(ctx, args, results)
	default:
		_, err = m.RunInfer(ctx, args)
	}
	return err
}
