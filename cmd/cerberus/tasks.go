package main

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/client"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
)

// taskRow is one task in the listing. Digests and sizes are all that a node knows of it.
type taskRow struct {
	ID        string            `json:"id"`
	Brain     string            `json:"brain"`
	Module    string            `json:"module"`
	State     string            `json:"state"`
	Public    map[string]string `json:"public_arguments"`
	Inputs    []blobRow         `json:"inputs"`
	Outputs   []blobRow         `json:"outputs"`
	Engine    string            `json:"engine"`
	Gas       uint64            `json:"gas"`
	Submitted string            `json:"submitted"`
	ExecuteMS float64           `json:"execute_ms"`
	Failure   string            `json:"failure,omitempty"`
	// Attestation is what the cluster has, which a client verifies itself.
	Attestation proofRow `json:"attestation"`
}

// proofRow is the attestation of a task in the listing.
type proofRow struct {
	// State is none, pending, proved, settled, rejected or failed.
	State    string       `json:"state"`
	Setup    string       `json:"setup,omitempty"`
	Bundle   string       `json:"bundle,omitempty"`
	Bytes    int64        `json:"bytes,omitempty"`
	ProveMS  float64      `json:"prove_ms,omitempty"`
	Failure  string       `json:"failure,omitempty"`
	Verdicts []verdictRow `json:"verdicts,omitempty"`
}

// verdictRow is what one validator thinks of a proof.
type verdictRow struct {
	Validator string `json:"validator"`
	Accepted  bool   `json:"accepted"`
	Reason    string `json:"reason,omitempty"`
}

type blobRow struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
	Bytes  int64  `json:"bytes"`
}

func newTasks(g *globals) *cobra.Command {
	var (
		all   bool
		limit int
	)
	c := &cobra.Command{
		Use:   "tasks",
		Short: "List your tasks, newest first",
		Args:  cobra.NoArgs,
		RunE: g.withClient(func(ctx context.Context, o *opened, _ []string) error {
			tasks, err := o.Tasks(ctx, all, limit)
			if err != nil {
				return err
			}
			o.progress.done()
			rows := make([]taskRow, 0, len(tasks))
			for _, t := range tasks {
				rows = append(rows, newTaskRow(t))
			}
			if g.json {
				return g.printJSON(rows)
			}
			t := newTable("task", "brain", "state", "attestation", "execute ms", "submitted")
			for _, r := range rows {
				t.row(r.ID, r.Brain, r.State, r.Attestation.State, r.ExecuteMS, r.Submitted)
			}
			return t.print(g)
		}),
	}
	g.addWait(c)
	list := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if limit < 1 || limit > client.TasksListedMax {
			return usagef("give a --limit from 1 to %d", client.TasksListedMax)
		}
		return list(c, args)
	}
	c.Flags().BoolVar(&all, "all", false, "list everybody's tasks (admins)")
	c.Flags().IntVar(&limit, "limit", 100, "list at most this many")
	c.AddCommand(newTaskShow(g), newTaskCancel(g))
	return c
}

func newTaskShow(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "show TASK",
		Short: "Show what the node knows of a task",
		Args:  cobra.ExactArgs(1),
		RunE: g.withTask(func(ctx context.Context, o *opened, id abi.TaskID) error {
			t, err := o.Task(ctx, id)
			if err != nil {
				return err
			}
			o.progress.done()
			return g.printJSON(newTaskRow(t))
		}),
	}
	g.addWait(c)
	return c
}

func newTaskCancel(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "cancel TASK",
		Short: "Cancel a task of yours that has not ended",
		Args:  cobra.ExactArgs(1),
		RunE: g.withTask(func(ctx context.Context, o *opened, id abi.TaskID) error {
			return o.Cancel(ctx, id)
		}),
	}
	g.addWait(c)
	return c
}

// withTask makes the body of a command about one task. The id is looked at before a node is.
func (g *globals) withTask(
	body func(ctx context.Context, o *opened, id abi.TaskID) error,
) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		id, err := abi.ParseTaskID(args[0])
		if err != nil {
			return usageError{err}
		}
		return g.withClient(func(ctx context.Context, o *opened, _ []string) error {
			return body(ctx, o, id)
		})(c, nil)
	}
}

func newTaskRow(t *cerberusv1.Task) taskRow {
	r := taskRow{
		ID: hex.EncodeToString(t.GetId()), Brain: t.GetBrainName(),
		Module: digestText(t.GetModuleDigest()), Engine: t.GetEngine(),
		State:  strings.ToLower(strings.TrimPrefix(t.GetState().String(), "TASK_STATE_")),
		Public: map[string]string{}, Inputs: blobRows(t.GetInputs()),
		Outputs:   blobRows(t.GetOutputs()),
		Submitted: time.UnixMilli(t.GetSubmittedMs()).UTC().Format(time.RFC3339),
		Gas:       t.GetGas(),
		ExecuteMS: float64(t.GetTimings().GetExecuteUs()) / 1000,
		Failure:   t.GetFailureMessage(), Attestation: newProofRow(t.GetAttestation()),
	}
	for _, a := range t.GetArguments() {
		r.Public[a.GetName()] = a.GetValue()
	}
	return r
}

func newProofRow(a *cerberusv1.Attestation) proofRow {
	r := proofRow{
		State: client.AttestationWord(a.GetState()), Bytes: a.GetBundleBytes(),
		ProveMS: float64(a.GetProveUs()) / 1000, Failure: a.GetFailureMessage(),
	}
	if d := a.GetSetup().GetDigest(); len(d) > 0 {
		r.Setup = digestText(d)
	}
	if d := a.GetBundleDigest(); len(d) > 0 {
		r.Bundle = digestText(d)
	}
	for _, v := range a.GetVerdicts() {
		r.Verdicts = append(r.Verdicts, verdictRow{
			"0x" + hex.EncodeToString(v.GetValidator()), v.GetAccepted(), v.GetReason(),
		})
	}
	return r
}

func blobRows(blobs []*cerberusv1.NamedBlob) []blobRow {
	rows := make([]blobRow, 0, len(blobs))
	for _, b := range blobs {
		rows = append(rows, blobRow{b.GetName(), digestText(b.GetDigest()), b.GetBytes()})
	}
	return rows
}
