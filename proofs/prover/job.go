package prover

import (
	"context"
	"fmt"
	"math/bits"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/protocol"
)

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
	// quotients are their coefficients, by their number less System.Quotients.
	quotients [][]int64
	matrix    *protocol.Projection
	ch        protocol.Challenges
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

// vectorsMin is the number of vectors that are kept whatever the memory: a product has no
// more factors.
const vectorsMin = 2 * factorsMax

// vectorsMax is the number of vectors of N elements of that many bytes that fit the memory.
func (j *job) vectorsMax(bytes int) int {
	return max(vectorsMin, int(j.prover.cfg.MemoryMax/int64(j.shape.Degree*bytes)))
}

// coeffs returns the coefficients of any polynomial. They may be shared.
func (j *job) coeffs(poly int) ([]int64, error) {
	switch s := j.request.System; {
	case poly >= s.Quotients:
		return j.quotients[poly-s.Quotients], nil
	case poly >= s.Wires:
		return j.request.Witness.Read(poly)
	default:
		return j.request.Public.Coeffs(s, poly)
	}
}

// block returns block b of a polynomial, as it is committed.
func block[T any](j *job, w []T, b int) []T {
	return w[b*len(w)/j.shape.Blocks : (b+1)*len(w)/j.shape.Blocks]
}

// commit commits to the wires of the run and draws the coefficients of the combinations.
func (j *job) commit() error {
	var err error
	if j.proof.Wires, err = j.commitments(PhaseCommit, j.shape.Wires); err != nil {
		return err
	}
	j.ch.Combinations = j.session.Wires(j.request.Keys, j.proof.Wires)
	return nil
}

// commitments commits to polynomials, block by block, several at a time.
func (j *job) commitments(phase string, polys []int) ([][]bn254.G1Affine, error) {
	out := make([][]bn254.G1Affine, len(polys))
	err := j.parallel(phase, len(polys), func(_, i int) error {
		w, err := j.coeffs(polys[i])
		if err != nil {
			return err
		}
		out[i] = make([]bn254.G1Affine, j.shape.Blocks)
		for b := range out[i] {
			if out[i][b], err = j.prover.cfg.Setup.Commit(block(j, w, b)); err != nil {
				p := j.request.System.Polys[polys[i]]
				return fmt.Errorf("%w: %s of step %d: %w", identity.ErrWitness, p.Kind, p.Step, err)
			}
		}
		return nil
	})
	return out, err
}

// parallel calls f for all i, several at a time, until one fails or the context ends, and
// tells of it.
func (j *job) parallel(phase string, n int, f func(worker, i int) error) error {
	errs := make([]error, n)
	done := make(chan struct{}, n)
	go func() {
		defer close(done)
		protocol.Parallel(n, j.prover.cfg.Workers, func(worker, i int) {
			if errs[i] = j.ctx.Err(); errs[i] == nil {
				errs[i] = f(worker, i)
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
	if j.proof.Quotients, err = j.commitments(PhaseProject, j.shape.Quotients); err != nil {
		return err
	}
	j.matrix = j.session.Quotients(j.proof.Quotients)
	list := j.shape.Projected()
	j.proof.Projections = make([][protocol.Rows]protocol.Row, len(list))
	projectors := j.matrix.Projectors(j.prover.cfg.Workers)
	err = j.parallel(PhaseProject, len(list), func(worker, i int) error {
		p := j.request.System.Polys[list[i]]
		w, err := j.coeffs(list[i])
		if err != nil {
			return err
		}
		rows := projectors[worker].Project(w)
		j.proof.Projections[i] = rows
		// The chance that honest polynomials fail is below 2^-122, whatever the inputs are.
		if !protocol.Accept(&rows, j.shape.Degree, p.Bound) {
			return fmt.Errorf("%w: %s of step %d projects beyond its bound", identity.ErrWitness,
				p.Kind, p.Step)
		}
		return nil
	})
	if err != nil {
		return err
	}
	j.ch.Delta = j.session.Projections(j.proof.Projections)
	return nil
}
