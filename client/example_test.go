package client_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/cerberus-host/cerberus/client"
	"github.com/cerberus-host/cerberus/host/runtime"
)

// A question goes to a node, encrypted; keys are made at first use and stay in the store,
// here in memory. In this example no node listens.
func Example() {
	err := askOnce(context.Background(), "http://127.0.0.1:1")
	switch {
	case errors.Is(err, client.ErrUnreachable):
		fmt.Println("no node answers")
	case errors.Is(err, client.ErrChanged):
		fmt.Println("the Brain is not the one of first use")
	case err != nil:
		fmt.Println(err)
	}
	// Output: no node answers
}

func askOnce(ctx context.Context, node string) (err error) {
	sandbox, err := runtime.New(ctx, runtime.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sandbox.Close(ctx)) }()
	c, err := client.New(client.Config{
		Node: node, Store: client.NewMemStore(), Sandbox: sandbox,
	})
	if err != nil {
		return err
	}
	defer c.Close()

	brain, err := c.Open(ctx, "sentiment", client.OpenOptions{})
	if err != nil {
		return err
	}
	request := []byte("a joy from start to end")
	public, err := brain.PublicArguments(request)
	if err != nil {
		return err
	}
	fmt.Printf("leaves this machine in clear: %q\n", public.String())
	result, err := brain.Ask(ctx, request)
	if err != nil {
		return err
	}
	fmt.Println(result.Answer.Label, "attestation:", result.Attestation.State)
	return nil
}
