package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/encode"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/fhe/squeeze"
	"github.com/cerberus-host/cerberus/host/runtime"
	"github.com/cerberus-host/cerberus/internal/figures"
)

func measureFHE(ctx context.Context, b *bench, f *figures.File) (err error) {
	sandbox, err := runtime.New(ctx, runtime.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sandbox.Close(context.WithoutCancel(ctx))) }()
	list, err := b.prepare(ctx, sandbox)
	if err != nil {
		return err
	}
	for _, p := range list {
		if err := measureQuestion(ctx, p, f); err != nil {
			return fmt.Errorf("%s: %w", p.label, err)
		}
	}
	for _, name := range []string{"ckks-13", "ckks-14", "ckks-15"} {
		err := measureOperations(ctx, name, operationRounds, operationBudget, f)
		if err != nil {
			return fmt.Errorf("operations of %s: %w", name, err)
		}
	}
	return nil
}

// encrypted is a question on its way through client and engine.
type encrypted struct {
	prepared

	values   map[string][]float64
	compiled *fhe.Compiled
	secret   *lattigo.SecretKey
	keys     *fhe.KeySet
	engine   *lattigo.Engine
	plan     fhe.LoadedPlan
	loaded   fhe.LoadedKeys
	inputs   []fhe.Ciphertext
}

// measureQuestion measures everything that happens to one question but the network.
func measureQuestion(ctx context.Context, p prepared, f *figures.File) error {
	e := &encrypted{prepared: p, engine: lattigo.New()}
	for _, step := range []func(context.Context, *figures.File) error{
		e.measureCompile, e.measureKeys, e.measureEncrypt, e.measureExecute,
	} {
		if err := step(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// measureCompile runs encode and infer and compiles the Program, as a registration does.
func (e *encrypted) measureCompile(ctx context.Context, f *figures.File) (err error) {
	if e.values, err = e.module.RunEncode(ctx, e.args, e.req); err != nil {
		return err
	}
	program, err := e.module.RunInfer(ctx, e.args)
	if err != nil {
		return err
	}
	options := squeeze.Options{Outputs: e.module.Manifest().OutputsFor(e.args)}
	compile, err := timed(func() error {
		e.compiled, err = squeeze.CompileWith(program, e.model, encode.New(), options)
		return err
	})
	if err != nil {
		return err
	}
	f.Add(figures.Row{
		Figure: e.label + ": compile the Program", Value: millis(compile), Unit: "ms",
		Reference: fmt.Sprintf("%d nodes to %d steps", len(program.Nodes),
			len(e.compiled.Plan.Steps)),
	})
	// The first load also makes the tables of the parameter set.
	s, err := repeat(ctx, 2, 0, func() error {
		e.plan, err = e.engine.LoadPlan(ctx, e.compiled)
		return err
	})
	if err != nil {
		return err
	}
	f.Add(figures.Row{
		Figure: e.label + ": load the Plan", Value: millis(s[1]), Unit: "ms",
		Reference: fmt.Sprintf("the first, with the tables of %s: %.3g ms",
			e.compiled.Plan.Params.Name(), millis(s[0])),
	})
	return nil
}

// measureKeys makes the secret key and the key set that the Plan needs, if any.
func (e *encrypted) measureKeys(ctx context.Context, f *figures.File) (err error) {
	plan := e.compiled.Plan
	if e.secret, err = lattigo.GenerateSecret(plan.Params, rand.Reader); err != nil {
		return err
	}
	need := plan.KeyNeed()
	if need.IsEmpty() {
		f.Add(figures.Row{Figure: e.label + ": key set", Value: 0, Unit: "MB"})
		return nil
	}
	made, err := repeat(ctx, 3, 0, func() error {
		e.keys, err = lattigo.GenerateKeys(ctx, e.secret, plan.Relin, plan.Galois, rand.Reader, nil)
		return err
	})
	if err != nil {
		return err
	}
	addMillis(f, e.label+": make the key set", made, "")
	size := &counter{}
	if err := fhe.WriteKeySet(size, e.keys); err != nil {
		return err
	}
	f.Add(figures.Row{
		Figure: e.label + ": key set", Value: float64(size.bytes) / 1e6, Unit: "MB",
		Reference: fmt.Sprintf("%d keys", len(e.keys.Keys)),
	})
	loaded, err := repeat(ctx, 3, 0, func() error {
		e.loaded, err = e.engine.LoadKeys(ctx, e.keys)
		return err
	})
	if err != nil {
		return err
	}
	addMillis(f, e.label+": load the key set", loaded, "")
	return nil
}

// counter counts the bytes that are written to it.
type counter struct{ bytes int64 }

var _ io.Writer = (*counter)(nil)

func (c *counter) Write(p []byte) (int, error) {
	c.bytes += int64(len(p))
	return len(p), nil
}

// measureEncrypt encrypts the inputs and encodes them for the network.
func (e *encrypted) measureEncrypt(ctx context.Context, f *figures.File) error {
	var bytes int64
	s, err := repeat(ctx, 10, runBudget/2, func() error {
		e.inputs, bytes = nil, 0
		for _, in := range e.compiled.Plan.Inputs {
			cts, err := lattigo.EncryptVector(e.secret, in, e.values[in.Name], rand.Reader)
			if err != nil {
				return err
			}
			data, err := fhe.EncodeCiphertexts(e.compiled.Plan.Params, cts)
			if err != nil {
				return err
			}
			bytes += int64(len(data))
			// What a node reads is complete, not seeded.
			parsed, err := fhe.ParseInput(e.compiled.Plan.Params, in, data)
			if err != nil {
				return err
			}
			e.inputs = append(e.inputs, parsed...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	addMillis(f, e.label+": encrypt, encode and read the inputs", s, "")
	f.Add(figures.Row{
		Figure: e.label + ": upload of a question", Value: float64(bytes) / 1e3, Unit: "KB",
		Asked: e.uploadAsked,
		Reference: fmt.Sprintf("%d ciphertexts of %s", len(e.inputs),
			e.compiled.Plan.Params.Name()),
	})
	return nil
}

// measureExecute runs the Plan, then decrypts and decodes its results.
func (e *encrypted) measureExecute(ctx context.Context, f *figures.File) error {
	var outputs []fhe.Ciphertext
	var err error
	before := processorTime()
	s, err := repeat(ctx, 10, 3*time.Second, func() error {
		outputs, err = fhe.Execute(ctx, e.plan, e.loaded, e.inputs, fhe.RunOptions{})
		return err
	})
	if err != nil {
		return err
	}
	used := (processorTime() - before) / time.Duration(len(s))
	addMillis(f, e.label+": execute", s, e.executeAsked)
	f.Add(figures.Row{
		Figure: e.label + ": execute, processor time", Value: millis(used), Unit: "ms",
		Reference: fmt.Sprintf("%d steps on one core", len(e.compiled.Plan.Steps)),
	})
	results := map[string][]float64{}
	s, err = repeat(ctx, 10, runBudget/2, func() error {
		for i, out := range e.compiled.Plan.Outputs {
			values, err := lattigo.DecryptVector(e.secret, out, outputs[i])
			if err != nil {
				return err
			}
			results[out.Name] = values
		}
		return nil
	})
	if err != nil {
		return err
	}
	addMillis(f, e.label+": decrypt", s, "")
	answer, err := e.module.RunDecode(ctx, e.args, results)
	if err != nil {
		return err
	}
	if answer.Label == "" {
		return errors.New("the Brain gave no answer")
	}
	return nil
}
