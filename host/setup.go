package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/registry"
	"github.com/cerberus-host/cerberus/host/telemetry"
	"github.com/cerberus-host/cerberus/host/validator"
	"github.com/cerberus-host/cerberus/host/worker"
	"github.com/cerberus-host/cerberus/proofs/attest"
	"github.com/cerberus-host/cerberus/proofs/opening"
	"github.com/cerberus-host/cerberus/proofs/prover"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

const (
	// coresPerProof is how many cores one proof keeps busy for most of its time; what it does
	// on one core, other proofs fill.
	coresPerProof = 8
	// proofsAtOnceMax bounds the proofs that share the memory for proofs.
	proofsAtOnceMax = 8
)

// proofsAtOnce is how many proofs are made at once on a number of cores.
func proofsAtOnce(cores int) int {
	return min(proofsAtOnceMax, max(1, cores/coresPerProof))
}

// wireAttester makes what proves and judges.
func (n *Node) wireAttester(
	reg *registry.Registry, w *worker.Worker, metrics *telemetry.Metrics,
) error {
	a := &attester{
		core: n.core, worker: w, metrics: metrics,
		seats:      proofsAtOnce(runtime.GOMAXPROCS(0)),
		wakeProver: make(chan struct{}, 1), wakeJudge: make(chan struct{}, 1),
		busy: make(map[state.Index]bool), rest: make(map[abi.Digest]time.Time),
		keep: func(ctx context.Context, data []byte, client abi.Address) (abi.Digest, error) {
			return n.blobs.putOwn(ctx, data, state.BlobBundle, client)
		},
	}
	n.attester = a
	if n.opts.Setup == nil {
		return nil
	}
	var err error
	a.commits, err = newKeyCommitter(n.core, n.store, n.opts.Setup, n.opts.path("keycommitments"))
	if err != nil {
		return err
	}
	n.blobs.uploaded = a.commits.want
	// Recorded integers and what the prover derives from them have a half each.
	half := max(1, n.opts.share()/int64(2*a.seats))
	a.newProver = func(onProgress func(prover.Progress)) (*prover.Prover, error) {
		return prover.New(prover.Config{
			Setup: n.opts.Setup, MemoryMax: half, Now: n.opts.Now, OnProgress: onProgress,
		})
	}
	// What a killed process left there is of no use.
	spool := n.opts.path("spool")
	if err := errors.Join(os.RemoveAll(spool), os.MkdirAll(spool, 0o700)); err != nil {
		return fmt.Errorf("make the folder for witnesses: %w", err)
	}
	v := n.opts.Setup.Verifier()
	key := n.core.key
	a.setup = v.Digest()
	a.proving = worker.Proving{
		Setup: a.setup, Node: n.core.self(), Build: n.opts.Version,
		WitnessBytesMax: half, SpoolDir: spool, KeyCommitments: a.commits.find,
		Sign: func(d abi.Digest) attest.Signature { return attest.Signature(key.Sign(d)) },
	}
	a.validator, err = validator.New(validator.Config{
		Blobs: n.store, Variants: reg, Setup: v, Self: n.core.self(), Now: n.opts.Now,
		AllowDevelopmentSetup: true, KeyBytesMax: n.opts.share(), // who configured it accepts it
	})
	return err
}

// validators lists the accounts that may judge.
func validators(v *state.View) []abi.Address { return holders(v, state.RoleValidator) }

func holders(v *state.View, role state.Role) []abi.Address {
	var list []abi.Address
	for _, a := range v.Accounts() {
		if a.Roles.Has(role) {
			list = append(list, a.Address)
		}
	}
	return list
}

// announceSetup makes the node's setup the cluster's where that is for this node to say, and
// the node a validator of a cluster that has none. As with the bootstrap, the operator's
// configuration speaks for the first admin.
func (n *Node) announceSetup(ctx context.Context) error {
	if n.opts.Setup == nil {
		return nil
	}
	v := n.opts.Setup.Verifier()
	if v.Kind() == opening.SetupDevelopment {
		n.opts.Log.WarnContext(ctx, "whoever made a development setup can forge proofs under it",
			"setup", v.Digest())
	}
	var has state.Setup
	var admins, judges, nodes []abi.Address
	err := n.core.raft.Read(ctx, func(view *state.View) error {
		has = view.Setup()
		admins, judges = holders(view, state.RoleAdmin), validators(view)
		nodes = holders(view, state.RoleNode)
		return nil
	})
	if err != nil {
		return err
	}
	switch {
	case len(admins) == 0:
		return nil // nobody whom the configuration could speak for
	case has.Digest == v.Digest():
	case !replaces(has, v.Kind(), len(nodes)):
		n.opts.Log.WarnContext(ctx, "the cluster has another setup than this node, which proves "+
			"and judges nothing", "cluster", has.Digest, "node", v.Digest())
		return nil
	default:
		if err := n.setSetup(ctx, admins[0], v); err != nil {
			return fmt.Errorf("announce the setup: %w", err)
		}
		n.opts.Log.InfoContext(ctx, "the cluster proves under the node's setup", "setup",
			v.Digest(), "before", has.Digest)
	}
	if len(judges) > 0 {
		return nil
	}
	self := n.core.self()
	_, err = proposeAs(ctx, n.core, admins[0], &raftlogv1.SetRole{
		Address: self[:], Role: raftlogv1.Role(state.RoleValidator), Grant: true,
	})
	if err != nil {
		return fmt.Errorf("make the node a validator: %w", err)
	}
	return nil
}

// replaces reports whether a node's setup takes the place of the cluster's: if there is none,
// or if the node is alone, unless that would put a setup whose maker can forge in the place of
// one of a ceremony.
func replaces(has state.Setup, kind opening.SetupKind, nodes int) bool {
	if has.IsZero() {
		return true
	}
	return nodes == 1 && (has.Kind != state.SetupCeremony || kind == opening.SetupCeremony)
}

// setSetup stores the verifying part for clients to read and tells the log.
func (n *Node) setSetup(ctx context.Context, admin abi.Address, v opening.Verifier) error {
	var file bytes.Buffer
	if err := n.opts.Setup.WriteVerifier(&file); err != nil {
		return err
	}
	key, err := n.blobs.putOwn(ctx, file.Bytes(), state.BlobSetup, n.core.self())
	if err != nil {
		return err
	}
	kind := raftlogv1.SetupKind_SETUP_KIND_DEVELOPMENT
	if v.Kind() == opening.SetupCeremony {
		kind = raftlogv1.SetupKind_SETUP_KIND_CEREMONY
	}
	digest := v.Digest()
	_, err = proposeAs(ctx, n.core, admin, &raftlogv1.SetSetup{
		Digest: digest[:], Kind: kind, KeyBlob: key[:],
	})
	return err
}
