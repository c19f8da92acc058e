package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/cerberus-host/cerberus/host/admit/meter"
	"github.com/cerberus-host/cerberus/host/admit/validate"
	"github.com/cerberus-host/cerberus/internal/figures"
)

// runtimeModule is the module whose folder has the specification's tests.
const runtimeModule = "github.com/tetratelabs/wazero"

// measureSpec runs the specification's scripts on plain modules and on rewritten ones and
// counts the commands whose outcomes are equal. It needs the folder of the runtime's module.
func (b *bench) measureSpec(ctx context.Context, f *figures.File) error {
	folder, err := specFolder(ctx)
	if err != nil {
		b.sayf("the specification's tests are left out: %v", err)
		return nil
	}
	var total specCount
	for _, version := range []string{"v1", "v2"} {
		scripts, err := filepath.Glob(filepath.Join(folder, version, "testdata", "*.json"))
		if err != nil {
			return err
		}
		slices.Sort(scripts)
		for _, path := range scripts {
			if err := total.script(ctx, folder, path); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
	}
	f.Add(figures.Row{
		Figure: "specification's modules: rewritten", Value: float64(total.rewritten),
		Unit: fmt.Sprintf("of %d", total.valid), Asked: "all",
		Reference: fmt.Sprintf("valid modules; %d more use what no module may, such as operators "+
			"that change a table", total.foreign),
	})
	f.Add(figures.Row{
		Figure: "specification's commands: equal after rewriting", Value: float64(total.equal),
		Unit: fmt.Sprintf("of %d", total.commands), Asked: "all",
		Reference: fmt.Sprintf("%d of them trap; a computed NaN may have become the canonical one, "+
			"as %d have", total.traps, total.canonical),
	})
	return nil
}

// specFolder finds the tests in the module cache, by the version that this program was built
// with.
func specFolder(ctx context.Context) (string, error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", errors.New("the program does not say what it was built from")
	}
	i := slices.IndexFunc(info.Deps, func(m *debug.Module) bool { return m.Path == runtimeModule })
	if i < 0 {
		return "", fmt.Errorf("the program was built without %s", runtimeModule)
	}
	cache, err := exec.CommandContext(ctx, "go", "env", "GOMODCACHE").Output()
	if err != nil {
		return "", fmt.Errorf("there is no go command: %w", err)
	}
	folder := filepath.Join(strings.TrimSpace(string(cache)), runtimeModule+"@"+info.Deps[i].Version,
		"internal", "integration_test", "spectest")
	_, err = os.Stat(folder)
	return folder, err
}

// specScript is a file of commands of the specification's tests.
type specScript struct {
	Commands []specCommand `json:"commands"`
}

type specCommand struct {
	Type     string `json:"type"`
	Name     string `json:"name"`
	Filename string `json:"filename"`
	As       string `json:"as"`
	Action   struct {
		Type   string    `json:"type"`
		Module string    `json:"module"`
		Field  string    `json:"field"`
		Args   []specArg `json:"args"`
	} `json:"action"`
}

// specArg is an argument: a number, or one for each lane of a vector.
type specArg struct {
	Type  string          `json:"type"`
	Value json.RawMessage `json:"value"`
}

// bits returns the argument as the runtime takes it.
func (a specArg) bits() ([]uint64, error) {
	var text string
	if json.Unmarshal(a.Value, &text) == nil {
		if text == "null" {
			return []uint64{0}, nil
		}
		n, err := specNumber(text)
		if a.Type == "externref" {
			n++ // zero stands for null
		}
		return []uint64{n}, err
	}
	var lanes []string
	if err := json.Unmarshal(a.Value, &lanes); err != nil {
		return nil, err
	}
	out, width := make([]uint64, 2), 128/len(lanes)
	for k, lane := range lanes {
		n, err := specNumber(lane)
		if err != nil {
			return nil, err
		}
		at := k * width
		out[at/64] |= n & (math.MaxUint64 >> (64 - width)) << (at % 64)
	}
	return out, nil
}

func specNumber(text string) (uint64, error) {
	if strings.HasPrefix(text, "-") {
		n, err := strconv.ParseInt(text, 10, 64)
		return uint64(n), err
	}
	return strconv.ParseUint(text, 10, 64)
}

// specCount counts what the scripts had.
type specCount struct {
	// valid modules use only what a module may, foreign ones do not.
	valid, foreign, rewritten         int
	commands, equal, traps, canonical int
}

// script runs one script on plain and on rewritten modules.
func (n *specCount) script(ctx context.Context, folder, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var s specScript
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	worlds := [2]*specWorld{newSpecWorld(ctx, false), newSpecWorld(ctx, true)}
	defer worlds[0].close(ctx)
	defer worlds[1].close(ctx)
	spectest, err := os.ReadFile(filepath.Join(folder, "testdata", "spectest.wasm"))
	if err != nil {
		return err
	}
	for _, w := range worlds {
		if err := w.load(ctx, spectest, "spectest"); err != nil {
			return err
		}
	}
	for k, c := range s.Commands {
		switch c.Type {
		case "module", "assert_uninstantiable":
			as := ""
			if k+1 < len(s.Commands) && s.Commands[k+1].Type == "register" {
				as = s.Commands[k+1].As
			}
			code, err := os.ReadFile(filepath.Join(filepath.Dir(path), c.Filename))
			if err != nil {
				return err
			}
			n.module(ctx, worlds, code, c.Name, as)
		case "action", "assert_return", "assert_trap", "assert_exhaustion":
			if err := n.act(ctx, worlds, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// module loads a module into both worlds.
func (n *specCount) module(
	ctx context.Context, worlds [2]*specWorld, code []byte, name, as string,
) {
	if validate.Module(code) == nil {
		switch _, err := meter.Rewrite(code, specOptions()); {
		case err == nil:
			n.valid++
			n.rewritten++
		case errors.Is(err, meter.ErrOperator):
			n.foreign++
		default:
			n.valid++
		}
	}
	n.commands++
	plain, rewritten := worlds[0].load(ctx, code, as), worlds[1].load(ctx, code, as)
	if (plain == nil) == (rewritten == nil) {
		n.equal++
	}
	for _, w := range worlds {
		w.named[name] = w.last
	}
}

// act does the same in both worlds and compares.
func (n *specCount) act(ctx context.Context, worlds [2]*specWorld, c specCommand) error {
	var args []uint64
	for _, a := range c.Action.Args {
		b, err := a.bits()
		if err != nil {
			return err
		}
		args = append(args, b...)
	}
	n.commands++
	plain, plainTrap := worlds[0].act(ctx, c, args)
	rewritten, trap := worlds[1].act(ctx, c, args)
	if plainTrap != "" {
		n.traps++
	}
	equal := plainTrap == trap || c.Type == "assert_exhaustion" && trap != "" && plainTrap != ""
	switch {
	case !equal:
	case slices.Equal(plain, rewritten):
		n.equal++
	case slices.EqualFunc(plain, rewritten, equalButNaN):
		n.equal++
		n.canonical++
	}
	return nil
}

// equalButNaN reports whether b is a, but for NaNs that have become canonical: in an f64, or
// in either half of what may be two f32.
func equalButNaN(a, b uint64) bool {
	if a == b || math.IsNaN(math.Float64frombits(a)) && b == 0x7ff8<<48 {
		return true
	}
	half := func(a, b uint32) bool {
		return a == b || math.Float32frombits(a) != math.Float32frombits(a) && b == 0x7fc00000
	}
	return half(uint32(a), uint32(b)) && half(uint32(a>>32), uint32(b>>32))
}

// specWorld is a runtime with the modules of a script.
type specWorld struct {
	wazero.Runtime
	rewrites bool
	named    map[string]api.Module
	last     api.Module
}

func newSpecWorld(ctx context.Context, rewrites bool) *specWorld {
	return &specWorld{
		Runtime: wazero.NewRuntime(ctx), rewrites: rewrites, named: map[string]api.Module{},
	}
}

func (w *specWorld) close(ctx context.Context) { _ = w.Close(ctx) }

// specOptions leave a module's memory as it is.
func specOptions() meter.Options {
	return meter.Options{MemoryPagesMax: 1 << 16, DepthMax: meter.DepthLimit}
}

// load makes an instance of a module, rewritten if that can be.
func (w *specWorld) load(ctx context.Context, code []byte, name string) error {
	if w.rewrites {
		if w.Module(meter.ImportModule) == nil {
			_, err := w.NewHostModuleBuilder(meter.ImportModule).NewFunctionBuilder().
				WithGoModuleFunction(api.GoModuleFunc(refillAll), nil, nil).
				Export(meter.ImportRefill).Instantiate(ctx)
			if err != nil {
				return err
			}
		}
		if r, err := meter.Rewrite(code, specOptions()); err == nil {
			code = r.Code
		}
	}
	m, err := w.InstantiateWithConfig(ctx, code,
		wazero.NewModuleConfig().WithName(name).WithStartFunctions())
	if err == nil {
		w.last = m
	}
	return err
}

// refillAll grants as much gas as there can be.
func refillAll(_ context.Context, m api.Module, _ []uint64) {
	if gas, ok := m.ExportedGlobal(meter.ExportGas).(api.MutableGlobal); ok {
		gas.Set(1 << 62)
	}
}

// act calls a function or reads a global; the trap is its first line, empty for none.
func (w *specWorld) act(ctx context.Context, c specCommand, args []uint64) ([]uint64, string) {
	m := w.last
	if c.Action.Module != "" {
		m = w.named[c.Action.Module]
	}
	if m == nil {
		return nil, "no module"
	}
	if c.Action.Type == "get" {
		return []uint64{m.ExportedGlobal(c.Action.Field).Get()}, ""
	}
	f := m.ExportedFunction(c.Action.Field)
	if f == nil {
		return nil, "no function"
	}
	results, err := f.Call(ctx, args...)
	if err != nil {
		if depth, ok := m.ExportedGlobal(meter.ExportDepth).(api.MutableGlobal); ok {
			depth.Set(0) // the script goes on with the instance
		}
		line, _, _ := strings.Cut(err.Error(), "\n")
		return nil, strings.TrimSuffix(line, " (recovered by wazero)")
	}
	at := 0
	for _, t := range f.Definition().ResultTypes() {
		switch t {
		case api.ValueTypeI32, api.ValueTypeF32:
			results[at] = uint64(uint32(results[at])) // the rest is not defined
		case api.ValueTypeI64, api.ValueTypeF64, api.ValueTypeExternref:
		default: // a vector has two places
			if t == 0x7b {
				at++
			}
		}
		at++
	}
	return results, ""
}
