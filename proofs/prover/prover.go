package prover

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"runtime"
	"time"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/protocol"
)

// ErrConfig is returned for a configuration that cannot work.
var ErrConfig = errors.New("prover is not configured")

// memoryDefault is the default of Config.MemoryMax.
const memoryDefault = 512 << 20

// Progress tells how far a proof is.
type Progress struct {
	// Phase is one word: commit, quotients, project, divide, open.
	Phase string
	// Done and Total count the phase's units.
	Done, Total int
}

// Config is what a [Prover] is made of. Setup and Now are required.
type Config struct {
	Setup opening.Prover
	// Workers bounds the goroutines of one proof; 0 means GOMAXPROCS.
	Workers int
	// MemoryMax bounds the bytes of transforms that one proof keeps; 0 means 512 MiB.
	MemoryMax int64
	// Random blinds openings; nil means crypto/rand.
	Random io.Reader
	// Now is the clock for timings.
	Now func() time.Time
	// OnProgress, if not nil, is called from one goroutine of each proof.
	OnProgress func(Progress)
}

// Prover makes proofs. It is safe for concurrent use.
type Prover struct {
	cfg Config
	// tamper, if not nil, changes a proof as it is made; tests forge with it.
	tamper *tamper
}

// tamper are the places where a forger would act.
type tamper struct {
	// wires changes what is committed, after the witness was read.
	wires func(polys [][]int64)
	// late changes the wires after they were committed.
	late func(polys [][]int64)
	// quotients ignores that a quotient is not exact and lets it be changed.
	quotients func(parts [][]int64)
	rows      func(rows [][protocol.Rows]protocol.Row)
	h         func(h [][]fr.Element)
	proof     func(p *protocol.Proof)
}

// New checks a configuration.
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
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	return &Prover{cfg: cfg}, nil
}

// Request is one task's proof.
type Request struct {
	System *identity.System
	// Statement is the digest that the proof is about.
	Statement abi.Digest
	Public    *identity.Publics
	Witness   *identity.Witness
	// Keys are the commitments of the key polynomials, in the order of the System, if it was
	// built with committed keys.
	Keys [][]bn254.G1Affine
}

// Stats tells what a proof took.
type Stats struct {
	Wires, Quotients, CommittedBits, Bytes          int
	Commit, Divide, Project, Combine, Reduce, Total time.Duration
}

// Prove returns the bytes of a proof. It returns identity.ErrWitness if the witness does not
// satisfy the identities, identity.ErrBound if the Plan cannot be proved, or the context's
// error.
func (p *Prover) Prove(ctx context.Context, r Request) ([]byte, *Stats, error) {
	if err := r.System.Check(); err != nil {
		return nil, nil, err
	}
	if err := r.Public.Check(r.System); err != nil {
		return nil, nil, err
	}
	v := p.cfg.Setup.Verifier()
	sh, err := protocol.NewShape(r.System, v.Size(), v.OpeningBytes())
	if err != nil {
		return nil, nil, err
	}
	j := &job{
		ctx: ctx, prover: p, request: r, shape: sh, proof: &protocol.Proof{},
		session: protocol.NewSession(sh, r.Statement, v.Digest()), folder: newFolder(),
	}
	if j.field, err = newField(sh.Degree, r.System.HBlocks); err != nil {
		return nil, nil, err
	}
	if j.terms, err = newTerms(r.System); err != nil {
		return nil, nil, err
	}
	started := p.cfg.Now()
	watch := started
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
	if p.tamper != nil && p.tamper.proof != nil {
		p.tamper.proof(j.proof)
	}
	out, err := j.proof.Encode(sh)
	if err != nil {
		return nil, nil, err
	}
	j.count(len(out))
	j.stats.Total = p.cfg.Now().Sub(started)
	return out, &j.stats, nil
}

// job is one proof on its way.
type job struct {
	ctx     context.Context //nolint:containedctx // lives as long as the call
	prover  *Prover
	request Request
	shape   *protocol.Shape
	session *protocol.Session
	field   *field
	folder  *folder
	terms   *terms
	proof   *protocol.Proof
	stats   Stats
	// polys are the coefficients of wires and quotients, by their number less System.Wires.
	polys  [][]int64
	matrix *protocol.Projection
	ch     protocol.Challenges
	// h are the blocks of the quotient by X^N+1.
	h [][]fr.Element
}

func (j *job) count(size int) {
	j.stats.Wires, j.stats.Quotients = len(j.shape.Wires), len(j.shape.Quotients)
	j.stats.Bytes = size
	for _, poly := range j.shape.Projected() {
		bound := j.request.System.Polys[poly].Bound
		j.stats.CommittedBits += bits.Len64(uint64(bound)) + 1
	}
}

func (j *job) tell(phase string, done, total int) {
	if j.prover.cfg.OnProgress != nil {
		j.prover.cfg.OnProgress(Progress{Phase: phase, Done: done, Total: total})
	}
}

// vectorsMax is the number of vectors of elements of that many bytes that fit the memory.
func (j *job) vectorsMax(bytes int) int {
	return max(64, int(j.prover.cfg.MemoryMax/int64(j.shape.Degree*bytes)))
}

// coeffs returns the coefficients of any polynomial.
func (j *job) coeffs(poly int) ([]int64, error) {
	if poly >= j.request.System.Wires {
		return j.polys[poly-j.request.System.Wires], nil
	}
	return j.request.Public.Coeffs(j.request.System, poly)
}

// commit commits to the wires of the run and draws the coefficients of the combinations.
func (j *job) commit() error {
	s := j.request.System
	j.polys = make([][]int64, len(s.Polys)-s.Wires)
	for _, poly := range j.shape.Wires {
		j.polys[poly-s.Wires] = j.request.Witness.Coeffs(poly)
	}
	if t := j.prover.tamper; t != nil && t.wires != nil {
		t.wires(j.polys)
	}
	var err error
	if j.proof.Wires, err = j.commitments("commit", j.shape.Wires); err != nil {
		return err
	}
	j.ch.Combinations = j.session.Wires(j.request.Keys, j.proof.Wires)
	if t := j.prover.tamper; t != nil && t.late != nil {
		t.late(j.polys)
	}
	return nil
}

// commitments commits to polynomials, block by block, several at a time.
func (j *job) commitments(phase string, polys []int) ([][]bn254.G1Affine, error) {
	out := make([][]bn254.G1Affine, len(polys))
	err := j.parallel(phase, len(polys), func(i int) error {
		w, err := j.coeffs(polys[i])
		if err != nil {
			return err
		}
		out[i] = make([]bn254.G1Affine, j.shape.Blocks)
		for b := range out[i] {
			block := w[b*len(w)/j.shape.Blocks : (b+1)*len(w)/j.shape.Blocks]
			if out[i][b], err = j.prover.cfg.Setup.Commit(block); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// parallel calls f for all i, several at a time, until one fails or the context ends.
func (j *job) parallel(phase string, n int, f func(i int) error) error {
	errs := make([]error, n)
	done := make(chan struct{}, n)
	go func() {
		defer close(done)
		protocol.Parallel(n, j.prover.cfg.Workers, func(_, i int) {
			if errs[i] = j.ctx.Err(); errs[i] == nil {
				errs[i] = f(i)
			}
			done <- struct{}{}
		})
	}()
	for count := 0; ; count++ {
		j.tell(phase, count, n)
		if _, ok := <-done; !ok {
			break
		}
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// project commits to the quotients, draws the matrix and projects.
func (j *job) project() error {
	var err error
	if j.proof.Quotients, err = j.commitments("quotients", j.shape.Quotients); err != nil {
		return err
	}
	j.matrix = j.session.Quotients(j.proof.Quotients)
	list := j.shape.Projected()
	j.proof.Projections = make([][protocol.Rows]protocol.Row, len(list))
	projectors := j.matrix.Projectors(j.prover.cfg.Workers)
	protocol.Parallel(len(list), len(projectors), func(worker, i int) {
		w := j.polys[list[i]-j.request.System.Wires]
		j.proof.Projections[i] = projectors[worker].Project(w)
	})
	if t := j.prover.tamper; t != nil && t.rows != nil {
		t.rows(j.proof.Projections)
	}
	for i, poly := range list {
		p := j.request.System.Polys[poly]
		if j.prover.tamper == nil &&
			!protocol.Accept(&j.proof.Projections[i], j.shape.Degree, p.Bound) {
			return fmt.Errorf("%w: %s of step %d projects too far; prove again", identity.ErrWitness,
				p.Kind, p.Step)
		}
	}
	j.ch.Delta = j.session.Projections(j.proof.Projections)
	return nil
}
