package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/client"
)

const askLong = `Ask encrypts the request, sends it to the node, waits for the result, verifies its
attestation and decrypts it.

The request is a JSON document, or plain text if the Brain's schema has one text field. It
is given as an argument, as @FILE, or as - for standard input (also when it is left out).

Without a pin, the digest of the module at first use is remembered in brains.lock; if the
Brain changes later, ask refuses until --accept-new says that the change is expected.

In a cluster that proves its results, ask waits for the proof and decrypts only when it
verifies (--attest=wait); the setup behind it must be one that you trust, see "cerberus setup
--help". With --attest=later the answer is printed at once, and the proof can be exported and
verified afterwards; with --attest=none no proof is made and the node is trusted.`

func newAsk(g *globals) *cobra.Command {
	var opts client.OpenOptions
	var attest attestFlag
	c := &cobra.Command{
		Use:   "ask BRAIN[@sha256:DIGEST] [REQUEST | @FILE | -]",
		Short: "Ask a Brain an encrypted question",
		Long:  askLong,
		Example: "  cerberus ask sentiment \"a joy from start to end\"\n" +
			"  cerberus ask medical '{\"exam\":\"heart\",\"features\":{\"age\":67}}' --json",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: g.completeBrains,
		RunE: func(c *cobra.Command, args []string) (err error) {
			if opts.Attest, err = attest.mode(); err != nil {
				return err
			}
			request, err := readRequest(g.in, args[1:])
			if err != nil {
				return err
			}
			o, err := g.openReady(c.Context())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, o.close(c.Context())) }()
			brain, err := o.Open(c.Context(), args[0], opts)
			if err != nil {
				return err
			}
			if err := g.showPublic(o, brain, request); err != nil {
				return err
			}
			result, err := brain.Ask(c.Context(), request)
			if err != nil {
				return err
			}
			o.progress.done()
			if g.json {
				return g.printJSON(result)
			}
			return g.printResult(result)
		},
	}
	g.addWait(c)
	c.Flags().BoolVar(&opts.AcceptNew, "accept-new", false,
		"accept a module or cluster that differs from the one of first use")
	c.Flags().StringVar(&opts.Key, "key", client.DefaultKey, "name of the secret key to use")
	attest.add(c, "", " (default: wait where the cluster proves its results)")
	g.addDevelopment(c)
	return c
}

// attestFlag is the flag of the commands that ask.
type attestFlag struct {
	word string
}

// add adds the flag with its value where it is not given; hint tells what an empty one means.
func (f *attestFlag) add(c *cobra.Command, value, hint string) {
	c.Flags().StringVar(&f.word, "attest", value,
		"wait for the proof, verify it later, or ask for none: wait, later, none"+hint)
	words := []cobra.Completion{
		string(client.AttestWait), string(client.AttestLater), string(client.AttestNone),
	}
	// It fails for a flag that is not there or has a completion already.
	_ = c.RegisterFlagCompletionFunc("attest",
		cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

func (f *attestFlag) mode() (client.AttestMode, error) {
	if f.word == "" {
		return client.AttestDefault, nil
	}
	return client.ParseAttestMode(f.word)
}

// showPublic tells, before anything is sent, what will leave the machine in clear.
func (g *globals) showPublic(o *opened, brain *client.Brain, request []byte) error {
	args, err := brain.PublicArguments(request)
	if err != nil {
		return err
	}
	if g.quiet {
		return nil
	}
	o.progress.done()
	return g.noticePublic(args)
}

func (g *globals) noticePublic(args abi.Args) error {
	var pairs []string
	for _, a := range args {
		pairs = append(pairs, a.Name+"="+a.Value)
	}
	return g.notice(pairs)
}

// notice tells on standard error what leaves the machine in clear.
func (g *globals) notice(what []string) error {
	text := "nothing of the request leaves this machine in clear"
	if len(what) > 0 {
		text = "leaves this machine in clear: " + strings.Join(what, ", ")
	}
	if _, err := fmt.Fprintln(g.err, text); err != nil {
		return fmt.Errorf("write notice: %w", err)
	}
	return nil
}

func (g *globals) printResult(r *client.Result) error {
	var line strings.Builder
	line.WriteString(r.Answer.Label)
	for _, n := range r.Answer.Numbers {
		fmt.Fprintf(&line, "  %s %.3f", n.Name, n.Value)
	}
	err := g.printf("%s\n  attestation: %s\n%s  task %s\n", line.String(), r.Attestation,
		attestationLine(r), r.Task)
	if err != nil {
		return err
	}
	t := r.Timings
	return g.printf("  Brain %s (%s), engine %s, gas %d\n"+
		"  sent %s encrypted, %s keys; received %s\n"+
		"  encode %.1f, keygen %.1f, encrypt %.1f, upload %.1f, queue %.1f, infer %.1f, "+
		"execute %.1f, attest %.1f, download %.1f, decrypt %.1f ms\n",
		r.Brain, r.Module, plain(r.Engine), r.Gas,
		kilobytes(r.Bytes.Upload), kilobytes(r.Bytes.Keys), kilobytes(r.Bytes.Download),
		t.Encode, t.Keygen, t.Encrypt, t.Upload, t.Queue, t.Infer, t.Execute, t.Attest, t.Download,
		t.Decrypt)
}

// attestationLine says more of an attestation than its state, or what can be done about it.
func attestationLine(r *client.Result) string {
	switch a := r.Attestation; a.State {
	case client.AttestationVerified:
		return fmt.Sprintf("  proved in %.1f ms, verified in %.1f ms; precision %d bits proven, %d if "+
			"the node was honest\n", a.ProveMS, a.VerifyMS, a.ProvenBits, a.HonestBits)
	case client.AttestationUnverified:
		return "  verify it with: cerberus attestation export " + r.Task +
			" -o answer.bundle && cerberus verify answer.bundle\n"
	default:
		return ""
	}
}

func kilobytes(n int64) string { return fmt.Sprintf("%.1f KB", float64(n)/1000) }

// readRequest reads the request from the argument, a file or standard input.
func readRequest(in io.Reader, args []string) ([]byte, error) {
	src := "-"
	if len(args) > 0 {
		src = args[0]
	}
	file, isFile := strings.CutPrefix(src, "@")
	switch {
	case src == "-":
		return readBounded(in, "standard input")
	case isFile:
		f, err := os.Open(file)
		if err != nil {
			return nil, usagef("open request: %w", err)
		}
		b, err := readBounded(f, file)
		return b, errors.Join(err, f.Close())
	case len(src) > abi.RequestBytesMax:
		return nil, usagef("the request has %d bytes, more than %d", len(src), abi.RequestBytesMax)
	default:
		return []byte(src), nil
	}
}

func readBounded(r io.Reader, name string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, abi.RequestBytesMax+1))
	if err != nil {
		return nil, fmt.Errorf("read request from %s: %w", name, err)
	}
	if len(b) > abi.RequestBytesMax {
		return nil, usagef("the request in %s has more than %d bytes", name, abi.RequestBytesMax)
	}
	return b, nil
}
