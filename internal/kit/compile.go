package kit

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
	brain "github.com/cerberus-host/cerberus/sdk-wasm/go"
)

// flags of the compilation, as the SDK's documentation gives them: a library, without
// paths, version control and build id, so that the same sources give the same bytes.
func buildFlags() []string {
	return []string{
		"build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-buildid=",
	}
}

// compile returns the WebAssembly of a Brain's package.
func compile(ctx context.Context, o BuildOptions) ([]byte, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSource, err)
	}
	temporary, err := os.MkdirTemp("", "cerberus-build")
	if err != nil {
		return nil, fmt.Errorf("build: %w", err)
	}
	defer func() { _ = os.RemoveAll(temporary) }()
	t := toolchain{command: o.Go, dir: dir}
	if t.command == "" {
		t.command = "go"
	}
	if err := t.useSDK(ctx, temporary); err != nil {
		return nil, err
	}
	out := filepath.Join(temporary, "brain.wasm")
	if _, err := t.run(ctx, append(buildFlags(), "-o", out, ".")...); err != nil {
		return nil, err
	}
	return readBounded(out, abi.ModuleBytesMax)
}

// toolchain runs the go command in a Brain's folder.
type toolchain struct {
	command, dir string
	workspace    string // GOWORK
}

// useSDK writes the embedded SDK below temporary and makes a workspace of it and the
// author's module. A workspace, because it leaves the author's go.mod alone and no path of
// this machine in the module, as a replacement would. In a module that replaces the SDK
// itself, as this repository does, or is it, the author has decided already.
func (t *toolchain) useSDK(ctx context.Context, temporary string) error {
	t.workspace = "off"
	vars, err := t.run(ctx, "env", "GOMOD", "GOVERSION")
	if err != nil {
		return err
	}
	mod, version, _ := strings.Cut(strings.TrimSpace(vars), "\n")
	if filepath.Base(mod) != "go.mod" {
		return fmt.Errorf("%w: no go.mod: run `go mod init NAME` in %s", ErrSource, t.dir)
	}
	own, err := t.run(ctx, "mod", "edit", "-json")
	if err != nil {
		return err
	}
	decided, err := decidesSDK(own)
	if err != nil || decided {
		return err
	}
	sdk := filepath.Join(temporary, "sdk")
	if err := writeSDK(sdk); err != nil {
		return fmt.Errorf("write the SDK: %w", err)
	}
	work := fmt.Sprintf("go %s\n\nuse (\n\t%q\n\t%q\n)\n", strings.TrimPrefix(version, "go"),
		filepath.Dir(mod), sdk)
	t.workspace = filepath.Join(temporary, "go.work")
	if err := os.WriteFile(t.workspace, []byte(work), fileMode); err != nil {
		return fmt.Errorf("write the workspace: %w", err)
	}
	return nil
}

// run runs the go command for the guest's platform, without network and without the
// settings of the user that would change the result.
func (t *toolchain) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, t.command, args...)
	cmd.Dir = t.dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOWASM=", "CGO_ENABLED=0",
		"GOFLAGS=", "GOEXPERIMENT=", "GOPROXY=off", "GOTOOLCHAIN=local", "GOWORK="+t.workspace)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%w: go %s: %w\n%s", ErrToolchain, args[0], err,
			strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// writeSDK writes the embedded sources, without tests.
func writeSDK(dir string) error {
	if err := os.Mkdir(dir, dirMode); err != nil {
		return err
	}
	sources := brain.Sources()
	names, err := fs.Glob(sources, "*")
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		content, err := fs.ReadFile(sources, name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, fileMode); err != nil {
			return err
		}
	}
	return nil
}
