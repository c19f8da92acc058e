package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/client"
)

const verifyLong = `Verify checks a bundle that "cerberus attestation export" wrote: that the encrypted outputs
in it are what the named module computes from the encrypted inputs under the key set, up to
the noise that the Plan states. It calls no node and decrypts nothing.

The module, its model, the key set and the inputs are found by their digests in your store,
in the bundle's own file (--full), beside it, or in the --with folder. In a folder, files are
looked at that are named by a digest in hex or end in .wasm, .model or .vk.

The setup must be one that you trust: see "cerberus setup --help".`

func newVerify(g *globals) *cobra.Command {
	var (
		with    string
		explain bool
	)
	c := &cobra.Command{
		Use: "verify BUNDLE", Short: "Verify the attestation of a result", Long: verifyLong,
		Example: "  cerberus verify answer.bundle --explain\n" +
			"  cerberus verify answer.bundle --with bin/brains",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			data, err := readFile(args[0], client.PackBytesMax)
			if err != nil {
				return err
			}
			sources := []client.Source{client.DirSource(filepath.Dir(args[0]))}
			if with != "" {
				if _, err := os.ReadDir(with); err != nil {
					return usageError{err}
				}
				sources = append(sources, client.DirSource(with))
			}
			pack, err := client.ParsePack(data)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return g.verify(c.Context(), pack, sources, explain)
		},
	}
	c.Flags().StringVar(&with, "with", "", "folder to find module, model, key set and inputs in")
	c.Flags().BoolVar(&explain, "explain", false, "print what the proof rests on")
	g.addDevelopment(c)
	return c
}

func (g *globals) verify(
	ctx context.Context, pack *client.Pack, sources []client.Source, explain bool,
) (err error) {
	o, err := g.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close(ctx)) }()
	v, err := o.Verify(ctx, pack, sources...)
	if err != nil {
		return err
	}
	o.progress.done()
	if g.json {
		return g.printJSON(v)
	}
	return g.printVerification(v, explain)
}

func (g *globals) printVerification(v *client.Verification, explain bool) error {
	whose := "not a task of yours: that somebody asked for it is not proven"
	if v.Own {
		whose = "as you asked for it"
	}
	err := g.printf("attestation: %s\n  task      %s, %s\n  client    %s\n  node      %s\n"+
		"  Brain     %s (%s)\n  arguments %s\n  Plan      %s\n  key set   %s\n",
		v.Attestation, v.Task, whose, v.Client, v.Node, plain(v.Brain), v.Module,
		argumentsText(v.Arguments), v.Plan, v.KeySet)
	if err != nil {
		return err
	}
	for _, in := range v.Inputs {
		if err := g.printf("  input     %s %s\n", plain(in.Name), in.Digest); err != nil {
			return err
		}
	}
	for _, out := range v.Outputs {
		if err := g.printf("  output    %s %s\n", plain(out.Name), out.Digest); err != nil {
			return err
		}
	}
	err = g.printf("  precision %d bits proven, %d if the node was honest\n  verified in %.1f ms\n",
		v.Attestation.ProvenBits, v.Attestation.HonestBits, v.Attestation.VerifyMS)
	if err != nil || !explain {
		return err
	}
	for _, line := range v.Explain {
		if err := g.printf("  %s\n", line); err != nil {
			return err
		}
	}
	return nil
}

// argumentsText lists public arguments in the order of their names.
func argumentsText(args map[string]string) string {
	if len(args) == 0 {
		return "none"
	}
	parts := make([]string, 0, len(args))
	for _, name := range slices.Sorted(maps.Keys(args)) {
		parts = append(parts, plain(name)+"="+plain(args[name]))
	}
	return strings.Join(parts, ", ")
}

const exportLong = `Export fetches the attestation of a task that is done and proven, and writes it to a file
for "cerberus verify". What that needs beside the bundle is kept in your store: with --full
it is in the file too, so that the file can be verified anywhere, with no node.`

func newAttestation(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use: "attestation", Short: "Get the attestations of your tasks", Args: cobra.NoArgs,
	}
	var (
		out  string
		full bool
	)
	export := &cobra.Command{
		Use: "export TASK -o FILE", Short: "Write the attestation of a task to a file",
		Long: exportLong, Args: cobra.ExactArgs(1),
	}
	export.RunE = func(c *cobra.Command, args []string) error {
		if out == "" {
			return usagef("give the file to write to, with -o FILE")
		}
		return g.withTask(func(ctx context.Context, o *opened, id abi.TaskID) error {
			return g.exportAttestation(ctx, o, id, out, full)
		})(c, args)
	}
	g.addWait(export)
	export.Flags().StringVarP(&out, "out", "o", "", "file to write to; it must not be there yet")
	export.Flags().BoolVar(&full, "full", false,
		"put module, model, key set, inputs and verifying key into the file too")
	c.AddCommand(export)
	return c
}

// exported is what `attestation export --json` prints.
type exported struct {
	Task  string `json:"task"`
	File  string `json:"file"`
	Bytes int    `json:"bytes"`
	// Blobs counts what is in the file beside the bundle.
	Blobs int `json:"blobs"`
}

func (g *globals) exportAttestation(
	ctx context.Context, o *opened, id abi.TaskID, out string, full bool,
) error {
	pack, err := o.Export(ctx, id, full)
	if err != nil {
		return err
	}
	data, err := pack.Encode()
	if err != nil {
		return err
	}
	if err := writeNew(out, data); err != nil {
		return err
	}
	o.progress.done()
	e := exported{Task: id.String(), File: out, Bytes: len(data), Blobs: pack.Len()}
	if g.json {
		return g.printJSON(e)
	}
	return g.printf("%s  %s, the bundle and %d blobs\n", e.File, kilobytes(int64(e.Bytes)), e.Blobs)
}

// writeNew writes a file that is not there yet, whole or not at all.
func writeNew(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // no secret
	if err != nil {
		return usageError{err}
	}
	_, werr := f.Write(data)
	if err := errors.Join(werr, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, errors.Join(err, os.Remove(name)))
	}
	return nil
}
