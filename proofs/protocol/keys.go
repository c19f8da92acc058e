package protocol

import (
	"fmt"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/proofs/identity"
	"github.com/cerberus-host/cerberus/proofs/opening"
)

// CommitKeys commits to the key polynomials that a System built with committed keys has: one
// point for each block of each, in the Shape's order.
func CommitKeys(
	sh *Shape, public *identity.Publics, setup opening.Prover,
) ([][]bn254.G1Affine, error) {
	out := make([][]bn254.G1Affine, len(sh.Keys))
	failures := make([]error, len(sh.Keys))
	Parallel(len(sh.Keys), Workers(), func(_, i int) {
		out[i] = make([]bn254.G1Affine, sh.Blocks)
		var w []int64
		if w, failures[i] = public.Coeffs(sh.System, sh.Keys[i]); failures[i] != nil {
			return
		}
		for b := range out[i] {
			block := w[b*len(w)/sh.Blocks : (b+1)*len(w)/sh.Blocks]
			if out[i][b], failures[i] = setup.Commit(block); failures[i] != nil {
				return
			}
		}
	})
	for _, err := range failures {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// CheckKeys returns [ErrKeys] unless the commitments are those of the keys in public: with
// powers of one challenge all polynomials and all commitments are added up, and one
// commitment compared. keySet is the digest of the keys.
func CheckKeys(
	sh *Shape, public *identity.Publics, setup opening.Prover, keySet abi.Digest,
	keys [][]bn254.G1Affine,
) error {
	t := NewTranscript("cerberus/key-commitments/v1")
	system, digest := sh.System.Digest(), setup.Verifier().Digest()
	t.Append("key set", keySet[:])
	t.Append("system", system[:])
	t.Append("setup", digest[:])
	if len(keys) != len(sh.Keys) {
		return fmt.Errorf("%w: %d instead of %d", ErrKeys, len(keys), len(sh.Keys))
	}
	var points []bn254.G1Affine
	for _, blocks := range keys {
		if len(blocks) != sh.Blocks {
			return fmt.Errorf("%w: %d blocks instead of %d", ErrKeys, len(blocks), sh.Blocks)
		}
		points = append(points, blocks...)
	}
	if len(points) == 0 {
		return nil
	}
	t.Append("points", appendPoints(nil, points))
	weights := Powers(t.Scalar("fold"), len(points))
	folder := NewFolder(min(sh.Size, sh.Degree))
	for i, poly := range sh.Keys {
		w, err := public.Coeffs(sh.System, poly)
		if err != nil {
			return err
		}
		for b := range sh.Blocks {
			folder.Add(&weights[i*sh.Blocks+b], w[b*len(w)/sh.Blocks:(b+1)*len(w)/sh.Blocks])
		}
	}
	sum := make([]fr.Element, min(sh.Size, sh.Degree))
	folder.Sum(sum)
	want, err := setup.CommitScalars(sum)
	if err != nil {
		return err
	}
	var got bn254.G1Affine
	if _, err := got.MultiExp(points, weights, ecc.MultiExpConfig{}); err != nil {
		return fmt.Errorf("fold commitments: %w", err)
	}
	if !got.Equal(&want) {
		return fmt.Errorf("%w: they are of other keys", ErrKeys)
	}
	return nil
}
