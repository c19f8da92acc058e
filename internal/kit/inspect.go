package kit

import (
	"fmt"
	"os"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/admit"
)

// Facts are what a module file says about itself and what admission counted.
type Facts struct {
	Module   abi.Digest    `json:"module"`
	Manifest *abi.Manifest `json:"manifest"`
	Counts   admit.Facts   `json:"counts"`
}

// Inspect reads and admits a module file. Nothing of the module is run.
func Inspect(path string) (*Facts, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read module: %w", err)
	}
	if info.Size() > abi.ModuleBytesMax {
		return nil, fmt.Errorf("%w: %s has %d bytes, more than %d", abi.ErrModule, path,
			info.Size(), abi.ModuleBytesMax)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read module: %w", err)
	}
	m, err := admit.Admit(file)
	if err != nil {
		return nil, err
	}
	return &Facts{Module: m.Digest, Manifest: m.Manifest, Counts: m.Facts}, nil
}

// Text renders the facts for a terminal.
func (f *Facts) Text() string {
	var b strings.Builder
	m := f.Manifest
	line := func(label, format string, args ...any) {
		fmt.Fprintf(&b, "%-14s %s\n", label, fmt.Sprintf(format, args...))
	}
	line("module", "%s", f.Module)
	line("name", "%s %s (%s, %s)", m.Name, m.Version, m.Task, m.ABI)
	line("parameters", "%s, tolerance 2^-%d of the bound", m.Params, m.ToleranceBits)
	for _, x := range m.Request {
		line("request", "%s", describeField(x))
	}
	for _, in := range m.Inputs {
		line("input", "%s: %d %s within ±%d%s", in.Name, in.Length, in.Packing, in.Bound,
			describeWhen(in.When))
	}
	for _, o := range m.Outputs {
		line("output", "%s: %d within ±%d%s", o.Name, o.Length, o.Bound, describeWhen(o.When))
	}
	if m.Model != nil {
		line("model", "%s, %d bytes, %d tensors", m.Model.Digest, m.Model.Bytes,
			len(m.Model.Tensors))
	}
	line("labels", "%s", strings.Join(m.Answer.Labels, ", "))
	line("intended use", "%s", m.IntendedUse)
	if m.LimitsOfUse != "" {
		line("limits of use", "%s", m.LimitsOfUse)
	}
	line("code", "%d bytes, %d functions, %d imports, %d pages of memory at the start",
		f.Counts.Bytes, f.Counts.Functions, f.Counts.Imports, f.Counts.MemoryPagesMin)
	line("host calls", "%s", strings.Join(f.Counts.HostFunctions, ", "))
	return b.String()
}

func describeField(f abi.Field) string {
	text := fmt.Sprintf("%s: %s", f.Name, f.Type)
	switch f.Type {
	case abi.FieldText:
		text += fmt.Sprintf(" of at most %d bytes", f.MaxBytes)
	case abi.FieldEnum:
		text += " of " + strings.Join(f.Values, ", ")
	case abi.FieldNumber, abi.FieldNumbers:
	}
	if f.Optional {
		text += ", optional"
	}
	if f.Public {
		text += ", PUBLIC: it leaves the client's machine in clear"
	}
	return text
}

// describeWhen names the public arguments that an input or output belongs to.
func describeWhen(when map[string]string) string {
	var list []abi.Arg
	for name, value := range when {
		list = append(list, abi.Arg{Name: name, Value: value})
	}
	args, err := abi.NewArgs(list)
	if err != nil || len(args) == 0 {
		return ""
	}
	return " when " + args.String()
}
