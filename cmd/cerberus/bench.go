package main

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cerberus-host/cerberus/internal/bench"
)

const benchLong = `Measure this machine and print a table, or JSON with --json: figure, value, unit, what
the project asks of itself, and what the same run measured for comparison.

  cerberus bench fhe
  cerberus bench --record docs/benchmarks

Without an area every one is measured, which takes several minutes. Standard error tells each
figure as it is measured; what was measured before a failure is printed, but not recorded.

Area proofs compares with the usual way to prove a key switch, one circuit with a range check
for every coefficient, in a small ring; with --baseline in the ring of the Brains, whose setup
alone takes minutes and some gigabytes. It also verifies under js/wasm, with node, where there
are node, a go command and this program's source.`

func newBench(g *globals) *cobra.Command {
	var o bench.Options
	c := &cobra.Command{
		Use:       "bench [" + strings.Join(bench.Areas(), "|") + "]...",
		Short:     "Measure this machine",
		Long:      benchLong,
		ValidArgs: bench.Areas(),
		RunE: func(c *cobra.Command, args []string) error {
			o.Areas, o.JSON, o.Out, o.Now = args, g.json, g.out, time.Now
			o.Compiler = compilerCommand()
			o.Log = io.Discard
			if !g.quiet {
				o.Log = g.err
			}
			err := bench.Run(c.Context(), o)
			if errors.Is(err, bench.ErrArea) {
				return usageError{err}
			}
			return err
		},
	}
	flags := c.Flags()
	flags.StringVar(&o.Brains, "brains", defaultBrains(), "folder of built Brains")
	flags.StringVar(&o.Record, "record", "", "write the figures to AREA.json in this folder")
	flags.StringVar(&o.Profile, "cpuprofile", "", "write a profile of the processor to this file")
	flags.BoolVar(&o.Baseline, "baseline", false,
		"area proofs: the range-check circuit in the ring of the Brains")
	flags.IntVar(&o.Asks, "asks", 50, "questions of each kind in area node")
	return c
}
