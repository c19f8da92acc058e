package proofcase_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/fhetest"
	"github.com/cerberus-host/cerberus/internal/bench/proofcase"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/prooftest"
	"github.com/cerberus-host/cerberus/proofs/prover"
	"github.com/cerberus-host/cerberus/proofs/verifier"
)

// TestCase: a proof with keys verifies when it was read, and not for another statement.
func TestCase(t *testing.T) {
	params, err := fhe.ParamsByName("insecure-10-4")
	if err != nil {
		t.Fatal(err)
	}
	setup, err := opening.NewDevelopment(t.Context(), params.N(), nil)
	if err != nil {
		t.Fatal(err)
	}
	b := fhetest.NewPlanBuilder(params, abi.PackSlots)
	x := b.Input(1, fhetest.HalfBits(params))
	b.Output(b.Rotate(x, fhe.NoReg, params.GaloisElement(1)))
	run := prooftest.Execute(t, b.Compiled(), setup, prooftest.Options{Seed: 1})
	p, err := prover.New(prover.Config{Setup: setup, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	proof, _, err := p.Prove(t.Context(), prover.Request{
		System: run.System, Statement: run.Statement, Public: run.Public, Witness: run.Witness,
	})
	if err != nil {
		t.Fatal(err)
	}
	c := &proofcase.Case{
		Plan: run.System.Plan, Public: run.Public, Statement: run.Statement, Setup: setup,
		Proof: proof,
	}
	var file bytes.Buffer
	if err := c.Write(&file); err != nil {
		t.Fatal(err)
	}
	request, proof, err := proofcase.Read(bytes.NewReader(file.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if err := proofcase.Check(t.Context(), request, proof); err != nil {
		t.Error(err)
	}
	request.Statement = abi.SumDigest([]byte("another statement"))
	if err := proofcase.Check(t.Context(), request, proof); !errors.Is(err, verifier.ErrOpening) {
		t.Errorf("another statement: error %v", err)
	}
	if _, _, err := proofcase.Read(bytes.NewReader(file.Bytes()[:file.Len()/2])); err == nil {
		t.Error("half a file was read")
	}
}
