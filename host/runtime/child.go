package runtime

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"

	"github.com/tetratelabs/wazero"

	"github.com/cerberus-host/cerberus/host/admit"
)

// The limits of a process that compiles. What a module may cost to compile is bounded by
// admission; these hold where that, or the compiler, has a hole.
const (
	// CompileCPUSeconds is the processor time of one compilation, on all processors
	// together. Modules that are built with Go take one or two.
	CompileCPUSeconds = 5
	// CompileMemoryBytes is what one compilation may add to its process's address space.
	CompileMemoryBytes = 1 << 30
)

// Exit statuses of a process that compiles. Go's runtime ends with 2 itself, and
// cmd/cerberus with what is below 10.
const (
	childDone    = 0
	childRefused = 10 // the code is not valid
	childFailed  = 11 // code could not be read or written
	childNoCode  = 12 // there is no compiler for this processor
)

// CompileChild is what the command in [Config.Compiler] runs, and all that it runs: a
// compilation in a process of its own, which a hostile module may well kill. It first limits
// the process; then it reads rewritten code from stdin and leaves native code in the current
// directory, which is empty and nobody else's. args is what follows in the command line. The
// result is the status to exit with.
//
// On systems other than Linux, where no child is started, it returns a status that says so.
func CompileChild(args []string, stdin io.Reader) int {
	if len(args) != 1 || limitChild() != nil {
		return childFailed
	}
	pages, err := strconv.ParseUint(args[0], 10, 32)
	if err != nil {
		return childFailed
	}
	code, err := io.ReadAll(io.LimitReader(stdin, admit.CodeBytesMax+1))
	if err != nil || len(code) > admit.CodeBytesMax {
		return childFailed
	}
	ctx := context.Background()
	cache, err := wazero.NewCompilationCacheWithDir(".")
	if err != nil {
		return childFailed
	}
	config := Config{MemoryPages: uint32(pages)}.wazeroConfig().WithCompilationCache(cache)
	// Nothing is closed: the process ends when this returns.
	rt := wazero.NewRuntimeWithConfig(ctx, config)
	var file *fs.PathError
	switch _, err := rt.CompileModule(withWorkers(ctx), code); {
	case errors.As(err, &file):
		return childFailed
	case err != nil:
		return childRefused
	}
	if found, err := fs.Glob(os.DirFS("."), nativePattern); err != nil || len(found) == 0 {
		return childNoCode
	}
	return childDone
}
