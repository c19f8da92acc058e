// Command cerberus is the one binary of the project: client, node and author's tools.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/cerberus-host/cerberus/client"
)

// Exit codes, as `cerberus help` documents them.
const (
	exitOK           = 0
	exitFailure      = 1
	exitUsage        = 2
	exitRefused      = 3
	exitVerification = 4
	exitUnreachable  = 5
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(code)
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, s streams) int {
	cmd := newRoot(s)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(s.err, "cerberus: %v\n", err)
	return exitCode(err)
}

func exitCode(err error) int {
	var usage usageError
	switch {
	case errors.As(err, &usage), errors.Is(err, client.ErrUsage):
		return exitUsage
	case errors.Is(err, client.ErrVerification):
		return exitVerification
	case errors.Is(err, client.ErrUnreachable):
		return exitUnreachable
	case errors.Is(err, client.ErrRefused):
		return exitRefused
	default:
		return exitFailure
	}
}

// usageError marks an error of the command line itself.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}
