package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cerberus-host/cerberus/proofs/opening"
)

// TestScripts runs testdata/script against one node with the test Brains. A script finds in
// its environment the node's address, the admin's key file ($ADMIN), the folder of built
// Brains ($BRAINS), that of their sources ($SRC), the verifying key of a small development
// setup ($SETUP), and its own empty store. Its commands beyond those of testscript:
//
//	exits CODE COMMAND [ARG…]    run a command, which must end with that code
//	members [PATH] NAME…         the JSON object at PATH (a.b.0) of the last output has
//	                             exactly these members
//	value PATH TEXT              the JSON value at PATH is this text
//	keep VARIABLE PATH           put the JSON value at PATH into the environment
//	liar NAME                    talk to the node through a liar from now on
//	uploads COUNT                that many uploads were begun through the liar
//	eventually COMMAND [ARG…]    run a command until it succeeds, for a while
//	craft HOW FROM TO            spoil a built module, see brain_check_test.go
func TestScripts(t *testing.T) { runScripts(t, "script", startDev(t)) }

// TestProvingScripts runs testdata/proving in the same way, against a node that proves.
func TestProvingScripts(t *testing.T) {
	runScripts(t, "proving", startDevWith(t, developmentSetup(t)))
}

// runScripts runs the scripts of a folder against a node.
func runScripts(t *testing.T, folder string, node *devNode) {
	t.Helper()
	built := brains(t)
	src, err := filepath.Abs(filepath.Join("testdata", "brain"))
	if err != nil {
		t.Fatal(err)
	}
	toolchain := toolchainEnv(t)
	setup := smallSetup(t)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", folder),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars, toolchain...)
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("CERBERUS_HOME", filepath.Join(e.WorkDir, "store"))
			e.Setenv("CERBERUS_NODE", node.URL)
			e.Setenv("ADMIN", filepath.Join(node.DataDir, "dev-admin.key"))
			e.Setenv("BRAINS", built.dir)
			e.Setenv("SRC", src)
			e.Setenv("SETUP", setup)
			e.Setenv("EXAM", built.exam.Module.String())
			e.Values[liarKey{}] = &scriptLiar{node: node.URL, module: built.exam.Module[:]}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": cmdExits, "members": cmdMembers, "value": cmdValue, "keep": cmdKeep,
			"liar": cmdLiar, "uploads": cmdUploads, "eventually": cmdEventually,
			"craft": cmdCraft,
		},
	})
}

// developmentSetup returns the folder of a development setup for the test Brains, which is
// made, in some seconds, for the first test that needs one.
func developmentSetup(tb testing.TB) string {
	tb.Helper()
	folder := filepath.Join(filepath.Dir(brains(tb).dir), "setup")
	if _, err := opening.LoadDevelopment(tb.Context(), folder, setupSize, nil); err != nil {
		tb.Fatal(err)
	}
	return folder
}

// smallSetup writes the verifying key of a small development setup to a file.
func smallSetup(t *testing.T) string {
	t.Helper()
	s, err := opening.NewDevelopment(t.Context(), 256, nil)
	if err != nil {
		t.Fatal(err)
	}
	var key bytes.Buffer
	if err := s.WriteVerifier(&key); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "small.vk")
	if err := os.WriteFile(file, key.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// toolchainEnv is what `go build` needs to find its caches.
func toolchainEnv(t *testing.T) []string {
	t.Helper()
	names := []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOPROXY", "GOFLAGS"}
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"env"}, names...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var env []string
	for i, v := range strings.Split(strings.TrimSuffix(string(out), "\n"), "\n") {
		env = append(env, names[i]+"="+v)
	}
	return env
}

func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG…]")
	}
	code := 0
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// eventuallyWait bounds how long a script waits for what happens on its own.
const eventuallyWait = 2 * time.Minute

func cmdEventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: eventually COMMAND [ARG…]")
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	end := time.After(eventuallyWait)
	for ts.Exec(args[0], args[1:]...) != nil {
		select {
		case <-tick.C:
		case <-end:
			ts.Fatalf("no success within %s", eventuallyWait)
		}
	}
}

// find returns the JSON value at a path of the last standard output.
func find(ts *testscript.TestScript, path string) any {
	var at any
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &at); err != nil {
		ts.Fatalf("standard output: %v", err)
	}
	for name := range strings.SplitSeq(path, ".") {
		switch v := at.(type) {
		case map[string]any:
			next, ok := v[name]
			if !ok {
				ts.Fatalf("%s: there is no %q", path, name)
			}
			at = next
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(v) {
				ts.Fatalf("%s: %q is none of %d elements", path, name, len(v))
			}
			at = v[i]
		default:
			if path != "" {
				ts.Fatalf("%s: nothing below %v", path, at)
			}
		}
	}
	return at
}

func cmdMembers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: members PATH NAME… (PATH . is the whole)")
	}
	var object map[string]any
	if args[0] == "." {
		if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &object); err != nil {
			ts.Fatalf("standard output: %v", err)
		}
	} else if found, ok := find(ts, args[0]).(map[string]any); ok {
		object = found
	} else {
		ts.Fatalf("%s is no object", args[0])
	}
	got := slices.Sorted(maps.Keys(object))
	want := slices.Sorted(slices.Values(args[1:]))
	if !slices.Equal(got, want) {
		ts.Fatalf("%s has members %v, want %v", args[0], got, want)
	}
}

func cmdValue(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] value PATH TEXT")
	}
	got := fmt.Sprint(find(ts, args[0]))
	if (got == args[1]) == neg {
		ts.Fatalf("%s is %s", args[0], got)
	}
}

func cmdKeep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: keep VARIABLE PATH")
	}
	ts.Setenv(args[0], fmt.Sprint(find(ts, args[1])))
}

// liarKey is where a script's liar is kept.
type liarKey struct{}

type scriptLiar struct {
	node   string
	module []byte
	now    *liar
}

func cmdLiar(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: liar NAME")
	}
	s, ok := ts.Value(liarKey{}).(*scriptLiar)
	if !ok {
		ts.Fatalf("there is no liar")
	}
	l, err := lies(args[0], s.module)
	if err == nil {
		s.now, err = newLiar(s.node, l)
	}
	if err != nil {
		ts.Fatalf("%v", err)
	}
	ts.Defer(s.now.Close)
	ts.Setenv("CERBERUS_NODE", s.now.URL)
}

func cmdUploads(ts *testscript.TestScript, neg bool, args []string) {
	s, ok := ts.Value(liarKey{}).(*scriptLiar)
	if neg || len(args) != 1 || !ok || s.now == nil {
		ts.Fatalf("usage, after liar: uploads COUNT")
	}
	if got := strconv.FormatInt(s.now.uploads.Load(), 10); got != args[0] {
		ts.Fatalf("%s uploads were begun, want %s", got, args[0])
	}
}

// TestEveryCommandHasAScript: a command that no script runs is a command that nobody tried.
func TestEveryCommandHasAScript(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*", "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	for _, c := range newRoot(streams{}).Commands() {
		for _, sub := range append(c.Commands(), c) {
			if path := sub.CommandPath(); sub.Runnable() && !strings.Contains(all.String(), path+" ") &&
				!strings.Contains(all.String(), path+"\n") {
				t.Errorf("no script runs %q", path)
			}
		}
	}
}
