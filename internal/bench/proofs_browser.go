package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cerberus-host/cerberus/internal/bench/proofcase"
	"github.com/cerberus-host/cerberus/internal/figures"
	"github.com/cerberus-host/cerberus/proofs/opening"
)

const (
	// jsVerifier is the program that verifies under js/wasm.
	jsVerifier = "github.com/cerberus-host/cerberus/internal/bench/jsverify"
	// jsTimes is how often it does.
	jsTimes = 3
)

// jsCase is a proof that waits to be verified under js/wasm.
type jsCase struct {
	label, file string
	// degree is that of the ring.
	degree int
	// native is how long this process takes.
	native samples
}

// keepForJS writes a proof for measureJS.
func (b *bench) keepForJS(label string, a *attested, setup *opening.Setup, p *proven) error {
	plan := a.request.System.Plan
	kept := &proofcase.Case{
		Plan: plan, Public: a.request.Public, Statement: a.request.Statement, Setup: setup,
		Proof: p.proof,
	}
	var data bytes.Buffer
	if err := kept.Write(&data); err != nil {
		return err
	}
	file := filepath.Join(b.scratch, fmt.Sprintf("proof-%d", len(b.forJS)))
	if err := os.WriteFile(file, data.Bytes(), 0o600); err != nil {
		return fmt.Errorf("keep a proof: %w", err)
	}
	b.forJS = append(b.forJS, jsCase{
		label: label, file: file, degree: plan.Params.N(), native: p.checks,
	})
	return nil
}

// measureJS verifies the Brains' proofs once more as a client in a browser would: under
// js/wasm, run by node. What it needs may not be there; its rows are left out then.
func (b *bench) measureJS(ctx context.Context, _ *opening.Setup, f *figures.File) error {
	node, err := exec.LookPath("node")
	if err != nil {
		b.sayf("leave out js/wasm: no node: %v", err)
		return nil
	}
	b.sayf("build the verifier for js/wasm")
	program, support, err := b.buildJS(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		b.sayf("leave out js/wasm: the verifier cannot be built here: %v", err)
		return nil
	}
	for _, c := range b.forJS {
		b.sayf("verify %s under js/wasm", c.label)
		s, err := runJS(ctx, node, support, program, c.file)
		if err != nil {
			return fmt.Errorf("%s: %w", c.label, err)
		}
		f.Add(figures.Row{
			Figure: fmt.Sprintf("js/wasm, N = %d: verify %s: least", c.degree, c.label),
			Value:  millis(s.least()), Unit: "ms",
			Reference: fmt.Sprintf("of %d, the first %.4g ms; natively %.4g ms", len(s),
				millis(s[0]), millis(c.native.least())),
		})
	}
	return nil
}

// buildJS builds the program from source and returns it with Go's script that starts such
// programs.
func (b *bench) buildJS(ctx context.Context) (program, support string, err error) {
	goCommand := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
		var out, problems bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &problems
		if err := cmd.Run(); err != nil {
			return "", fmt.Errorf("go %s: %w: %.200s", args[0], err,
				strings.TrimSpace(problems.String()))
		}
		return strings.TrimSpace(out.String()), nil
	}
	root, err := goCommand("env", "GOROOT")
	if err != nil {
		return "", "", err
	}
	support = filepath.Join(root, "lib", "wasm", "wasm_exec_node.js")
	if _, err := os.Stat(support); err != nil {
		return "", "", err
	}
	program = filepath.Join(b.scratch, "jsverify.wasm")
	_, err = goCommand("build", "-trimpath", "-o", program, jsVerifier)
	return program, support, err
}

// runJS returns the durations that the program prints.
func runJS(ctx context.Context, node, support, program, file string) (samples, error) {
	cmd := exec.CommandContext(ctx, node, "--stack-size=8192", support, program, file,
		strconv.Itoa(jsTimes))
	cmd.Env = []string{} // the program has room for few variables
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("run node: %w: %.200s", err, strings.TrimSpace(problems.String()))
	}
	return parseNanoseconds(out.String())
}

// parseNanoseconds reads a duration a line, at least one.
func parseNanoseconds(text string) (samples, error) {
	var s samples
	for line := range strings.FieldsSeq(text) {
		n, err := strconv.ParseInt(line, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("durations: %w", err)
		}
		s = append(s, time.Duration(n))
	}
	if len(s) == 0 {
		return nil, errors.New("durations: there are none")
	}
	return s, nil
}
