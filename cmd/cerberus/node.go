package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/host"
	"github.com/cerberus-host/cerberus/host/config"
	"github.com/cerberus-host/cerberus/host/telemetry"
	"github.com/cerberus-host/cerberus/proofs/opening"
)

const nodeLong = `Node runs one node of a cluster; in this version a cluster has one. It serves Connect RPC,
health, metrics and the Brains that authors register. With a proving setup (--setup-dir) it
proves the results of tasks whose clients ask for it; a ceremony makes one, see "cerberus
ceremony --help".

Settings come from a file (--config), the environment (CERBERUS_…) and flags, each
overruling the one before. The node listens on the loopback interface only, unless admins
are configured.`

// nodeFlags are the flags of the commands that run a node.
type nodeFlags struct {
	file   string
	values map[string]*string
}

// addNodeFlags adds a flag for every setting of the configuration's table.
func addNodeFlags(c *cobra.Command) *nodeFlags {
	f := &nodeFlags{values: make(map[string]*string)}
	c.Flags().StringVar(&f.file, "config", "", "settings file, one JSON object")
	for _, s := range config.Settings() {
		help := fmt.Sprintf("%s (environment: %s", s.Help, s.Env())
		if s.Default != "" {
			help += "; default " + s.Default
		}
		f.values[s.Key] = c.Flags().String(s.Flag(), "", help+")")
	}
	return f
}

// given reports whether a setting was given as a flag, be it empty.
func (f *nodeFlags) given(c *cobra.Command, key string) bool {
	for _, s := range config.Settings() {
		if s.Key == key {
			return c.Flags().Changed(s.Flag())
		}
	}
	return false
}

// load merges file, environment and those flags that were given.
func (f *nodeFlags) load(c *cobra.Command, overrule map[string]string) (config.Config, error) {
	given := make(map[string]string)
	for _, s := range config.Settings() {
		if c.Flags().Changed(s.Flag()) {
			given[s.Key] = *f.values[s.Key]
		}
	}
	for key, value := range overrule {
		if _, ok := given[key]; !ok {
			given[key] = value
		}
	}
	cfg, err := config.Load(config.Sources{File: f.file, Env: os.LookupEnv, Flags: given})
	if err != nil {
		return config.Config{}, usageError{err}
	}
	return cfg, nil
}

func newNode(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "node --data-dir DIR",
		Short: "Run a node",
		Long:  nodeLong,
		Args:  cobra.NoArgs,
	}
	flags := addNodeFlags(c)
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		cfg, err := flags.load(c, nil)
		if err != nil {
			return err
		}
		setup, err := loadSetup(cfg.SetupDir)
		if err != nil {
			return err
		}
		n, err := g.startNode(c.Context(), cfg, setup)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, closeNode(n)) }()
		if err := g.announceNode(n, cfg.DataDir); err != nil {
			return err
		}
		return waitNode(c.Context(), n)
	}
	return c
}

// announceNode tells that the node is ready: people in words, scripts in one JSON object.
func (g *globals) announceNode(n *host.Node, dataDir string) error {
	url := "http://" + n.Addr().String()
	if g.json {
		return g.printJSON(map[string]string{
			"node": url, "address": n.Address().String(), "data_dir": dataDir,
		})
	}
	return g.printf("node %s listens on %s\n", n.Address(), url)
}

// loadSetup reads the setup in a folder; no folder means no setup.
func loadSetup(folder string) (*opening.Setup, error) {
	if folder == "" {
		return nil, nil //nolint:nilnil // a node without a setup is a node
	}
	setup, err := opening.Load(folder)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; name the folder that a ceremony wrote, or leave out "+
			"--setup-dir", folder, err)
	}
	return setup, nil
}

// startNode opens and starts a node with the reference engine, which proves if setup is not
// nil, and waits until it takes tasks.
func (g *globals) startNode(
	ctx context.Context, cfg config.Config, setup *opening.Setup,
) (*host.Node, error) {
	log, err := telemetry.NewLogger(g.err, cfg.LogFormat, cfg.LogLevel)
	if err != nil {
		return nil, usageError{err}
	}
	n, err := host.Open(ctx, host.Options{
		Config: cfg, Engine: lattigo.New(), Now: time.Now, Log: log, Version: version,
		Setup: setup, Compiler: compilerCommand(),
	})
	if err != nil {
		return nil, fmt.Errorf("open node: %w", err)
	}
	err = n.Start(ctx)
	if err == nil {
		err = n.WaitReady(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start node: %w", err), closeNode(n))
	}
	return n, nil
}

// waitNode returns when the user stops the node, or with the error that stopped it.
func waitNode(ctx context.Context, n *host.Node) error {
	if err := n.Wait(ctx); err != nil {
		return fmt.Errorf("node stopped: %w", err)
	}
	return nil
}

func closeNode(n *host.Node) error {
	if err := n.Close(); err != nil {
		return fmt.Errorf("close node: %w", err)
	}
	return nil
}
