package kit

import (
	"encoding/json"
	"fmt"
	"slices"

	brain "github.com/cerberus-host/cerberus/sdk-wasm/go"
)

// goMod is what `go mod edit -json` tells, as far as it matters here.
type goMod struct {
	Module  modulePath    `json:"Module"`
	Replace []replacement `json:"Replace"`
}

type replacement struct {
	Old modulePath `json:"Old"`
}

type modulePath struct {
	Path string `json:"Path"`
}

// decidesSDK reports whether a go.mod, as `go mod edit -json` prints it, is the SDK's own
// or says where the SDK comes from.
func decidesSDK(text string) (bool, error) {
	var m goMod
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return false, fmt.Errorf("%w: read go.mod: %w", ErrToolchain, err)
	}
	replaced := slices.ContainsFunc(m.Replace, func(r replacement) bool {
		return r.Old.Path == brain.ModulePath
	})
	return replaced || m.Module.Path == brain.ModulePath, nil
}
