package runtime_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/host/hostcall"
	"github.com/cerberus-host/cerberus/host/runtime"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

func TestGoBrainEndToEnd(t *testing.T) {
	ctx := context.Background()
	m := goModule(t, runtime.Config{})
	args := mode(t, "plain")
	inputs, err := m.RunEncode(ctx, args, request(t, m, "plain"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []float64{0, 1. / 32, 2. / 32, 25. / 32}; !slices.Equal(inputs["x"], want) {
		t.Errorf("inputs %v, want %v", inputs["x"], want)
	}
	prog, err := m.RunInfer(ctx, args)
	if err != nil {
		t.Fatal(err)
	}
	results, err := fhe.EvalClear(prog, fhe.Model{}, inputs)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := m.RunDecode(ctx, args, results)
	if err != nil {
		t.Fatal(err)
	}
	want := (2*1. + 3*2 + 4*25) / 32
	if v, ok := answer.Get("confidence"); answer.Label != "yes" || !ok || v != want {
		t.Errorf("answer %+v, want yes and %v", answer, want)
	}
}

func TestGuestErrors(t *testing.T) {
	ctx := context.Background()
	m := goModule(t, runtime.Config{MemoryPages: 256})
	infer := func(value string) error {
		_, err := m.RunInfer(ctx, mode(t, value))
		return err
	}
	encode := func(value string) error {
		_, err := m.RunEncode(ctx, mode(t, value), request(t, m, value))
		return err
	}
	for _, c := range []struct {
		name string
		err  error
		want error
		text string
	}{
		{"error", infer("fail"), hostcall.ErrGuest, "as told"},
		{"panic", infer("panic"), runtime.ErrTrap, "unreachable"},
		{"memory", infer("alloc"), runtime.ErrTrap, "unreachable"},
		{"unknown input", infer("unused"), hostcall.ErrGuest, `no input "z"`},
		{"beyond bound", encode("bound"), hostcall.ErrGuest, "within ±8"},
		{"foreign arguments", infer("nothing"), hostcall.ErrArgs, "mode=nothing"},
		{"no arguments", func() error {
			_, err := m.RunInfer(ctx, nil)
			return err
		}(), hostcall.ErrArgs, ""},
		{"label", func() error {
			_, err := m.RunDecode(ctx, mode(t, "label"), map[string][]float64{"y": {1}})
			return err
		}(), hostcall.ErrGuest, "no such label"},
		{"result missing", func() error {
			_, err := m.RunDecode(ctx, mode(t, "plain"), nil)
			return err
		}(), hostcall.ErrGuest, "results"},
	} {
		var run *runtime.RunError
		if !errors.Is(c.err, c.want) || !errors.As(c.err, &run) {
			t.Errorf("%s: error %v, want a RunError of %v", c.name, c.err, c.want)
		} else if !strings.Contains(c.err.Error(), c.text) {
			t.Errorf("%s: error %q lacks %q", c.name, c.err, c.text)
		}
	}
	var run *runtime.RunError
	if errors.As(infer("panic"), &run) && !strings.Contains(run.Log, "as told") {
		t.Errorf("the log of a panic lacks its text: %q", run.Log)
	}
}

// TestNothingCrossesRuns: a guest's variables are as new in every run, and what it takes
// for randomness, time and map order is the same in all of them.
func TestNothingCrossesRuns(t *testing.T) {
	ctx := context.Background()
	m := goModule(t, runtime.Config{})
	digests := map[abi.Digest]bool{}
	for range 3 {
		inputs, err := m.RunEncode(ctx, mode(t, "state"), request(t, m, "state"))
		if err != nil {
			t.Fatal(err)
		}
		if inputs["x"][0] != 1 {
			t.Errorf("the guest has counted %v runs", inputs["x"][0])
		}
		prog, err := m.RunInfer(ctx, mode(t, "world"))
		if err != nil {
			t.Fatal(err)
		}
		digests[prog.Digest()] = true
	}
	slow := goModule(t, runtime.Config{Interpreter: true})
	prog, err := slow.RunInfer(ctx, mode(t, "world"))
	if err != nil {
		t.Fatal(err)
	}
	digests[prog.Digest()] = true
	if len(digests) != 1 {
		t.Errorf("%d different Programs", len(digests))
	}
}

func TestReport(t *testing.T) {
	var reports []runtime.Report
	m := goModule(t, runtime.Config{
		Observe: func(r runtime.Report) { reports = append(reports, r) },
	})
	_, err := m.RunEncode(context.Background(), mode(t, "log"), request(t, m, "log"))
	if err != nil {
		t.Fatal(err)
	}
	if len(reports) != 1 {
		t.Fatalf("%d reports", len(reports))
	}
	got := reports[0]
	if got.Phase != abi.PhaseEncode || got.HostCalls == 0 || got.MemoryBytes == 0 || got.Err != nil {
		t.Errorf("report %+v", got)
	}
	if !strings.Contains(got.Log, "hello \uFFFD[31mabcz\n") {
		t.Errorf("log %q", got.Log)
	}
}

func TestInvalidModules(t *testing.T) {
	r := newRuntime(t, runtime.Config{CacheDir: filepath.Join(t.TempDir(), "cache")})
	missing := w.Attach(t, w.Brain(nil, []byte{0x1a}, nil).Bytes()) // drops what is not there
	for _, file := range [][]byte{missing, missing, nil} {
		if _, err := r.Load(context.Background(), file); !errors.Is(err, abi.ErrModule) {
			t.Errorf("error %v", err)
		}
	}
}

func TestClosedRuntime(t *testing.T) {
	ctx := context.Background()
	r, err := runtime.New(ctx, runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	m := load(t, r, w.Attach(t, w.Brain(nil, nil, nil).Bytes()))
	if err := r.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := m.RunInfer(ctx, mode(t, "plain")); !errors.Is(err, runtime.ErrClosed) {
		t.Errorf("error %v", err)
	}
}

// TestCompiledCodeIsDroppedAndMadeAgain: the limit is so small that no module stays.
func TestCompiledCodeIsDroppedAndMadeAgain(t *testing.T) {
	r := newRuntime(t, runtime.Config{CompiledBytesMax: 1})
	a := load(t, r, w.Attach(t, w.Brain(nil, nil, nil).Bytes()))
	b := load(t, r, w.Attach(t, w.Brain([]byte{1}, nil, nil).Bytes()))
	for range 3 {
		for _, m := range []*runtime.Module{a, b} {
			_, err := m.RunEncode(context.Background(), mode(t, "plain"), request(t, m, "plain"))
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestStagesAreSwept: what a killed process left while it compiled goes with the next
// compilation; what another process is compiling stays.
func TestStagesAreSwept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	left, live := filepath.Join(dir, "compiling-1"), filepath.Join(dir, "compiling-2")
	for _, d := range []string{left, live} {
		if err := os.MkdirAll(filepath.Join(d, "code"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-2 * time.Hour)
	if err := errors.Join(os.Chmod(dir, 0o700), os.Chtimes(left, long, long)); err != nil {
		t.Fatal(err)
	}
	r, err := runtime.New(t.Context(), runtime.Config{CacheDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	load(t, r, w.Attach(t, w.Brain(nil, nil, nil).Bytes()))
	found, err := filepath.Glob(filepath.Join(dir, "compiling-*"))
	if err != nil || !slices.Equal(found, []string{live}) {
		t.Errorf("left are %v, %v", found, err)
	}
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestCacheDirectory(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "cache")
	file := w.Attach(t, w.Brain(nil, nil, nil).Bytes())
	loadRun := func() {
		t.Helper()
		r, err := runtime.New(ctx, runtime.Config{CacheDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		m := load(t, r, file)
		if _, err := m.RunEncode(ctx, mode(t, "plain"), request(t, m, "plain")); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
	loadRun()
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	cached := func() string {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(dir, "*", "wazero-*", "*"))
		if err != nil || len(found) != 1 {
			t.Fatalf("cached files %v, error %v", found, err)
		}
		return found[0]
	}
	good, err := os.ReadFile(cached())
	if err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(good)
	flipped[len(flipped)/2] ^= 1
	huge := slices.Clone(good)
	for i := range 4 {
		huge[len(huge)/4+i] = 0xff
	}
	for name, bad := range map[string][]byte{
		"flipped": flipped, "truncated": good[:len(good)/2], "empty": {}, "huge": huge,
	} {
		if err := os.WriteFile(cached(), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		loadRun()
		if now, err := os.ReadFile(cached()); err != nil || !slices.Equal(now, good) {
			t.Errorf("%s: the file was not made again: %v", name, err)
		}
	}
	path := cached()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", path); err != nil {
		t.Fatal(err)
	}
	loadRun()
	if info, err := os.Lstat(cached()); err != nil || !info.Mode().IsRegular() {
		t.Errorf("a link stayed: %v, %v", info, err)
	}
}

func TestCacheDirectoryOfOthersIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := runtime.New(context.Background(), runtime.Config{CacheDir: dir})
	if !errors.Is(err, runtime.ErrCacheDir) || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("error %v", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := runtime.New(context.Background(), runtime.Config{CacheDir: file}); !errors.Is(err,
		runtime.ErrCacheDir) {
		t.Errorf("error %v", err)
	}
}
