package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/cerberus-host/cerberus/client"
)

const (
	// passphraseBytesMin is the least that an export accepts.
	passphraseBytesMin = 12
	// exportBytesMax bounds an exported key file.
	exportBytesMax = 4 << 20
	// scryptWorkMax bounds what an imported file may make this machine compute.
	scryptWorkMax = 20
)

const keysLong = `Secret keys lie in files of mode 0600 under --home and are never sent. A key is made by
the first ask that needs one; these commands are for those who want several, or a backup.`

func newKeys(g *globals) *cobra.Command {
	c := &cobra.Command{Use: "keys", Short: "Manage your secret keys", Long: keysLong}
	var name, params, file string
	addKey := func(c *cobra.Command) *cobra.Command {
		c.Flags().StringVar(&name, "key", client.DefaultKey, "name of the key")
		c.Flags().StringVar(&params, "params", "ckks-13", "parameter set of the key")
		return c
	}
	addFile := func(c *cobra.Command, use string) *cobra.Command {
		c.Flags().StringVar(&file, "passphrase-file", "",
			"read the passphrase "+use+" from the first line of a file, not from the terminal")
		return c
	}
	c.AddCommand(
		addKey(&cobra.Command{
			Use: "new", Short: "Make a secret key", Args: cobra.NoArgs,
			RunE: g.withKeys(func(o *opened, _ []string) error { return o.NewKey(name, params) }),
		}),
		&cobra.Command{
			Use: "list", Short: "List your secret keys", Args: cobra.NoArgs,
			RunE: g.withKeys(func(o *opened, _ []string) error { return g.listKeys(o) }),
		},
		addFile(addKey(&cobra.Command{
			Use: "export FILE", Short: "Write a key to FILE, encrypted under a passphrase",
			Args: cobra.ExactArgs(1),
			RunE: g.withKeys(func(o *opened, args []string) error {
				return g.exportKey(o, name, params, args[0], file)
			}),
		}), "to encrypt under"),
		addFile(addKey(&cobra.Command{
			Use: "import FILE", Short: "Read a key from an exported FILE", Args: cobra.ExactArgs(1),
			RunE: g.withKeys(func(o *opened, args []string) error {
				return g.importKey(o, name, params, args[0], file)
			}),
		}), "that it was encrypted under"),
		addKey(&cobra.Command{
			Use: "rm", Args: cobra.NoArgs,
			Short: "Delete a key: results encrypted under it can never be read again",
			RunE:  g.withKeys(func(o *opened, _ []string) error { return o.RemoveKey(name, params) }),
		}),
	)
	return c
}

// withKeys makes the body of a command that works on the store and calls no node.
func (g *globals) withKeys(
	body func(o *opened, args []string) error,
) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) (err error) {
		o, err := g.open(c.Context())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, o.close(c.Context())) }()
		return body(o, args)
	}
}

func (g *globals) listKeys(o *opened) error {
	list, err := o.Keys()
	if err != nil {
		return err
	}
	if g.json {
		return g.printJSON(append([]client.KeyInfo{}, list...))
	}
	t := newTable("key", "params", "key sets")
	for _, k := range list {
		t.row(k.Name, k.Params, k.KeySets)
	}
	return t.print(g)
}

func (g *globals) exportKey(o *opened, name, params, out, passFile string) error {
	raw, err := o.ExportKey(name, params)
	if err != nil {
		return err
	}
	defer clear(raw)
	pass, err := g.passphrase(passFile, true)
	if err != nil {
		return err
	}
	recipient, err := age.NewScryptRecipient(pass)
	if err != nil {
		return fmt.Errorf("export key: %w", err)
	}
	var buf bytes.Buffer
	armored := armor.NewWriter(&buf)
	w, err := age.Encrypt(armored, recipient)
	if err != nil {
		return fmt.Errorf("export key: %w", err)
	}
	if _, err := w.Write(raw); err != nil {
		return fmt.Errorf("export key: %w", err)
	}
	if err := errors.Join(w.Close(), armored.Close()); err != nil {
		return fmt.Errorf("export key: %w", err)
	}
	f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return usageError{err}
	}
	_, werr := f.Write(buf.Bytes())
	if err := errors.Join(werr, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("export key: %w", errors.Join(err, os.Remove(out)))
	}
	return nil
}

func (g *globals) importKey(o *opened, name, params, in, passFile string) error {
	data, err := readFile(in, exportBytesMax)
	if err != nil {
		return err
	}
	pass, err := g.passphrase(passFile, false)
	if err != nil {
		return err
	}
	identity, err := age.NewScryptIdentity(pass)
	if err != nil {
		return fmt.Errorf("import key: %w", err)
	}
	identity.SetMaxWorkFactor(scryptWorkMax)
	r, err := age.Decrypt(armor.NewReader(bytes.NewReader(data)), identity)
	if err != nil {
		return usagef("%s cannot be decrypted: %w", in, err)
	}
	raw, err := io.ReadAll(io.LimitReader(r, exportBytesMax))
	if err != nil {
		return usagef("%s cannot be decrypted: %w", in, err)
	}
	defer clear(raw)
	return o.ImportKey(name, params, raw)
}

// passphrase reads a passphrase from a file's first line or from the terminal, there twice
// when it is a new one.
func (g *globals) passphrase(file string, isNew bool) (string, error) {
	if file != "" {
		b, err := readFile(file, 64<<10)
		if err != nil {
			return "", err
		}
		line, _ := bufio.NewReader(bytes.NewReader(b)).ReadString('\n')
		return checkPassphrase(strings.TrimRight(line, "\r\n"), isNew)
	}
	f, ok := g.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return "", usagef("there is no terminal to ask for the passphrase: use --passphrase-file")
	}
	first, err := g.prompt(f, "passphrase: ")
	if err != nil || !isNew {
		return first, err
	}
	again, err := g.prompt(f, "again: ")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", usagef("the two passphrases differ")
	}
	return checkPassphrase(first, isNew)
}

func checkPassphrase(p string, isNew bool) (string, error) {
	if isNew && len(p) < passphraseBytesMin {
		return "", usagef("the passphrase has %d bytes; give at least %d", len(p), passphraseBytesMin)
	}
	return p, nil
}

func (g *globals) prompt(f *os.File, text string) (string, error) {
	fmt.Fprint(g.err, text)
	b, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(g.err)
	if err != nil {
		return "", fmt.Errorf("read passphrase: %w", err)
	}
	return string(b), nil
}
