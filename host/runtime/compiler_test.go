//go:build linux

package runtime_test

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/host/runtime"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
)

// good is the child that a node has.
const good = "child-good"

// children returns what the test binary can be as a child, by its first argument: the
// compiler, and what a hostile module could make of it.
func children() map[string]func(args []string) int {
	out := map[string]func(args []string) int{
		good: compileChild,
		"child-environment": func(args []string) int {
			if len(os.Environ()) > 0 {
				return 1
			}
			return compileChild(args)
		},
	}
	maps.Copy(out, endingChildren())
	for name, change := range forgedFiles() {
		out[name] = afterwards(func(path string) {
			if b, err := os.ReadFile(path); err == nil {
				_ = os.WriteFile(path, change(b), 0o600)
			}
		})
	}
	for name, f := range movedFiles() {
		out[name] = afterwards(f)
	}
	return out
}

func compileChild(args []string) int { return runtime.CompileChild(args, os.Stdin) }

// afterwards does what the compiler does, and then something to the file that it left.
func afterwards(f func(path string)) func([]string) int {
	return func(args []string) int {
		status := compileChild(args)
		found, err := filepath.Glob("wazero-*/*")
		if err != nil || len(found) != 1 {
			return status + 1
		}
		f(found[0])
		return status
	}
}

// endingChildren come to a bad end, or to none, or to a good one with nothing to show.
func endingChildren() map[string]func(args []string) int {
	return map[string]func(args []string) int{
		"child-panic": func([]string) int { panic("as told") },
		"child-signal": func([]string) int {
			_ = syscall.Kill(os.Getpid(), syscall.SIGSEGV)
			select {}
		},
		"child-hang": func([]string) int {
			<-time.After(time.Hour) // a select without cases would be found to be a deadlock
			return 0
		},
		"child-spin": func(args []string) int {
			compileChild(args) // for its limits
			for i := 0; ; i++ {
				_ = i
			}
		},
		"child-memory": func(args []string) int {
			compileChild(args)
			type block struct {
				before *block
				_      [64 << 20]byte
			}
			for last := new(block); ; {
				last = &block{before: last}
			}
		},
		"child-disk": func(args []string) int {
			compileChild(args)
			f, err := os.Create("large")
			if err != nil {
				return 1
			}
			// A write beyond the limit fails; the child says that all is well nevertheless.
			if _, err := f.WriteAt([]byte{1}, 1<<30); err == nil {
				return 1
			}
			return 0
		},
		"child-nothing": func([]string) int { return 0 },
	}
}

// forgedFiles are changes of the file of native code. Its head is 6 bytes, a version after
// its length, and a number of functions.
func forgedFiles() map[string]func([]byte) []byte {
	count := func(b []byte) []byte { return b[7+int(b[6]):] }
	return map[string]func([]byte) []byte{
		"child-truncates": func(b []byte) []byte { return b[:len(b)-7] },
		"child-extends":   func(b []byte) []byte { return append(b, 0) },
		"child-empties":   func([]byte) []byte { return nil },
		"child-claims": func(b []byte) []byte {
			binary.LittleEndian.PutUint32(count(b), 1<<31)
			return b
		},
		"child-lengthens": func(b []byte) []byte {
			at := 4 + 8*int(binary.LittleEndian.Uint32(count(b)))
			binary.LittleEndian.PutUint64(count(b)[at:], 1<<40)
			return b
		},
		"child-points-outside": func(b []byte) []byte {
			binary.LittleEndian.PutUint64(count(b)[4:], 1<<40)
			return b
		},
		"child-flips": func(b []byte) []byte {
			b[len(b)-20] ^= 1
			return b
		},
	}
}

// movedFiles put something else where the file is expected.
func movedFiles() map[string]func(path string) {
	return map[string]func(path string){
		"child-other-version": func(path string) {
			_ = os.Rename(filepath.Dir(path), "wazero-v0.0.1-z80-cpm")
		},
		"child-other-name": func(path string) {
			_ = os.Rename(path, filepath.Join(filepath.Dir(path), strings.Repeat("0", 64)))
		},
		"child-two-files": func(path string) { _ = os.WriteFile(path+"0", []byte("more"), 0o600) },
		"child-fifo": func(path string) {
			_ = os.Remove(path)
			_ = syscall.Mkfifo(path, 0o600)
		},
		"child-links-file": func(path string) {
			_ = os.Rename(path, "../moved")
			_ = os.Symlink("../../moved", path)
		},
		"child-links-folder": func(path string) {
			_ = os.Rename(filepath.Dir(path), "../moved")
			_ = os.Symlink("../moved", filepath.Dir(path))
		},
		"child-links-directory": func(string) {
			here, err := os.Getwd()
			if err != nil {
				return
			}
			_ = os.Rename(here, here+"-moved")
			_ = os.Symlink(here+"-moved", here)
		},
	}
}

// withChild configures a child.
func withChild(tb testing.TB, name string) runtime.Config {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	return runtime.Config{
		Compiler: []string{self, name}, CacheDir: filepath.Join(tb.TempDir(), "cache"),
	}
}

func TestCompilesInAChild(t *testing.T) {
	tiny := w.Attach(t, w.Brain(nil, nil, nil).Bytes())
	for _, test := range []struct {
		child  string
		cached bool
		file   []byte
	}{
		{good, true, goFile(t)},
		{good, false, tiny},
		{"child-environment", true, tiny},
		{"child-environment", false, tiny},
	} {
		c := withChild(t, test.child)
		if !test.cached {
			c.CacheDir = ""
		}
		m := load(t, newRuntime(t, c), test.file)
		_, err := m.RunEncode(context.Background(), mode(t, "plain"), request(t, m, "plain"))
		if err != nil {
			t.Errorf("%s, directory %t: %v", test.child, test.cached, err)
		}
		if !test.cached {
			continue
		}
		entries, err := os.ReadDir(c.CacheDir)
		if err != nil || len(entries) != 1 || strings.HasPrefix(entries[0].Name(), "compiling") {
			t.Errorf("the directory has %v, error %v", entries, err)
		}
		// From now on the directory is enough.
		c.Compiler[1] = "child-panic"
		load(t, newRuntime(t, c), test.file)
	}
}

// TestChildren: whatever becomes of the child, the module is refused in time with an error
// that says so, nothing of it stays, and the next module compiles.
func TestChildren(t *testing.T) {
	t.Parallel()
	file := w.Attach(t, w.Brain(nil, nil, nil).Bytes())
	for name := range children() {
		want, text := runtime.ErrCompileCrash, ""
		switch name {
		case good, "child-environment":
			continue
		case "child-hang":
			want, text = runtime.ErrCompileLimit, "no result after 1s"
		case "child-spin":
			if testing.Short() {
				continue
			}
			want, text = runtime.ErrCompileLimit, "processor time"
		case "child-memory":
			want, text = runtime.ErrCompileLimit, "memory"
		case "child-panic":
			text = "exit status 2"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := withChild(t, name)
			c.CompileTimeout = 5 * time.Minute // the machine may be busy
			if name == "child-hang" {
				c.CompileTimeout = time.Second
			}
			r := newRuntime(t, c)
			_, err := r.Load(context.Background(), file)
			if !errors.Is(err, runtime.ErrCompile) || !errors.Is(err, want) {
				t.Errorf("error %v, want %v", err, want)
			} else if !strings.Contains(err.Error(), text) {
				t.Errorf("error %q lacks %q", err, text)
			}
			if entries, err := os.ReadDir(c.CacheDir); err != nil || len(entries) > 0 {
				t.Errorf("%v stayed, error %v", entries, err)
			}
			c.Compiler[1], c.CompileTimeout = good, 5*time.Minute
			load(t, newRuntime(t, c), file)
		})
	}
}

func TestCloseEndsAChild(t *testing.T) {
	ctx := context.Background()
	r, err := runtime.New(ctx, withChild(t, "child-hang"))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, err := r.Load(ctx, w.Attach(t, w.Brain(nil, nil, nil).Bytes()))
		ended <- err
	}()
	if err := r.Close(ctx); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, runtime.ErrClosed) {
		t.Errorf("error %v", err)
	}
}

func TestChildThatCannotStart(t *testing.T) {
	c := withChild(t, good)
	c.Compiler[0] = filepath.Join(t.TempDir(), "nothing")
	_, err := newRuntime(t, c).Load(context.Background(),
		w.Attach(t, w.Brain(nil, nil, nil).Bytes()))
	if err == nil || errors.Is(err, runtime.ErrCompile) {
		t.Errorf("error %v: not the module's fault", err)
	}
}

// TestChildIsAskedForNothingElse: what is not a command line of the parent's is refused.
func TestChildIsAskedForNothingElse(t *testing.T) {
	for _, args := range [][]string{nil, {"1", "2"}, {"-1"}, {"pages"}} {
		// The number of arguments is checked before anything is limited; the rest in a child.
		if len(args) == 1 {
			continue
		}
		if status := runtime.CompileChild(slices.Clone(args), strings.NewReader("")); status == 0 {
			t.Errorf("%v: done", args)
		}
	}
}
