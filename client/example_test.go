package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/cerberus-host/cerberus/client"
	"github.com/cerberus-host/cerberus/host/runtime"
)

// A question goes to a node on this machine, encrypted; the keys are made at first use and
// stay in the folder.
func Example() {
	if err := askOnce(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func askOnce(ctx context.Context) (err error) {
	store, err := client.NewDirStore("cerberus-keys")
	if err != nil {
		return err
	}
	sandbox, err := runtime.New(ctx, runtime.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sandbox.Close(ctx)) }()
	c, err := client.New(client.Config{Node: client.DefaultNode, Store: store, Sandbox: sandbox})
	if err != nil {
		return err
	}
	defer c.Close()

	brain, err := c.Open(ctx, "sentiment", client.OpenOptions{})
	if err != nil {
		return err // errors.Is(err, client.ErrChanged): the Brain is not the one of first use
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
