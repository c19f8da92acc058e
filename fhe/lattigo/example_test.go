package lattigo_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
)

// A client encrypts four numbers, a node squares them without seeing them, and the client
// decrypts the result.
func Example() {
	ctx := context.Background()
	params, err := fhe.ParamsByName("insecure-10-4") // for examples only
	if err != nil {
		log.Fatal(err)
	}
	// The Plan, here written by hand, is known to both sides.
	b := fhetest.NewPlanBuilder(params, abi.PackSlots)
	x := b.Vector(4, 1, params.ScaleBits())
	square := b.Unary(fhe.StepRelin, b.Binary(fhe.StepTensor, x, x))
	b.Output(b.Unary(fhe.StepRescale, square))
	plan := b.Plan
	plan.Outputs[0].Length, plan.Outputs[0].Period = 4, 4

	// The client's side.
	secret, err := lattigo.GenerateSecret(params, rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	keys, err := lattigo.GenerateKeys(ctx, secret, plan.Relin, plan.Galois, rand.Reader, nil)
	if err != nil {
		log.Fatal(err)
	}
	inputs, err := lattigo.EncryptVector(secret, plan.Inputs[0], []float64{0.5, -0.3, 1, 0.1},
		rand.Reader)
	if err != nil {
		log.Fatal(err)
	}

	// The node's side.
	engine := lattigo.New()
	loadedPlan, err := engine.LoadPlan(ctx, b.Compiled())
	if err != nil {
		log.Fatal(err)
	}
	loadedKeys, err := engine.LoadKeys(ctx, keys)
	if err != nil {
		log.Fatal(err)
	}
	results, err := fhe.Execute(ctx, loadedPlan, loadedKeys, inputs, fhe.RunOptions{})
	if err != nil {
		log.Fatal(err)
	}

	// The client's side again.
	values, err := lattigo.DecryptVector(secret, plan.Outputs[0], results[0])
	if err != nil {
		log.Fatal(err)
	}
	secret.Wipe()
	for _, v := range values {
		fmt.Printf("%.2f\n", v)
	}
	// Output:
	// 0.25
	// 0.09
	// 1.00
	// 0.01
}
