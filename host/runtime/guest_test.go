package runtime_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/hostcall"
	"github.com/cerberus-host/cerberus/host/runtime"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// goGuest compiles testdata/guest once for all tests of the package.
var goGuest = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "guest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "guest.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false",
		"-ldflags=-buildid=", "-o", out, "./testdata/guest")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, err
	}
	return os.ReadFile(out)
})

// sharedCache holds compiled code for all tests of the package: a Go-built guest takes half
// a second to compile, and many times that under the race detector.
var sharedCache string

// TestMain lets the test binary stand in for the process that compiles, and for those that
// a hostile module could turn it into (compiler_test.go).
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if child, ok := children()[os.Args[1]]; ok {
			os.Exit(child(os.Args[2:]))
		}
	}
	dir, err := os.MkdirTemp("", "compiled")
	if err != nil {
		panic(err)
	}
	sharedCache = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// goModule loads testdata/guest.
func goModule(tb testing.TB, c runtime.Config) *runtime.Module {
	tb.Helper()
	c.CacheDir = sharedCache
	return load(tb, newRuntime(tb, c), goFile(tb))
}

// guestManifest is that of package wasmtest with the modes that testdata/guest knows.
func guestManifest() *abi.Manifest {
	m := w.Manifest()
	m.Request[0].Values = []string{
		"plain", "other", "state", "bound", "log", "panic", "fail", "loop", "alloc", "world", "unused",
		"label",
	}
	return m
}

func newRuntime(tb testing.TB, c runtime.Config) *runtime.Runtime {
	tb.Helper()
	r, err := runtime.New(context.Background(), c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	return r
}

// goFile is the module file of testdata/guest.
func goFile(tb testing.TB) []byte {
	tb.Helper()
	code, err := goGuest()
	if err != nil {
		tb.Fatal(err)
	}
	file, err := abi.AttachManifest(code, guestManifest())
	if err != nil {
		tb.Fatal(err)
	}
	return file
}

func load(tb testing.TB, r *runtime.Runtime, file []byte) *runtime.Module {
	tb.Helper()
	m, err := r.Load(context.Background(), file)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func mode(tb testing.TB, value string) abi.Args {
	tb.Helper()
	args, err := abi.NewArgs([]abi.Arg{{Name: "mode", Value: value}})
	if err != nil {
		tb.Fatal(err)
	}
	return args
}

func request(tb testing.TB, m *runtime.Module, mode string) *hostcall.Request {
	tb.Helper()
	req, err := hostcall.ParseRequest(m.Manifest(), []byte(`{"mode":"`+mode+`","note":"abcz"}`))
	if err != nil {
		tb.Fatal(err)
	}
	return req
}
