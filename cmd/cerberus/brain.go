package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/internal/kit"
)

func newBrain(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "brain",
		Short: "Build, inspect, register and switch Brains (authors and operators)",
		Args:  cobra.NoArgs,
	}
	c.AddCommand(newBrainBuild(g), newBrainInspect(g), newBrainCheck(g), newBrainRegister(g),
		newBrainActivate(g), newBrainRetire(g), newBrainList(g))
	return c
}

func newBrainBuild(g *globals) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "build DIR",
		Short: "Compile a Brain's folder into NAME.wasm and NAME.model, reproducibly",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			built, err := kit.Build(c.Context(), kit.BuildOptions{
				Dir: args[0], Out: out, Compiler: compilerCommand(),
			})
			if err != nil {
				return fmt.Errorf("build Brain: %w", err)
			}
			if g.json {
				return g.printJSON(built)
			}
			return g.printf("%s\n  module %s  %d bytes\n", built.ModulePath, built.Module,
				built.ModuleBytes)
		},
	}
	c.Flags().StringVarP(&out, "out", "o", ".", "folder to write to")
	return c
}

func newBrainInspect(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "inspect FILE.wasm",
		Short: "Show what a module says about itself",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			facts, err := kit.Inspect(args[0])
			if err != nil {
				return fmt.Errorf("inspect module: %w", err)
			}
			if g.json {
				return g.printJSON(facts)
			}
			return g.printf("%s", facts.Text())
		},
	}
}

func newBrainRegister(g *globals) *cobra.Command {
	var (
		number   int
		model    string
		activate bool
	)
	c := &cobra.Command{
		Use:   "register MODULE.wasm --brain N",
		Short: "Register a module version in a Brain's slot",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			id, err := brainNumber(number)
			if err != nil {
				return err
			}
			module, modelBytes, err := readModule(args[0], model)
			if err != nil {
				return err
			}
			return g.withClient(func(ctx context.Context, o *opened, _ []string) error {
				return g.register(ctx, o, id, module, modelBytes, activate)
			})(c, nil)
		},
	}
	g.addWait(c)
	c.Flags().IntVar(&number, "brain", 0, "slot number, 1 to 1024")
	c.Flags().StringVar(&model, "model", "", "model blob (default: beside the module)")
	c.Flags().BoolVar(&activate, "activate", false, "activate the version at once")
	return c
}

func (g *globals) register(
	ctx context.Context, o *opened, id abi.BrainID, module, model []byte, activate bool,
) error {
	v, err := o.Register(ctx, id, module, model)
	if err != nil {
		return err
	}
	digest := abi.SumDigest(module)
	if activate {
		if err := o.Activate(ctx, id, digest); err != nil {
			return err
		}
	}
	o.progress.done()
	if g.json {
		return g.printJSON(registration{
			Brain: id, Module: digest, Plans: len(v.GetPlans()), Active: activate,
		})
	}
	state := ""
	if activate {
		state = ", active"
	}
	return g.printf("Brain %d: registered %s with %d plans%s\n", id, digest, len(v.GetPlans()),
		state)
}

// registration is what `brain register --json` prints.
type registration struct {
	Brain  abi.BrainID `json:"brain"`
	Module abi.Digest  `json:"module"`
	Plans  int         `json:"plans"`
	Active bool        `json:"active"`
}

func newBrainActivate(g *globals) *cobra.Command {
	var number int
	c := &cobra.Command{
		Use:   "activate sha256:DIGEST --brain N",
		Short: "Make a registered version the one that new tasks run",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			id, err := brainNumber(number)
			if err != nil {
				return err
			}
			digest, err := abi.ParseDigest(args[0])
			if err != nil {
				return usageError{err}
			}
			return g.withClient(func(ctx context.Context, o *opened, _ []string) error {
				return o.Activate(ctx, id, digest)
			})(c, nil)
		},
	}
	g.addWait(c)
	c.Flags().IntVar(&number, "brain", 0, "slot number, 1 to 1024")
	return c
}

func newBrainRetire(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "retire N",
		Short: "Take a Brain out of service; running tasks end first",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			n, err := strconv.Atoi(args[0])
			if err != nil {
				return usagef("%.20q is no slot number", args[0])
			}
			id, err := brainNumber(n)
			if err != nil {
				return err
			}
			return g.withClient(func(ctx context.Context, o *opened, _ []string) error {
				return o.Retire(ctx, id)
			})(c, nil)
		},
	}
	g.addWait(c)
	return c
}

func brainNumber(n int) (abi.BrainID, error) {
	if n < 1 || n > abi.BrainsMax {
		return 0, usagef("give a slot number from 1 to %d, not %d", abi.BrainsMax, n)
	}
	return abi.BrainID(n), nil
}

// readModule reads a built module and its model, which by default lies beside it.
func readModule(file, modelFile string) (module, model []byte, err error) {
	module, err = readFile(file, abi.ModuleBytesMax)
	if err != nil {
		return nil, nil, err
	}
	m, err := abi.ModuleManifest(module)
	if err != nil {
		return nil, nil, usageError{err}
	}
	if m.Model == nil {
		return module, nil, nil
	}
	if modelFile == "" {
		modelFile = strings.TrimSuffix(file, ".wasm") + ".model"
	}
	model, err = readFile(modelFile, abi.ModelBytesMax)
	return module, model, err
}

func readFile(name string, limit int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, usageError{err}
	}
	if info.Size() > limit {
		return nil, usagef("%s has %d bytes, more than %d", name, info.Size(), limit)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, usageError{err}
	}
	return b, nil
}

// withClient makes a command's body that has an open client of a ready node.
func (g *globals) withClient(
	body func(ctx context.Context, o *opened, args []string) error,
) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) (err error) {
		o, err := g.openReady(c.Context())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, o.close(c.Context())) }()
		return body(c.Context(), o, args)
	}
}
