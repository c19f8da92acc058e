package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/client"
	"github.com/cerberus-host/cerberus/proofs/ceremony"
	"github.com/cerberus-host/cerberus/proofs/opening"
)

const ceremonyLong = `A ceremony makes a proving setup by several parties. As long as one of them forgets its
secrets, nobody can forge attestations under the setup.

It is a folder of files that the parties hand on. "init" writes the rules. In each of two
phases at least three parties, one of whom runs no node of the network, call "contribute",
all before the phase's end; then anybody calls "finish" with the random value that the rules
announced. The first phase is left out when its result is imported from a public ceremony.
"verify" recomputes everything. The folder "setup" in it then holds the verifying key
setup.vk, for "cerberus setup trust", and the proving key for the nodes.`

func newCeremony(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use: "ceremony", Short: "Make a proving setup that several parties vouch for",
		Long: ceremonyLong, Args: cobra.NoArgs,
	}
	c.AddCommand(newCeremonyInit(g), newCeremonyContribute(g), newCeremonyVerify(g),
		newCeremonyFinish(g))
	return c
}

// ceremonyFlags are what `ceremony init` is given.
type ceremonyFlags struct {
	rules      ceremony.Rules
	operators  []string
	powers     string
	end1, end2 string
}

func newCeremonyInit(g *globals) *cobra.Command {
	var f ceremonyFlags
	c := &cobra.Command{
		Use:   "init DIR --operator ADDRESS --beacon TEXT --end1 TIME --end2 TIME",
		Short: "Begin a ceremony in a new folder",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return ceremonyError(g.beginCeremony(c.Context(), args[0], f))
		},
	}
	flags := c.Flags()
	flags.IntVar(&f.rules.Size, "size", setupSize, "elements of a committed vector, a power of two")
	flags.StringArrayVar(&f.operators, "operator", nil,
		"address of somebody who runs nodes (repeat the flag for several)")
	flags.StringVar(&f.rules.Beacon, "beacon", "",
		"which public random value ends a phase, so that anybody can look it up")
	flags.StringVar(&f.end1, "end1", "", "when phase 1 ends, as 2006-01-02T15:04:05Z")
	flags.StringVar(&f.end2, "end2", "", "when phase 2 ends")
	flags.StringVar(&f.powers, "powers", "",
		"file of powers of tau from a public ceremony, in place of phase 1")
	flags.StringVar(&f.rules.Source, "source", "", "where the file of --powers comes from")
	return c
}

func (g *globals) beginCeremony(
	ctx context.Context, folder string, f ceremonyFlags,
) (err error) {
	for _, o := range f.operators {
		a, err := abi.ParseAddress(o)
		if err != nil {
			return usageError{err}
		}
		f.rules.Operators = append(f.rules.Operators, a)
	}
	for _, end := range []struct {
		text string
		to   *time.Time
	}{{f.end1, &f.rules.End1}, {f.end2, &f.rules.End2}} {
		if end.text == "" {
			continue
		}
		if *end.to, err = time.Parse(time.RFC3339, end.text); err != nil {
			return usagef("%.40q is no time such as 2006-01-02T15:04:05Z", end.text)
		}
	}
	var powers io.Reader
	if f.powers != "" {
		file, err := os.Open(f.powers)
		if err != nil {
			return usageError{err}
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		powers = file
	}
	p := newProgress(g)
	defer p.done()
	return ceremony.Init(ctx, folder, f.rules, powers, p.steps)
}

func newCeremonyContribute(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "contribute DIR",
		Short: "Add your contribution to the phase that is open, signed with your identity",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return g.withKeys(func(o *opened, _ []string) error {
				made, err := ceremony.Contribute(c.Context(), args[0], o.Client, time.Now())
				if err != nil {
					return ceremonyError(err)
				}
				o.progress.done()
				if g.json {
					return g.printJSON(contributionView(*made))
				}
				return g.printf("contribution %d to phase %d by %s\n  %s\n", made.Number, made.Phase,
					made.Signer, made.Digest)
			})(c, nil)
		},
	}
}

// contribution is one contribution as JSON.
type contribution struct {
	Phase  int         `json:"phase"`
	Number int         `json:"number"`
	Signer abi.Address `json:"signer"`
	Time   string      `json:"time"`
	Digest abi.Digest  `json:"digest"`
}

func contributionView(c ceremony.Contribution) contribution {
	return contribution{
		c.Phase, c.Number, c.Signer, c.Time.UTC().Format(time.RFC3339), c.Digest,
	}
}

func newCeremonyVerify(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "verify DIR",
		Short: "Recompute a ceremony from its files, and say who contributed",
		Long: "Verify recomputes a ceremony as far as it is. Whether the contributors are independent\n" +
			"people, and the beacons what the rules announce, is for you to judge.",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p := newProgress(g)
			r, err := ceremony.Verify(c.Context(), args[0], p.steps)
			p.done()
			if err != nil {
				return ceremonyError(err)
			}
			return g.printCeremony(r)
		},
	}
}

// ceremonyView is what `ceremony verify --json` prints.
type ceremonyView struct {
	Size int `json:"size"`
	// Phase is the phase that is open, 0 at the end.
	Phase         int            `json:"phase"`
	Operators     []abi.Address  `json:"operators"`
	Source        string         `json:"source,omitempty"`
	Beacon        string         `json:"beacon"`
	Contributions []contribution `json:"contributions"`
	// Beacons are the values that ended phases 1 and 2, in hex.
	Beacons    [2]string  `json:"beacons"`
	Transcript abi.Digest `json:"transcript"`
	// Setup is zero before the end.
	Setup abi.Digest `json:"setup"`
}

func (g *globals) printCeremony(r *ceremony.Report) error {
	v := ceremonyView{
		Size: r.Rules.Size, Phase: r.Phase, Operators: r.Rules.Operators, Source: r.Rules.Source,
		Beacon: r.Rules.Beacon, Contributions: []contribution{}, Transcript: r.Transcript,
		Setup: r.Setup,
	}
	for i, b := range r.Beacons {
		v.Beacons[i] = hex.EncodeToString(b)
	}
	for _, c := range r.Contributions {
		v.Contributions = append(v.Contributions, contributionView(c))
	}
	if g.json {
		return g.printJSON(v)
	}
	state := fmt.Sprintf("phase %d is open", v.Phase)
	if v.Phase == 0 {
		state = "ended, setup " + v.Setup.String()
	}
	if err := g.printf("%s\n  beacon  %s\n", state, plain(v.Beacon)); err != nil {
		return err
	}
	for i, b := range v.Beacons {
		if b == "" {
			continue
		}
		if err := g.printf("  value   %s ended phase %d\n", b, i+1); err != nil {
			return err
		}
	}
	t := newTable("phase", "number", "signer", "time")
	for _, c := range v.Contributions {
		t.row(c.Phase, c.Number, c.Signer, c.Time)
	}
	return t.print(g)
}

func newCeremonyFinish(g *globals) *cobra.Command {
	var value string
	c := &cobra.Command{
		Use:   "finish DIR --value HEX",
		Short: "End the phase that is open with the announced random value",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return ceremonyError(g.finishCeremony(c.Context(), args[0], value, time.Now()))
		},
	}
	c.Flags().StringVar(&value, "value", "", "the value of the beacon, in hex")
	return c
}

func (g *globals) finishCeremony(
	ctx context.Context, folder, value string, now time.Time,
) error {
	beacon, err := hex.DecodeString(value)
	if err != nil || len(beacon) == 0 {
		return usagef("give the beacon's value in hex, with --value")
	}
	p := newProgress(g)
	setup, err := ceremony.Finish(ctx, folder, beacon, now, p.steps)
	p.done()
	if err != nil {
		return err
	}
	if setup == nil {
		return g.printf("phase 1 has ended, phase 2 is open\n")
	}
	v := setup.Verifier()
	return g.printf("the ceremony has ended: setup %s\n  %s\n", v.Digest(),
		filepath.Join(folder, ceremony.SetupFolder, opening.VerifyingFile))
}

// ceremonyError gives an error of a ceremony its exit code.
func ceremonyError(err error) error {
	for _, bad := range []error{
		ceremony.ErrTranscript, ceremony.ErrContribution, ceremony.ErrPowers,
	} {
		if errors.Is(err, bad) {
			return fmt.Errorf("%w: %w", client.ErrVerification, err)
		}
	}
	for _, no := range []error{
		ceremony.ErrRepeated, ceremony.ErrTooFew, ceremony.ErrOperators, ceremony.ErrLate,
		ceremony.ErrEarly, ceremony.ErrFinished,
	} {
		if errors.Is(err, no) {
			return fmt.Errorf("%w: %w", client.ErrRefused, err)
		}
	}
	if errors.Is(err, ceremony.ErrRules) {
		return usageError{err}
	}
	return err
}
