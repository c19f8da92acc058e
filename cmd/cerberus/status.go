package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/client"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
)

// statusView is the JSON form of a node's status.
type statusView struct {
	Node      string   `json:"node"`
	Address   string   `json:"address"`
	Cluster   string   `json:"cluster"`
	Version   string   `json:"version"`
	Ready     bool     `json:"ready"`
	Reason    string   `json:"not_ready_reason,omitempty"`
	Raft      string   `json:"raft"`
	Commit    uint64   `json:"commit_index"`
	Applied   uint64   `json:"applied_index"`
	Engines   []string `json:"engines"`
	Queued    uint64   `json:"tasks_queued"`
	Running   uint64   `json:"tasks_running"`
	BlobBytes int64    `json:"blob_bytes"`
	DiskFree  int64    `json:"disk_free_bytes"`
	// Setup is what new tasks are proved under; empty if the cluster proves nothing.
	Setup     string `json:"setup"`
	SetupKind string `json:"setup_kind"`
	// SetupTrusted tells whether this client trusts it.
	SetupTrusted bool       `json:"setup_trusted"`
	Proofs       proofsView `json:"attestations"`
}

// proofsView counts the attestations of the cluster.
type proofsView struct {
	Pending  uint64 `json:"pending"`
	Proved   uint64 `json:"proved"`
	Settled  uint64 `json:"settled"`
	Rejected uint64 `json:"rejected"`
	Failed   uint64 `json:"failed"`
}

func newStatus(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show the state of the node",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			o, err := g.open(c.Context())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, o.close(c.Context())) }()
			s, err := o.Connect(c.Context(), false)
			if err != nil {
				return err
			}
			v, err := g.statusView(o, s)
			if err != nil {
				return err
			}
			if g.json {
				return g.printJSON(v)
			}
			ready := "ready"
			if !v.Ready {
				ready = "not ready: " + plain(v.Reason)
			}
			return g.printf("%s  %s\n  cluster   %s\n  identity  %s\n  version   %s\n"+
				"  raft      %s, applied %d of %d\n  engines   %s\n  tasks     %d queued, %d running\n"+
				"  blobs     %.1f MB stored, %.1f GB of disk free\n"+
				"  setup     %s\n"+
				"  proofs    %d pending, %d proved, %d settled, %d rejected, %d failed\n",
				v.Node, ready, v.Cluster, v.Address, plain(v.Version), plain(v.Raft), v.Applied,
				v.Commit, plain(strings.Join(v.Engines, ", ")), v.Queued, v.Running,
				float64(v.BlobBytes)/1e6, float64(v.DiskFree)/1e9, v.setupText(), v.Proofs.Pending,
				v.Proofs.Proved, v.Proofs.Settled, v.Proofs.Rejected, v.Proofs.Failed)
		},
	}
}

// setupText tells of the setup what decides whether results can be verified here.
func (v *statusView) setupText() string {
	switch {
	case v.Setup == "":
		return "none: results are not proven"
	case v.SetupTrusted:
		return v.Setup + " (" + v.SetupKind + "), which you trust"
	default:
		return v.Setup + " (" + v.SetupKind + "), which you do not trust"
	}
}

func (g *globals) statusView(
	o *opened, s *cerberusv1.GetStatusResponse,
) (*statusView, error) {
	counts := s.GetAttestations()
	v := &statusView{
		Node: g.node, Address: "0x" + hex.EncodeToString(s.GetNodeAddress()),
		Cluster: hex.EncodeToString(s.GetClusterId()), Version: s.GetVersion(),
		Ready: s.GetReady(), Reason: s.GetNotReadyReason(), Raft: s.GetRaftState(),
		Commit: s.GetCommitIndex(), Applied: s.GetAppliedIndex(), Engines: s.GetEngines(),
		Queued: s.GetTasksQueued(), Running: s.GetTasksRunning(), BlobBytes: s.GetBlobBytes(),
		DiskFree: s.GetDiskFreeBytes(),
		Proofs: proofsView{
			counts.GetPending(), counts.GetProved(), counts.GetSettled(), counts.GetRejected(),
			counts.GetFailed(),
		},
	}
	setup := s.GetSetup()
	if setup == nil {
		return v, nil
	}
	digest, err := abi.DigestFromBytes(setup.GetDigest())
	if err != nil {
		return nil, fmt.Errorf("%w: the cluster's setup: %w", client.ErrVerification, err)
	}
	v.Setup = digest.String()
	v.SetupKind = strings.ToLower(strings.TrimPrefix(setup.GetKind().String(), "SETUP_KIND_"))
	v.SetupTrusted, err = o.TrustsSetup(digest)
	return v, err
}

func newRole(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use: "role", Short: "Grant or revoke roles (admins), or show your own address",
		Args: cobra.NoArgs,
	}
	for _, grant := range []bool{true, false} {
		use, short := "grant ADDRESS admin|author|client|validator", "Give an account a role"
		if !grant {
			use, short = "revoke ADDRESS admin|author|client|validator", "Take a role from an account"
		}
		sub := &cobra.Command{
			Use: use, Short: short, Args: cobra.ExactArgs(2),
			RunE: func(c *cobra.Command, args []string) error {
				who, err := abi.ParseAddress(args[0])
				if err != nil {
					return usageError{err}
				}
				role, ok := cerberusv1.Role_value["ROLE_"+strings.ToUpper(args[1])]
				if !ok || role == 0 {
					return usagef("%.20q is no role: admin, author, client or validator", args[1])
				}
				return g.withClient(func(ctx context.Context, o *opened, _ []string) error {
					return o.SetRole(ctx, who, cerberusv1.Role(role), grant)
				})(c, nil)
			},
		}
		g.addWait(sub)
		c.AddCommand(sub)
	}
	c.AddCommand(&cobra.Command{
		Use: "whoami", Short: "Show the address that you sign with", Args: cobra.NoArgs,
		RunE: g.withKeys(func(o *opened, _ []string) error { return g.printf("%s\n", o.Address()) }),
	})
	return c
}

func newDoctor(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check this machine, the store and the node, and say what to do",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			checks := g.diagnose(c.Context())
			failed := 0
			var first error
			for _, k := range checks {
				if !k.OK {
					failed++
					first = cmp.Or(first, k.err)
				}
			}
			if g.json {
				if err := g.printJSON(checks); err != nil {
					return err
				}
			} else {
				for _, k := range checks {
					mark := "ok  "
					if !k.OK {
						mark = "FAIL"
					}
					if err := g.printf("%s  %-12s %s\n", mark, k.Check, k.Detail); err != nil {
						return err
					}
				}
			}
			if failed > 0 {
				return fmt.Errorf("%d of %d checks failed: %w", failed, len(checks), first)
			}
			return nil
		},
	}
}

// finding is the outcome of one check.
type finding struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	err    error
}

func (g *globals) diagnose(ctx context.Context) []finding {
	var out []finding
	add := func(check string, err error, ok string) bool {
		if err != nil {
			out = append(out, finding{check, false, err.Error(), err})
			return false
		}
		out = append(out, finding{check, true, plain(ok), nil})
		return true
	}
	o, err := g.open(ctx)
	if !add("store", err, g.home) {
		return out
	}
	defer func() { add("close", o.close(ctx), "store and sandbox closed") }()
	list, err := o.Keys()
	add("keys", err, fmt.Sprintf("%d secret keys", len(list)))
	add("identity", nil, o.Address().String())
	s, err := o.Connect(ctx, false)
	if !add("node", err, g.node+" answers, version "+s.GetVersion()) {
		return out
	}
	if !s.GetReady() {
		err = fmt.Errorf("%w: the node takes no tasks: %s", client.ErrUnreachable,
			plain(s.GetNotReadyReason()))
	}
	add("ready", err, "the node takes tasks")
	brains, err := o.Brains(ctx)
	add("brains", err, fmt.Sprintf("%d Brains", len(brains)))
	return out
}
