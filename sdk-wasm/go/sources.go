//go:build !wasip1

package brain

import (
	"embed"
	"io/fs"
)

// sources holds this module's own files: `cerberus brain build` writes them out, so that
// building a Brain needs no network.
//
//go:embed *.go go.mod
var sources embed.FS

// ModulePath is the module path of this SDK.
const ModulePath = "github.com/cerberus-host/cerberus/sdk-wasm/go"

// Sources returns the files of this module, test files included.
func Sources() fs.FS { return sources }
