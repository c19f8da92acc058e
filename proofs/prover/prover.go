package prover

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/consensys/gnark-crypto/ecc/bn254"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/protocol"
)

// memoryDefault is the default of Config.MemoryMax.
const memoryDefault = 512 << 20

// The phases of a proof, in order, as [Progress] and [Stats] name them.
const (
	// PhaseCommit commits to the wires of the run.
	PhaseCommit = "commit"
	// PhaseDivide combines the identities and divides by their primes.
	PhaseDivide = "divide"
	// PhaseProject commits to the quotients, then shows that wires and quotients are small.
	PhaseProject = "project"
	// PhaseCombine combines what remains and divides by X^N+1.
	PhaseCombine = "combine"
	// PhaseOpen reduces all claims to one opening and makes it.
	PhaseOpen = "open"
)

// Progress tells how far a proof is.
type Progress struct {
	// Phase is one of the constants.
	Phase string
	// Done and Total count units of the current stretch of the phase.
	Done, Total int
}

// Config is what a [Prover] is made of. Setup and Now are required.
type Config struct {
	Setup opening.Prover
	// Workers bounds the goroutines of one proof; 0 means GOMAXPROCS. The opening itself
	// takes what its proof system takes.
	Workers int
	// MemoryMax bounds the bytes of transforms and of public vectors that one proof keeps at
	// a time; 0 means 512 MiB. A proof in less memory takes longer and has the same bytes.
	MemoryMax int64
	// Now is the clock for timings.
	Now func() time.Time
	// OnProgress, if not nil, is called from one goroutine of each proof.
	OnProgress func(Progress)
}

// Prover makes proofs. It is safe for concurrent use.
type Prover struct {
	cfg Config
}

// New returns [ErrConfig] for a configuration without a setup or a clock.
func New(cfg Config) (*Prover, error) {
	if cfg.Setup == nil || cfg.Now == nil {
		return nil, fmt.Errorf("%w: no setup or clock", ErrConfig)
	}
	if cfg.Workers <= 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	if cfg.MemoryMax <= 0 {
		cfg.MemoryMax = memoryDefault
	}
	return &Prover{cfg: cfg}, nil
}

// Verifier is that of the setup.
func (p *Prover) Verifier() opening.Verifier { return p.cfg.Setup.Verifier() }

// Request is one task's proof. Nothing of it may change while the proof is made.
type Request struct {
	System *identity.System
	// Statement is the digest that the proof is about.
	Statement abi.Digest
	// Public are inputs, outputs, constants and keys of the task.
	Public *identity.Publics
	// Witness is that of a run of the System's Plan.
	Witness *identity.Witness
	// Keys are the commitments of the key polynomials, in the order of the System, if it was
	// built with committed keys.
	Keys [][]bn254.G1Affine
}

// Stats tells what a proof took.
type Stats struct {
	// Wires and Quotients are committed polynomials, CommittedBits the sum of the widths of
	// their coefficients, a sign included.
	Wires, Quotients, CommittedBits int
	// Bytes is the length of the proof.
	Bytes int
	// Commit to Reduce are the durations of the phases in order, Total that of all.
	Commit, Divide, Project, Combine, Reduce, Total time.Duration
}

// Prove returns the bytes of a proof. It returns [ErrRequest] for a request that lacks
// something, identity.ErrPublic for public polynomials that are not the Plan's,
// identity.ErrBound if the Plan cannot be proved, identity.ErrWitness, with the identity that
// does not hold, if the witness is not that of a run on the public polynomials, and the
// context's error. What it returns verifies.
func (p *Prover) Prove(ctx context.Context, r Request) ([]byte, *Stats, error) {
	started := p.cfg.Now()
	j, err := p.newJob(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	watch := p.cfg.Now()
	for _, phase := range []struct {
		took *time.Duration
		run  func() error
	}{
		{&j.stats.Commit, j.commit},
		{&j.stats.Divide, j.divide},
		{&j.stats.Project, j.project},
		{&j.stats.Combine, j.combine},
		{&j.stats.Reduce, j.reduce},
	} {
		if err := errors.Join(phase.run(), ctx.Err()); err != nil {
			return nil, nil, err
		}
		now := p.cfg.Now()
		*phase.took, watch = now.Sub(watch), now
	}
	out, err := j.proof.Encode(j.shape)
	if err != nil {
		return nil, nil, fmt.Errorf("encode the proof: %w", err)
	}
	j.count(len(out))
	j.stats.Total = p.cfg.Now().Sub(started)
	return out, &j.stats, nil
}

// newJob checks a request.
func (p *Prover) newJob(ctx context.Context, r Request) (*job, error) {
	if r.System == nil || r.Public == nil || r.Witness == nil || r.Statement.IsZero() {
		return nil, fmt.Errorf("%w: no system, public polynomials, witness or statement",
			ErrRequest)
	}
	if err := r.System.Check(); err != nil {
		return nil, err
	}
	if err := r.Public.Check(r.System); err != nil {
		return nil, err
	}
	v := p.cfg.Setup.Verifier()
	sh, err := protocol.NewShape(r.System, v.Size(), v.OpeningBytes())
	if err != nil {
		return nil, err
	}
	if len(r.Keys) != len(sh.Keys) {
		return nil, fmt.Errorf("%w: %d key commitments instead of %d", ErrRequest, len(r.Keys),
			len(sh.Keys))
	}
	j := &job{
		ctx: ctx, prover: p, request: r, shape: sh, proof: &protocol.Proof{},
		session: protocol.NewSession(sh, r.Statement, v.Digest()), folder: newFolder(),
	}
	if j.field, err = newField(sh.Degree, r.System.HBlocks); err != nil {
		return nil, err
	}
	j.terms, err = newTerms(r.System)
	return j, err
}
