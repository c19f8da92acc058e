// Command jsverify times the verification of a proof that package bench wrote: what a client
// in a browser would wait for. It is built for js/wasm and run by node:
//
//	jsverify FILE COUNT
//
// It prints COUNT durations in nanoseconds, a line each. The polynomials that keys are
// expanded to are kept from one time to the next, so the first is the longest.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/cerberus-host/cerberus/internal/bench/proofcase"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "jsverify:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: jsverify FILE COUNT")
	}
	count, err := strconv.Atoi(args[1])
	if err != nil {
		return fmt.Errorf("number of times: %w", err)
	}
	data, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	request, proof, err := proofcase.Read(bytes.NewReader(data))
	if err != nil {
		return err
	}
	for range count {
		start := time.Now()
		if err := proofcase.Check(context.Background(), request, proof); err != nil {
			return err
		}
		fmt.Println(time.Since(start).Nanoseconds())
	}
	return nil
}
