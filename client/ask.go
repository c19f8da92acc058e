package client

import (
	"context"
	"fmt"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/host/hostcall"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
)

// Bytes counts what crossed the network for one request.
type Bytes struct {
	// Upload is the encrypted input, Keys the key set if it had to be sent, Download the
	// encrypted result.
	Upload   int64 `json:"upload"`
	Keys     int64 `json:"keys"`
	Download int64 `json:"download"`
}

// Timings are wall-clock milliseconds of the phases of one request. Queue, Infer and
// Execute are the node's figures, the others the client's. Attest is the wait for the proof,
// after the result was there, its download and its verification.
type Timings struct {
	Encode   float64 `json:"encode"`
	Keygen   float64 `json:"keygen"`
	Encrypt  float64 `json:"encrypt"`
	Upload   float64 `json:"upload"`
	Queue    float64 `json:"queue"`
	Infer    float64 `json:"infer"`
	Execute  float64 `json:"execute"`
	Attest   float64 `json:"attest"`
	Download float64 `json:"download"`
	Decrypt  float64 `json:"decrypt"`
	Total    float64 `json:"total"`
}

// Result is the outcome of one request.
type Result struct {
	Task            string            `json:"task"`
	Brain           string            `json:"brain"`
	Module          abi.Digest        `json:"module"`
	Answer          hostcall.Answer   `json:"answer"`
	Attestation     Attestation       `json:"attestation"`
	PublicArguments map[string]string `json:"public_arguments"`
	Bytes           Bytes             `json:"bytes"`
	Timings         Timings           `json:"timings_ms"`
	// Engine is what the node says it computed with, Gas what it says the task cost.
	Engine string `json:"engine"`
	Gas    uint64 `json:"gas"`
}

// Ask takes one request all the way: encode, encrypt, upload, submit, wait, verify the
// attestation, decrypt, decode. The request is a JSON document, or plain text if the Brain's
// schema has exactly one text field. When a result's attestation was to be waited for
// ([OpenOptions]) and does not verify, nothing is decrypted. Safe for concurrent use.
func (b *Brain) Ask(ctx context.Context, request []byte) (*Result, error) {
	r := &Result{
		Brain: b.name, Module: b.module, Attestation: Attestation{State: AttestationNone},
	}
	watch := stopwatch{now: b.client.now, last: b.client.now()}
	started := watch.last

	enc, err := b.encode(ctx, request)
	if err != nil {
		return nil, err
	}
	r.PublicArguments = argsMap(enc.args)
	watch.lap(&r.Timings.Encode)

	proof, err := b.proving(ctx)
	if err != nil {
		return nil, err
	}
	watch.skip()

	set, err := b.client.keysFor(ctx, b.keyName, enc.plan)
	if err != nil {
		return nil, err
	}
	watch.lap(&r.Timings.Keygen)

	blobs, err := b.encrypt(enc, set)
	if err != nil {
		return nil, err
	}
	watch.lap(&r.Timings.Encrypt)

	if err := b.uploadAll(ctx, set, blobs, &r.Bytes); err != nil {
		return nil, err
	}
	watch.lap(&r.Timings.Upload)

	outputs, err := b.compute(ctx, &sending{enc, set, blobs, proof}, &watch, r)
	if err != nil {
		return nil, err
	}
	values, err := b.decrypt(enc.plan, set, outputs)
	if err != nil {
		return nil, err
	}
	r.Answer, err = b.decode(ctx, enc.args, values)
	if err != nil {
		return nil, err
	}
	watch.lap(&r.Timings.Decrypt)
	r.Timings.Total = millis(b.client.now().Sub(started))
	return r, nil
}

// sending is a request whose blobs the node has.
type sending struct {
	*encoded

	keys   *keys
	inputs []blob
	// proof is nil if none is asked for.
	proof *proving
}

// compute lets the node run the task and returns the encrypted outputs, those that the
// attestation vouches for if one was to be waited for.
func (b *Brain) compute(
	ctx context.Context, s *sending, watch *stopwatch, r *Result,
) (map[string]fhe.Ciphertext, error) {
	var ready *preparation
	if s.proof != nil {
		r.Attestation = Attestation{State: AttestationUnverified, Setup: s.proof.digest.String()}
		if s.proof.setup != nil {
			ready = b.prepare(ctx, s)
			defer ready.close()
		}
	}
	task, err := b.run(ctx, s)
	if err != nil {
		return nil, err
	}
	r.Task = fmt.Sprintf("%x", task.GetId())
	r.Engine, r.Gas = clean(task.GetEngine()), task.GetGas()
	nodeTimings(task, &r.Timings)
	watch.skip()
	if ready != nil {
		outputs, err := b.attested(ctx, s, task, ready, r)
		watch.lap(&r.Timings.Attest)
		return outputs, err
	}
	outputs, n, err := b.fetchOutputs(ctx, s.plan, task)
	r.Bytes.Download = n
	watch.lap(&r.Timings.Download)
	return outputs, err
}

// Plain answers the request with the clear twin of the registered Program, on this
// machine: nothing is encrypted and nothing is sent. It is the yardstick for [Brain.Ask].
func (b *Brain) Plain(ctx context.Context, request []byte) (hostcall.Answer, error) {
	enc, err := b.encode(ctx, request)
	if err != nil {
		return hostcall.Answer{}, err
	}
	values, err := fhe.EvalClear(enc.program, b.model, enc.inputs)
	if err != nil {
		return hostcall.Answer{}, fmt.Errorf("clear twin: %w", err)
	}
	return b.decode(ctx, enc.args, values)
}

// stopwatch measures consecutive phases.
type stopwatch struct {
	now  func() time.Time
	last time.Time
}

// lap adds the time since the last lap to one phase.
func (s *stopwatch) lap(phase *float64) {
	t := s.now()
	*phase += millis(t.Sub(s.last))
	s.last = t
}

// skip starts the next phase without charging the time since the last lap.
func (s *stopwatch) skip() { s.last = s.now() }

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func nodeTimings(task *cerberusv1.Task, t *Timings) {
	us := func(n int64) float64 { return float64(n) / 1000 }
	t.Queue = us(task.GetTimings().GetQueueUs())
	t.Infer = us(task.GetTimings().GetInferUs())
	t.Execute = us(task.GetTimings().GetExecuteUs())
}

func argsMap(args abi.Args) map[string]string {
	m := make(map[string]string, len(args))
	for _, a := range args {
		m[a.Name] = a.Value
	}
	return m
}
