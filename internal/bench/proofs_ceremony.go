package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/identity"
	"github.com/cerberus-host/cerberus/internal/figures"
	"github.com/cerberus-host/cerberus/proofs/attest"
	"github.com/cerberus-host/cerberus/proofs/ceremony"
	"github.com/cerberus-host/cerberus/proofs/opening"
)

// party is a contributor.
type party struct{ *identity.Key }

// Sign implements ceremony.Signer.
func (p party) Sign(d abi.Digest) [attest.SignatureBytes]byte {
	return p.Key.Sign(d)
}

// measureCeremony lets three parties make a setup and verifies the transcript of both
// phases. The clock of the ceremony is set, not waited for.
func (b *bench) measureCeremony(
	ctx context.Context, _ *opening.Setup, f *figures.File,
) error {
	folder := filepath.Join(b.scratch, "ceremony")
	parties := make([]party, ceremony.ContributionsMin)
	for i := range parties {
		key, err := identity.GenerateKey(rand.Reader)
		if err != nil {
			return err
		}
		parties[i] = party{key}
	}
	now := time.Now().UTC().Truncate(time.Second)
	rules := ceremony.Rules{
		Size: openingSize, Operators: []abi.Address{parties[0].Address()},
		Beacon: "nothing that anybody trusts", End1: now.Add(time.Hour), End2: now.Add(2 * time.Hour),
	}
	if err := ceremony.Init(ctx, folder, rules, nil, nil); err != nil {
		return err
	}
	for phase, end := range []time.Time{rules.End1, rules.End2} {
		b.sayf("contribute to phase %d of a ceremony", phase+1)
		before := processorTime()
		s, err := repeatEach(parties, func(p party) error {
			_, err := ceremony.Contribute(ctx, folder, p, now)
			return err
		})
		if err != nil {
			return err
		}
		work := processorTime() - before
		f.Add(figures.Row{
			Figure: fmt.Sprintf("ceremony, N = %d: contribute to phase %d", openingSize, phase+1),
			Value:  s.rank(1).Seconds(), Unit: "s", Asked: "<= 10 s",
			Reference: fmt.Sprintf("the slowest of %d, least %.3g s, processor time of all %.3g s",
				len(s), s.least().Seconds(), work.Seconds()),
		})
		b.sayf("end phase %d, which verifies it", phase+1)
		now = end.Add(time.Minute)
		beacon := []byte("nobody trusts a benchmark")
		if _, err := ceremony.Finish(ctx, folder, beacon, now, nil); err != nil {
			return err
		}
	}
	b.sayf("verify the ceremony")
	took, work, err := worked(func() error {
		_, err := ceremony.Verify(ctx, folder, nil)
		return err
	})
	if err != nil {
		return err
	}
	f.Add(figures.Row{
		Figure: fmt.Sprintf("ceremony, N = %d: verify three parties, both phases", openingSize),
		Value:  took.Seconds(), Unit: "s", Asked: "<= 60 s",
		Reference: fmt.Sprintf("processor time %.3g s", work.Seconds()),
	})
	return nil
}

// repeatEach times f for each party.
func repeatEach(parties []party, f func(party) error) (samples, error) {
	var s samples
	for _, p := range parties {
		d, err := timed(func() error { return f(p) })
		if err != nil {
			return nil, err
		}
		s = append(s, d)
	}
	return s, nil
}
