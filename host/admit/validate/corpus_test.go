package validate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/cerberus-host/cerberus/host/admit/validate"
	"github.com/cerberus-host/cerberus/host/admit/wasm"
)

// corpus returns the folder of the specification's tests that ship with the runtime, as a
// module of the module cache. They are read there and never copied.
func corpus(tb testing.TB) string {
	tb.Helper()
	const runtimeModule = "github.com/tetratelabs/wazero"
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", runtimeModule).Output()
	folder := filepath.Join(strings.TrimSpace(string(out)), "internal", "integration_test")
	if _, missing := os.Stat(folder); err != nil || missing != nil {
		tb.Skipf("the folder of module %s is not there: %v", runtimeModule, err)
	}
	return folder
}

// oracle is the runtime's own validator.
type oracle struct{ runtime wazero.Runtime }

func newOracle(tb testing.TB) oracle {
	tb.Helper()
	ctx := context.Background()
	config := wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(api.CoreFeaturesV2)
	r := wazero.NewRuntimeWithConfig(ctx, config)
	tb.Cleanup(func() { r.Close(ctx) })
	return oracle{r}
}

// judge returns why the runtime refuses a module. Its validator panics for some, such as one
// with a call of a function that names a type that is not there.
func (o oracle) judge(module []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errPanics, r)
		}
	}()
	ctx := context.Background()
	m, err := o.runtime.CompileModule(ctx, module)
	if err == nil {
		m.Close(ctx)
	}
	return err
}

var errPanics = errors.New("the runtime panics")

// explained names the reason why our judgement may differ from the runtime's; "" if there
// is none.
func explained(module []byte, ours, theirs error) string {
	said := func(err error, texts ...string) bool {
		for _, text := range texts {
			if err != nil && strings.Contains(err.Error(), text) {
				return true
			}
		}
		return false
	}
	switch {
	case theirs == nil && said(ours, "type 0x63", "type 0x64", "reference type 0x40"):
		return "the runtime reads typed function references that are not enabled"
	case theirs == nil && said(ours, "in a constant expression can change"):
		return "the runtime allows globals that can change in constant expressions"
	case theirs == nil && said(ours, "unknown block type"):
		return "the runtime reads the byte of a block type as a number of several bytes"
	case theirs == nil && said(ours, "needs") && bytes.IndexByte(module, byte(wasm.OpSelectTyped)) > 0:
		return "the runtime forgets the type of a select in code that is never reached"
	case ours == nil && said(theirs, "empty module name"):
		return "the runtime refuses imports from a module without a name"
	case ours == nil && said(theirs, "failed to read custom section name"):
		return "the runtime refuses a custom section that has no content, at the end"
	case ours == nil && said(theirs, "table min must be at most"):
		return "the runtime has a limit on tables"
	default:
		return ""
	}
}

// TestCorpusAgainstRuntime: both accept the same modules of the corpus, with the reasons of
// explained for each other case.
func TestCorpusAgainstRuntime(t *testing.T) {
	o := newOracle(t)
	reasons := map[string]int{}
	folder := corpus(t)
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".wasm" {
			return err
		}
		module, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		ours, theirs := validate.Module(module), o.judge(module)
		if ours != nil && !errors.Is(ours, validate.ErrInvalid) {
			t.Errorf("%s: %v is no refusal", path, ours)
		}
		reason := explained(module, ours, theirs)
		switch {
		case (ours == nil) != (theirs == nil):
			if reason == "" {
				t.Errorf("%s: ours %v, theirs %v", path, ours, theirs)
			}
			reasons["explained: "+reason]++
		case ours == nil:
			reasons["accepted by both"]++
		default:
			reasons["rejected by both"]++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for reason, n := range reasons {
		t.Logf("%5d %s", n, reason)
	}
	if reasons["accepted by both"] < 2500 || reasons["rejected by both"] < 4500 {
		t.Error("a corpus of so few modules proves little")
	}
}

// command is an entry of the scripts that go with the corpus.
type command struct {
	Type       string `json:"type"`
	Filename   string `json:"filename"`
	ModuleType string `json:"module_type"`
	Text       string `json:"text"`
}

// TestCorpusAgainstSpecification: the scripts say of each module whether it is valid. Those
// of version 1 call modules invalid that version 2 allows, so only their valid ones count.
func TestCorpusAgainstSpecification(t *testing.T) {
	folder := corpus(t)
	valid, invalid := 0, 0
	for _, version := range []string{"v1", "v2"} {
		scripts, err := filepath.Glob(filepath.Join(folder, "spectest", version, "testdata", "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, script := range scripts {
			for _, c := range commands(t, script) {
				if c.Filename == "" || c.ModuleType == "text" {
					continue
				}
				refuse := c.Type == "assert_invalid" || c.Type == "assert_malformed"
				if refuse && version == "v1" {
					continue
				}
				module, err := os.ReadFile(filepath.Join(filepath.Dir(script), c.Filename))
				if err != nil {
					t.Fatal(err)
				}
				err = validate.Module(module)
				if refuse != (err != nil) {
					t.Errorf("%s %s %q: error %v", c.Type, c.Filename, c.Text, err)
				}
				if refuse {
					invalid++
				} else {
					valid++
				}
			}
		}
	}
	t.Logf("%d valid, %d invalid", valid, invalid)
	if valid < 2500 || invalid < 2500 {
		t.Error("scripts of so few modules prove little")
	}
}

func commands(t *testing.T, script string) []command {
	t.Helper()
	data, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Commands []command `json:"commands"`
	}
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	return s.Commands
}
