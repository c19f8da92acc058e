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

// Attestation tells what vouches for a result.
type Attestation struct {
	// State is "none" in this version: the client trusts the node to have computed what it
	// was asked to.
	State string `json:"state"`
	// Setup is the digest of the proving setup; empty without a proof.
	Setup string `json:"setup"`
}

// Bytes counts what crossed the network for one request.
type Bytes struct {
	// Upload is the encrypted input, Keys the key set if it had to be sent, Download the
	// encrypted result.
	Upload   int64 `json:"upload"`
	Keys     int64 `json:"keys"`
	Download int64 `json:"download"`
}

// Timings are wall-clock milliseconds of the phases of one request. Queue, Infer and
// Execute are the node's figures, the others the client's.
type Timings struct {
	Encode   float64 `json:"encode"`
	Keygen   float64 `json:"keygen"`
	Encrypt  float64 `json:"encrypt"`
	Upload   float64 `json:"upload"`
	Queue    float64 `json:"queue"`
	Infer    float64 `json:"infer"`
	Execute  float64 `json:"execute"`
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
	// Engine is what the node says it computed with.
	Engine string `json:"engine"`
}

// Ask takes one request all the way: encode, encrypt, upload, submit, wait, download,
// decrypt, decode. The request is a JSON document, or plain text if the Brain's schema has
// exactly one text field. Safe for concurrent use.
func (b *Brain) Ask(ctx context.Context, request []byte) (*Result, error) {
	r := &Result{
		Brain: b.name, Module: b.module, Attestation: Attestation{State: "none"},
	}
	watch := stopwatch{now: b.client.now, last: b.client.now()}
	started := watch.last

	enc, err := b.encode(ctx, request)
	if err != nil {
		return nil, err
	}
	r.PublicArguments = argsMap(enc.args)
	watch.lap(&r.Timings.Encode)

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

	task, err := b.run(ctx, enc, set, blobs)
	if err != nil {
		return nil, err
	}
	r.Task = fmt.Sprintf("%x", task.GetId())
	r.Engine = task.GetEngine()
	nodeTimings(task, &r.Timings)
	watch.skip()

	outputs, n, err := b.fetchOutputs(ctx, enc.plan, task)
	if err != nil {
		return nil, err
	}
	r.Bytes.Download = n
	watch.lap(&r.Timings.Download)

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
