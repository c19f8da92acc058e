package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
)

// completeWait bounds the call that shell completion makes.
const completeWait = 2 * time.Second

func newBrains(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "brains",
		Short: "List the Brains of the cluster",
		Args:  cobra.NoArgs,
		RunE:  g.listBrains(),
	}
	g.addWait(c)
	return c
}

func newBrainList(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List the Brains of the cluster with all versions",
		Args:  cobra.NoArgs,
		RunE:  g.listBrains(),
	}
	g.addWait(c)
	return c
}

// brainRow is one module version in the listing.
type brainRow struct {
	Brain   uint32 `json:"brain"`
	Name    string `json:"name"`
	Version string `json:"version"`
	Module  string `json:"module"`
	State   string `json:"state"`
	Params  string `json:"params"`
	Plans   int    `json:"plans"`
}

func (g *globals) listBrains() func(*cobra.Command, []string) error {
	return g.withClient(func(ctx context.Context, o *opened, _ []string) error {
		brains, err := o.Brains(ctx)
		if err != nil {
			return err
		}
		rows := []brainRow{}
		for _, b := range brains {
			for _, v := range b.GetVersions() {
				rows = append(rows, brainRow{
					Brain: b.GetNumber(), Name: b.GetName(), Version: v.GetVersion(),
					Module: digestText(v.GetModuleDigest()), State: moduleState(v.GetState()),
					Params: v.GetParams(), Plans: len(v.GetPlans()),
				})
			}
		}
		o.progress.done()
		if g.json {
			return g.printJSON(rows)
		}
		t := newTable("brain", "name", "version", "state", "params", "module")
		for _, r := range rows {
			t.row(r.Brain, r.Name, r.Version, r.State, r.Params, r.Module)
		}
		return t.print(g)
	})
}

func moduleState(s cerberusv1.ModuleState) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "MODULE_STATE_"))
}

// completeBrains offers the names of the Brains to the shell.
func (g *globals) completeBrains(
	c *cobra.Command, args []string, _ string,
) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	ctx, stop := context.WithTimeout(c.Context(), completeWait)
	defer stop()
	o, err := g.open(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	brains, err := o.Brains(ctx)
	if errors.Join(err, o.close(ctx)) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []cobra.Completion
	for _, b := range brains {
		if len(b.GetActiveModule()) > 0 {
			names = append(names, plain(b.GetName()))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
