package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/internal/kit"
	"github.com/cerberus-host/cerberus/proofs/identity"
)

const checkLong = `Check does with a module file what a node does when the module is registered, and says in
words what would be refused and why: every reason that can be found, with the limit, the
value, the byte of the file and what to do about it. Of a module that passes it says what its
Plans need: keys, memory of client and node, cost, precision, and whether checking a proof is
cheaper than computing again. No node and no network is needed.

The model, if the manifest names one, lies beside the module as NAME.model. A sample request
shows what the entry points do; without --request one is made up that fits the manifest.

The exit code is 0 if a registration would pass, and 2 if it would be refused.`

func newBrainCheck(g *globals) *cobra.Command {
	var model, request string
	c := &cobra.Command{
		Use:   "check FILE.wasm",
		Short: "Say what a registration would refuse, and what the Brain needs",
		Long:  checkLong,
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o := kit.CheckOptions{
				Module: args[0], Model: model, Compiler: compilerCommand(), Advise: adviseAttestation,
			}
			if request != "" {
				var err error
				if o.Request, err = readRequest(g.in, []string{request}); err != nil {
					return err
				}
			}
			report, err := kit.Check(c.Context(), o)
			if err != nil {
				return fmt.Errorf("check module: %w", err)
			}
			if err := g.printCheck(report); err != nil {
				return err
			}
			if report.Refused {
				return usagef("%s would be refused with %s", args[0], report.Reasons[0].Reason)
			}
			return nil
		},
	}
	c.Flags().StringVar(&model, "model", "", "model blob (default: beside the module)")
	c.Flags().StringVar(&request, "request", "", "sample request, as for ask: JSON, @FILE or -")
	return c
}

func (g *globals) printCheck(report *kit.CheckReport) error {
	if g.json {
		return g.printJSON(report)
	}
	return g.printf("%s", report.Text())
}

// adviseAttestation compares the ways to check a result of a Plan, under a setup of the size
// that `cerberus dev` makes.
func adviseAttestation(plan *fhe.Plan) (kit.Attestation, error) {
	a, err := identity.Advise(plan, setupSize)
	if errors.Is(err, identity.ErrBound) {
		return kit.Attestation{Advice: "cannot be proven: " + err.Error()}, nil
	}
	if err != nil {
		return kit.Attestation{}, err
	}
	return kit.Attestation{
		Advice: a.Word(), VerifyUS: a.Verify, VerifyCommittedUS: a.VerifyCommitted, RerunUS: a.Rerun,
	}, nil
}
