package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/client"
)

const setupLong = `An attestation is made under a proving setup. Whoever knows the secrets behind a setup can
forge attestations under it, so a client verifies only under setups that it was told to
trust, by their digests. What a node or a bundle says is never a reason to trust one.

Trust a ceremony that you took part in or checked, or whose digest you have from somebody
who did. A development setup was made by one machine: it is for trying things out, and is
refused even when trusted, unless --allow-development-setup is given.`

func newSetup(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use: "setup", Short: "List and choose the proving setups that you trust", Long: setupLong,
	}
	c.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List the setups that you trust", Args: cobra.NoArgs,
			RunE: g.withKeys(func(o *opened, _ []string) error { return g.listSetups(o) }),
		},
		&cobra.Command{
			Use: "show FILE", Short: "Show what a verifying key says about itself",
			Long: "Show reads a verifying key and prints its digest and kind. It trusts nothing.",
			Args: cobra.ExactArgs(1),
			RunE: func(_ *cobra.Command, args []string) error { return g.showSetup(args[0]) },
		},
		&cobra.Command{
			Use: "trust FILE | sha256:DIGEST", Short: "Trust a setup from now on",
			Long: "Trust pins a setup, by its verifying key in FILE or by its digest alone. With a digest\n" +
				"alone the key is taken from the first node, bundle or folder that has it.",
			Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.FixedCompletions(nil,
				cobra.ShellCompDirectiveDefault),
			RunE: g.withKeys(func(o *opened, args []string) error { return g.trustSetup(o, args[0]) }),
		},
		&cobra.Command{
			Use: "remove sha256:DIGEST", Short: "Trust a setup no longer",
			Args: cobra.ExactArgs(1), ValidArgsFunction: g.completeSetups,
			RunE: func(c *cobra.Command, args []string) error {
				d, err := abi.ParseDigest(args[0])
				if err != nil {
					return usageError{err}
				}
				return g.withKeys(func(o *opened, _ []string) error { return o.RemoveSetup(d) })(c, nil)
			},
		},
	)
	return c
}

func (g *globals) listSetups(o *opened) error {
	list, err := o.Setups()
	if err != nil {
		return err
	}
	if g.json {
		return g.printJSON(append([]client.Setup{}, list...))
	}
	t := newTable("setup", "kind", "size")
	for _, s := range list {
		t.row(s.Digest, cmp.Or(s.Kind, "key not here yet"), s.Size)
	}
	return t.print(g)
}

func (g *globals) showSetup(file string) error {
	key, err := readFile(file, client.SetupBytesMax)
	if err != nil {
		return err
	}
	s, err := client.ReadSetup(key)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return g.printSetup(s)
}

func (g *globals) printSetup(s client.Setup) error {
	if g.json {
		return g.printJSON(s)
	}
	if s.Kind == "" {
		return g.printf("setup %s, its key is not here yet\n", s.Digest)
	}
	return g.printf("setup %s, kind %s, vectors of %d\n", s.Digest, s.Kind, s.Size)
}

// trustSetup takes a digest for a digest and anything else for a file.
func (g *globals) trustSetup(o *opened, arg string) error {
	if strings.HasPrefix(arg, "sha256:") {
		d, err := abi.ParseDigest(arg)
		if err != nil {
			return usageError{err}
		}
		if err := o.TrustSetupDigest(d); err != nil {
			return err
		}
		return g.printSetup(client.Setup{Digest: d})
	}
	key, err := readFile(arg, client.SetupBytesMax)
	if err != nil {
		return err
	}
	s, err := o.TrustSetup(key)
	if err != nil {
		return fmt.Errorf("%s: %w", arg, err)
	}
	return g.printSetup(s)
}

// completeSetups offers the digests of the trusted setups to the shell. It makes no store
// where there is none.
func (g *globals) completeSetups(
	*cobra.Command, []string, string,
) ([]cobra.Completion, cobra.ShellCompDirective) {
	files, err := filepath.Glob(filepath.Join(g.home, "setups", "*.pin"))
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []cobra.Completion
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil {
			out = append(out, plain(strings.TrimSpace(string(text))))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
