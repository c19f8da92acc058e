package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

// streams are the three standard streams, so that tests can stand in for them.
type streams struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// globals are the flags that every client command has.
type globals struct {
	streams
	node  string
	home  string
	json  bool
	quiet bool
	wait  time.Duration
	// development allows attestations under development setups.
	development bool
}

const rootLong = `Cerberus runs WebAssembly plugins ("Brains") on encrypted data: the client encrypts, a
node computes without seeing anything, the client decrypts.

  cerberus dev                                  start a node with the shipped Brains
  cerberus ask sentiment "a joy from start to end"
  cerberus ask medical @patient.json

Where the cluster proves its results, ask verifies the proof before it decrypts, under a
setup that you chose to trust: see "cerberus setup --help". Elsewhere the node is trusted to
compute what it was asked to, and with nothing else; ask says which of the two it was.

Exit codes: 0 answer, 1 failure, 2 usage, 3 refused, 4 verification failed, 5 unreachable.`

func newRoot(s streams) *cobra.Command {
	g := &globals{streams: s}
	root := &cobra.Command{
		Use:           "cerberus",
		Short:         "Run WebAssembly plugins on encrypted data",
		Long:          rootLong,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := root.PersistentFlags()
	flags.StringVar(&g.node, "node", envOr("CERBERUS_NODE", defaultNode),
		"address of a node (environment: CERBERUS_NODE)")
	flags.StringVar(&g.home, "home", envOr("CERBERUS_HOME", defaultHome()),
		"folder of keys, pins and caches (environment: CERBERUS_HOME)")
	flags.BoolVar(&g.json, "json", false, "print JSON for scripts")
	flags.BoolVarP(&g.quiet, "quiet", "q", false, "no progress and no notices on stderr")
	root.AddCommand(
		newAsk(g), newEval(g), newVerify(g), newAttestation(g), newSetup(g), newCeremony(g), newBrain(g),
		newBrains(g), newTasks(g), newKeys(g), newStatus(g), newDoctor(g), newRole(g), newNode(g),
		newDev(g), newBench(g), newVersion(g), newSandboxCompile(g),
	)
	for _, c := range root.Commands() {
		usageArgs(c)
	}
	groupHelp(root)
	return root
}

// groupHelp makes commands that only hold others show their help, and refuse what is none
// of the others: cobra would show the help and call it success.
func groupHelp(c *cobra.Command) {
	for _, sub := range c.Commands() {
		groupHelp(sub)
	}
	if c.Runnable() {
		return
	}
	c.Args = cobra.ArbitraryArgs
	c.SuggestionsMinimumDistance = 2 // letters between what was typed and what is suggested
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		hint := ""
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			hint = fmt.Sprintf("; did you mean %q?", near[0])
		}
		return usagef("%.40q is no command of `%s`, see `%s --help`%s", args[0], c.CommandPath(),
			c.CommandPath(), hint)
	}
}

// usageArgs makes errors about arguments usage errors, so that they exit with 2.
func usageArgs(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usagef("%w; see `%s --help`", err, c.CommandPath())
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		usageArgs(sub)
	}
}

func envOr(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// defaultHome is the user's own folder for cerberus.
func defaultHome() string {
	dir, err := os.UserConfigDir()
	if err != nil {
		return ".cerberus"
	}
	return filepath.Join(dir, "cerberus")
}

// addWait adds the flag of the commands that wait for a node.
func (g *globals) addWait(c *cobra.Command) {
	c.Flags().DurationVar(&g.wait, "wait", time.Minute,
		"how long to wait until the node is ready; 0 means not at all")
}

// addDevelopment adds the flag of the commands that verify attestations.
func (g *globals) addDevelopment(c *cobra.Command) {
	c.Flags().BoolVar(&g.development, "allow-development-setup", false,
		"accept attestations under a development setup, whose maker can forge them")
}

func (g *globals) printf(format string, args ...any) error {
	if _, err := fmt.Fprintf(g.out, format, args...); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}
