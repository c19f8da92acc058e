package main

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/cerberus-host/cerberus/client"
)

func newEval(g *globals) *cobra.Command {
	var (
		opts   client.OpenOptions
		data   string
		limit  int
		attest attestFlag
	)
	c := &cobra.Command{
		Use:   "eval BRAIN --data ROWS.jsonl",
		Short: "Compare encrypted and plain answers over many rows",
		Long: "Eval asks the Brain every row, encrypted and by the clear twin of the registered\n" +
			"Program, and prints accuracies, their agreement and percentiles of each phase.\n" +
			"A row is {\"request\": …, \"label\": \"…\"}.",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: g.completeBrains,
		RunE: func(c *cobra.Command, args []string) (err error) {
			if data == "" || limit < 0 {
				return usagef("give --data FILE, and a --limit of 0 or more")
			}
			if opts.Attest, err = attest.mode(); err != nil {
				return err
			}
			rows, err := os.Open(data)
			if err != nil {
				return usagef("open rows: %w", err)
			}
			defer func() { err = errors.Join(err, rows.Close()) }()
			o, err := g.openReady(c.Context())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, o.close(c.Context())) }()
			brain, err := o.Open(c.Context(), args[0], opts)
			if err != nil {
				return err
			}
			if err := g.showPublicFields(o, brain); err != nil {
				return err
			}
			report, err := brain.Eval(c.Context(), rows, limit, func(done int) {
				o.progress.event(client.Event{Phase: fmt.Sprintf("row %d", done)})
			})
			if err != nil {
				return err
			}
			o.progress.done()
			if g.json {
				return g.printJSON(report)
			}
			return g.printReport(report)
		},
	}
	g.addWait(c)
	c.Flags().StringVar(&data, "data", "", "file of rows, one JSON object a line")
	c.Flags().IntVar(&limit, "limit", 0, "ask at most this many rows; 0 means all")
	c.Flags().BoolVar(&opts.AcceptNew, "accept-new", false,
		"accept a module or cluster that differs from the one of first use")
	c.Flags().StringVar(&opts.Key, "key", client.DefaultKey, "name of the secret key to use")
	attest.add(c, string(client.AttestNone), "")
	g.addDevelopment(c)
	return c
}

// showPublicFields tells, before anything is sent, what of every row will leave the machine
// in clear.
func (g *globals) showPublicFields(o *opened, brain *client.Brain) error {
	if g.quiet {
		return nil
	}
	var names []string
	for _, f := range brain.Manifest().PublicFields() {
		names = append(names, f.Name)
	}
	o.progress.done()
	return g.notice(names)
}

func (g *globals) printReport(r *client.EvalReport) error {
	err := g.printf("rows                %d\naccuracy plain      %.2f %%\naccuracy encrypted  %.2f %%\n"+
		"agreement           %.2f %%\nupload, at most     %s\n%-10s %10s %10s\n",
		r.Rows, 100*r.AccuracyPlain, 100*r.AccuracyEncrypted, 100*r.Agreement,
		kilobytes(r.UploadBytesMax), "ms", "p50", "p95")
	if err != nil {
		return err
	}
	phases := make([]string, 0, len(r.Timings))
	for p := range r.Timings {
		phases = append(phases, p)
	}
	slices.Sort(phases)
	for _, p := range phases {
		if err := g.printf("%-10s %10.2f %10.2f\n", p, r.Timings[p].P50, r.Timings[p].P95); err != nil {
			return err
		}
	}
	return nil
}
