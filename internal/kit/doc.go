// Package kit is what lies behind `cerberus brain build`, `inspect` and `check`.
//
// [Build] compiles a Brain's folder with the Go toolchain of the machine and the SDK that
// is embedded in this program, attaches the manifest, admits the result as a node would,
// runs its infer, and writes NAME.wasm and NAME.model. It needs no network: a Brain that
// uses nothing but the standard library and the SDK builds from an empty module cache.
//
// The result is a function of the sources, the toolchain's version and the SDK: paths,
// version control and build ids stay out of it. [Inspect] tells what a module file says
// about itself.
//
// [Check] does with a module file what a node does at its registration, through the same
// package registry, so that it refuses what a node refuses. Beyond the node's one reason it
// looks for more, and it adds up what the Plans need.
//
// # Caveats
//
// Building runs the Go toolchain on the author's code, as `go build` does; nothing of that
// code runs outside the sandbox.
//
// # What it is not
//
// It knows Go only. Modules of other languages are attached a manifest with
// [abi.AttachManifest]; everything after that is the same.
package kit
