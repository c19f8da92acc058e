package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/client"
	"github.com/cerberus-host/cerberus/host"
	"github.com/cerberus-host/cerberus/host/config"
	"github.com/cerberus-host/cerberus/host/identity"
	"github.com/cerberus-host/cerberus/host/runtime"
	"github.com/cerberus-host/cerberus/proofs/opening"
)

const devLong = `Dev runs a node for trying things out: it registers and activates every Brain that it finds
in the --brains folder, through the calls that an author makes. Without --data-dir its data
go to a folder that is removed at the end.

It proves its results under a development setup, which the first start makes, in some
seconds, and keeps under --home. Whoever made such a setup can forge attestations, so clients
refuse them unless --allow-development-setup is given. With --setup-dir it takes the setup in
that folder, and with an empty one (--setup-dir=) it proves nothing.`

// setupSize is the size of the setup that the shipped Brains are proven under.
const setupSize = 8192

// devBrain is one Brain that dev registered.
type devBrain struct {
	Number abi.BrainID `json:"number"`
	Name   string      `json:"name"`
	Module abi.Digest  `json:"module"`
}

func newDev(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "dev",
		Short: "Run a node with the shipped Brains, for trying things out",
		Long:  devLong,
		Args:  cobra.NoArgs,
	}
	var brains string
	c.Flags().StringVar(&brains, "brains", defaultBrains(), "folder of built Brains")
	flags := addNodeFlags(c)
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		scratch, err := os.MkdirTemp("", "cerberus-dev-")
		if err != nil {
			return fmt.Errorf("make scratch folder: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
		cfg, key, err := devConfig(c, flags, scratch)
		if err != nil {
			return err
		}
		setup, err := g.devSetup(c.Context(), cfg, flags.given(c, "setup_dir"))
		if err != nil {
			return err
		}
		n, err := g.startNode(c.Context(), cfg, setup)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, closeNode(n)) }()
		list, err := registerShipped(c.Context(), "http://"+n.Addr().String(), key, brains)
		if err != nil {
			return err
		}
		if err := g.announce(n, cfg.DataDir, list, setup); err != nil {
			return err
		}
		return waitNode(c.Context(), n)
	}
	return c
}

// devSetup returns the setup in the configured folder or, if none was named, the development
// setup under --home, which it makes once.
func (g *globals) devSetup(
	ctx context.Context, cfg config.Config, named bool,
) (*opening.Setup, error) {
	if named || cfg.SetupDir != "" {
		return loadSetup(cfg.SetupDir)
	}
	p := newProgress(g)
	defer p.done()
	setup, err := opening.LoadDevelopment(ctx,
		filepath.Join(g.home, "cache", "development-setup"), setupSize, p.steps)
	if err != nil {
		return nil, fmt.Errorf("development setup: %w", err)
	}
	return setup, nil
}

// devConfig is the configuration of a node whose admin is a key in its data directory and
// which takes everybody as a client.
func devConfig(
	c *cobra.Command, flags *nodeFlags, scratch string,
) (config.Config, *identity.Key, error) {
	own := map[string]string{
		"data_dir": filepath.Join(scratch, "node"), "open_to_clients": "true",
	}
	cfg, err := flags.load(c, own)
	if err != nil {
		return config.Config{}, nil, err
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return config.Config{}, nil, fmt.Errorf("make data directory: %w", err)
	}
	key, _, err := identity.LoadOrCreateKey(filepath.Join(cfg.DataDir, "dev-admin.key"), rand.Reader)
	if err != nil {
		return config.Config{}, nil, fmt.Errorf("make the admin's key: %w", err)
	}
	cfg.Admins = append(cfg.Admins, key.Address())
	return cfg, key, nil
}

// defaultBrains is the folder that the build puts beside the binary.
func defaultBrains() string {
	exe, err := os.Executable()
	if err != nil {
		return "brains"
	}
	return filepath.Join(filepath.Dir(exe), "brains")
}

// registerShipped registers and activates the modules of a folder, in the order of their
// names, each in the slot that it had or the first free one: by the calls that any author
// makes, signed by key.
func registerShipped(
	ctx context.Context, node string, key *identity.Key, dir string,
) (out []devBrain, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.wasm"))
	if err != nil {
		return nil, usageError{err}
	}
	if len(files) == 0 {
		return nil, usagef("there is no Brain in %s: run `make build`, or name a folder with "+
			"--brains", dir)
	}
	slices.Sort(files)
	sandbox, err := runtime.New(ctx, runtime.Config{Compiler: compilerCommand()})
	if err != nil {
		return nil, fmt.Errorf("open sandbox: %w", err)
	}
	defer func() { err = errors.Join(err, sandbox.Close(context.WithoutCancel(ctx))) }()
	store := client.NewMemStore()
	if err := client.UseIdentity(store, key); err != nil {
		return nil, err
	}
	c, err := client.New(client.Config{Node: node, Store: store, Sandbox: sandbox})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	slots, err := usedSlots(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		b, err := registerOne(ctx, c, slots, file)
		if err != nil {
			return nil, fmt.Errorf("register %s: %w", file, err)
		}
		out = append(out, b)
	}
	return out, nil
}

// slots tells which slots of a data directory that was used before are taken.
type slots struct {
	number map[string]abi.BrainID
	active map[abi.BrainID]string
}

func usedSlots(ctx context.Context, c *client.Client) (*slots, error) {
	brains, err := c.Brains(ctx)
	if err != nil {
		return nil, err
	}
	s := &slots{number: make(map[string]abi.BrainID), active: make(map[abi.BrainID]string)}
	for _, b := range brains {
		id := abi.BrainID(b.GetNumber())
		s.number[b.GetName()] = id
		s.active[id] = digestText(b.GetActiveModule())
	}
	return s, nil
}

// take returns the slot of a name: the one that it has, or the first free one.
func (s *slots) take(name string) (abi.BrainID, error) {
	if id, ok := s.number[name]; ok {
		return id, nil
	}
	for id := abi.BrainID(1); id <= abi.BrainsMax; id++ {
		if _, taken := s.active[id]; !taken {
			s.number[name], s.active[id] = id, ""
			return id, nil
		}
	}
	return 0, usagef("all %d slots are taken", abi.BrainsMax)
}

func registerOne(
	ctx context.Context, c *client.Client, used *slots, file string,
) (devBrain, error) {
	module, model, err := readModule(file, "")
	if err != nil {
		return devBrain{}, err
	}
	m, err := abi.ModuleManifest(module)
	if err != nil {
		return devBrain{}, usageError{err}
	}
	number, err := used.take(m.Name)
	if err != nil {
		return devBrain{}, err
	}
	b := devBrain{Number: number, Name: m.Name, Module: abi.SumDigest(module)}
	if used.active[number] == b.Module.String() {
		return b, nil
	}
	if _, err := c.Register(ctx, number, module, model); err != nil {
		return devBrain{}, err
	}
	return b, c.Activate(ctx, number, b.Module)
}

// announce tells that the node is ready: people in words, scripts in one JSON object.
func (g *globals) announce(
	n *host.Node, dataDir string, list []devBrain, setup *opening.Setup,
) error {
	url := "http://" + n.Addr().String()
	digest, development := "", false
	if setup != nil {
		digest = setup.Verifier().Digest().String()
		development = setup.Verifier().Kind() == opening.SetupDevelopment
	}
	if g.json {
		return g.printJSON(map[string]any{
			"node": url, "data_dir": dataDir, "brains": list, "setup": digest,
		})
	}
	if err := g.printf("node listens on %s, data in %s\n", url, dataDir); err != nil {
		return err
	}
	for _, b := range list {
		if err := g.printf("  Brain %d  %-16s %s\n", b.Number, b.Name, b.Module); err != nil {
			return err
		}
	}
	if digest != "" {
		err := g.printf("  proves under setup %s (%s)\n", digest, setup.Verifier().Kind())
		if err != nil {
			return err
		}
	}
	try := "brains"
	if slices.ContainsFunc(list, func(b devBrain) bool { return b.Name == "sentiment" }) {
		try = `ask sentiment "a joy from start to end"`
		if development {
			try += " --allow-development-setup"
		}
	}
	if url != client.DefaultNode {
		try = "--node " + url + " " + try
	}
	return g.printf("try:  cerberus %s\n", try)
}
