package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

const program = "cerberus"

var (
	errNoLicence = errors.New("a module in the binary has no licence file")
	errNoBrain   = errors.New("no folder below plugins has a manifest.json")
)

// platform is one operating system and architecture that we release for.
type platform struct{ os, arch string }

func platforms() []platform {
	return []platform{
		{"linux", "amd64"},
		{"linux", "arm64"},
		{"darwin", "arm64"},
		{"windows", "amd64"},
	}
}

func (p platform) binaryName() string {
	if p.os == "windows" {
		return program + ".exe"
	}
	return program
}

func (p platform) archiveName(version string) string {
	name := p.folderName(version)
	if p.os == "windows" {
		return name + ".zip"
	}
	return name + ".tar.gz"
}

func (p platform) folderName(version string) string {
	return strings.Join([]string{program, strings.TrimPrefix(version, "v"), p.os, p.arch}, "_")
}

// builder builds from the sources in one folder.
type builder struct {
	folder string
	// cache is the folder of the build cache; empty means the user's own.
	cache   string
	version string
	stamp   time.Time
}

// archive returns the bytes of the archive for a platform.
func (b builder) archive(ctx context.Context, p platform) ([]byte, error) {
	binary, err := b.binary(ctx, p)
	if err != nil {
		return nil, err
	}
	licences, err := b.licences(ctx, p)
	if err != nil {
		return nil, err
	}
	entries, err := b.brains(ctx)
	if err != nil {
		return nil, err
	}
	entries = append(entries,
		entry{name: p.binaryName(), data: binary, program: true},
		entry{name: "THIRD_PARTY_LICENSES.txt", data: licences})
	for _, name := range []string{"CHANGELOG.md", "LICENSE", "NOTICE", "README.md"} {
		data, err := os.ReadFile(filepath.Join(b.folder, name))
		if err != nil {
			return nil, fmt.Errorf("archive: %w", err)
		}
		entries = append(entries, entry{name: name, data: data})
	}
	for i := range entries {
		entries[i].name = p.folderName(b.version) + "/" + entries[i].name
	}
	if p.os == "windows" {
		return zipBytes(entries, b.stamp)
	}
	return tarBytes(entries, b.stamp)
}

// binary builds the program without symbols, paths, build id or version control
// state: nothing of the machine goes in.
func (b builder) binary(ctx context.Context, p platform) ([]byte, error) {
	scratch, err := os.MkdirTemp("", "cerberus-build-")
	if err != nil {
		return nil, fmt.Errorf("build: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	name := filepath.Join(scratch, p.binaryName())
	cmd := b.command(ctx, p, "build", "-trimpath", "-buildvcs=false",
		"-ldflags=-s -w -buildid= -X main.version="+b.version, "-o", name, "./cmd/"+program)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("build for %s/%s: %w", p.os, p.arch, err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("build: %w", err)
	}
	return data, nil
}

// brains builds the Brains that ship. They are the same for every platform, and lie in
// the folder beside the binary where `cerberus dev` looks for them.
func (b builder) brains(ctx context.Context) ([]entry, error) {
	manifests, err := filepath.Glob(filepath.Join(b.folder, "plugins", "*", "manifest.json"))
	if err != nil {
		return nil, fmt.Errorf("find Brains: %w", err)
	}
	if len(manifests) == 0 {
		return nil, errNoBrain
	}
	scratch, err := os.MkdirTemp("", "cerberus-brains-")
	if err != nil {
		return nil, fmt.Errorf("build Brains: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	here := platform{runtime.GOOS, runtime.GOARCH}
	for _, manifest := range manifests {
		source := "./" + filepath.Join("plugins", filepath.Base(filepath.Dir(manifest)))
		cmd := b.command(ctx, here, "run", "./cmd/"+program, "brain", "build", source, "--out", scratch)
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("build Brain %s: %w", source, err)
		}
	}
	return readBrains(scratch)
}

func readBrains(folder string) ([]entry, error) {
	files, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("read Brains: %w", err)
	}
	var entries []entry
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(folder, f.Name()))
		if err != nil {
			return nil, fmt.Errorf("read Brains: %w", err)
		}
		entries = append(entries, entry{name: "brains/" + f.Name(), data: data})
	}
	return entries, nil
}

// command prepares the go command for a platform. Settings of the user's that change
// code are taken out.
func (b builder) command(ctx context.Context, p platform, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = b.folder
	cmd.Env = append(os.Environ(), "GOOS="+p.os, "GOARCH="+p.arch, "CGO_ENABLED=0",
		"GOFLAGS=", "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=", "GOWORK=off")
	if b.cache != "" {
		cmd.Env = append(cmd.Env, "GOCACHE="+b.cache)
	}
	return cmd
}

// module is what the go command says about a module in the binary.
type module struct {
	Path    string `json:"Path"`
	Version string `json:"Version"`
	Dir     string `json:"Dir"`
}

// licences returns the licence texts of the standard library and of all modules in the
// binary, sorted by path.
func (b builder) licences(ctx context.Context, p platform) ([]byte, error) {
	output, err := b.command(ctx, p, "list", "-deps", "-json=Module", "./cmd/"+program).Output()
	if err != nil {
		return nil, fmt.Errorf("list modules: %w", err)
	}
	modules, err := parseModules(output)
	if err != nil {
		return nil, err
	}
	toolchain, err := b.command(ctx, p, "env", "GOROOT", "GOVERSION").Output()
	if err != nil {
		return nil, fmt.Errorf("find the standard library: %w", err)
	}
	root, version, _ := strings.Cut(strings.TrimSpace(string(toolchain)), "\n")
	modules = append([]module{{Path: "std", Version: version, Dir: root}}, modules...)
	var text bytes.Buffer
	for _, m := range modules {
		if err := appendLicences(&text, m); err != nil {
			return nil, err
		}
	}
	return text.Bytes(), nil
}

// parseModules returns each module of others once. Ours are under LICENSE.
func parseModules(output []byte) ([]module, error) {
	var modules []module
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var p struct {
			Module *module `json:"Module"`
		}
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("list modules: %w", err)
		}
		ours := p.Module != nil && strings.HasPrefix(p.Module.Path, "github.com/cerberus-host/cerberus")
		if p.Module != nil && !ours && !slices.Contains(modules, *p.Module) {
			modules = append(modules, *p.Module)
		}
	}
	slices.SortFunc(modules, func(a, b module) int { return cmp.Compare(a.Path, b.Path) })
	return modules, nil
}

func appendLicences(text *bytes.Buffer, m module) error {
	files, err := os.ReadDir(m.Dir)
	if err != nil {
		return fmt.Errorf("licences of %s: %w", m.Path, err)
	}
	found := false
	for _, f := range files {
		if f.IsDir() || !isLicence(f.Name()) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(m.Dir, f.Name()))
		if err != nil {
			return fmt.Errorf("licences of %s: %w", m.Path, err)
		}
		found = true
		fmt.Fprintf(text, "==== %s %s: %s ====\n\n%s\n", m.Path, m.Version, f.Name(), data)
	}
	if !found {
		return fmt.Errorf("%w: %s", errNoLicence, m.Path)
	}
	return nil
}

func isLicence(name string) bool {
	if filepath.Ext(name) == ".go" {
		return false
	}
	name = strings.ToUpper(name)
	for _, start := range []string{"LICENSE", "LICENCE", "COPYING", "NOTICE", "PATENTS"} {
		if strings.HasPrefix(name, start) {
			return true
		}
	}
	return false
}
