package host

import (
	"context"
	"errors"

	"github.com/cerberus-host/cerberus/host/api"
	"github.com/cerberus-host/cerberus/host/blob"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
	"github.com/cerberus-host/cerberus/raftstore"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

// clusterBackend answers NodeService.
type clusterBackend struct {
	*core

	store   *blob.Store
	version string
	engine  string
	// ready returns nil, or why the node takes no tasks now.
	ready func() error
}

var _ api.Nodes = (*clusterBackend)(nil)

// Status implements api.Nodes. It answers also while the node is not ready, from what this
// node knows.
func (b *clusterBackend) Status(context.Context) (*cerberusv1.GetStatusResponse, error) {
	self := b.self()
	out := &cerberusv1.GetStatusResponse{
		ClusterId: b.cluster(), NodeAddress: self[:], Version: b.version,
		Engines: []string{b.engine}, RaftState: "follower", TimeMs: b.now().UnixMilli(),
	}
	if err := b.ready(); err != nil {
		out.NotReadyReason = err.Error()
	} else {
		out.Ready = true
	}
	stats, err := b.raft.Stats()
	if errors.Is(err, raftstore.ErrFailed) || errors.Is(err, raftstore.ErrClosed) {
		return out, nil
	}
	if err != nil {
		return nil, refusal(err)
	}
	if stats.Leads {
		out.RaftState = "leader"
	}
	out.CommitIndex, out.AppliedIndex = uint64(stats.CommitIndex), uint64(stats.AppliedIndex)
	held, err := b.store.Stats()
	if err != nil {
		return nil, err
	}
	out.BlobBytes, out.DiskFreeBytes = held.Bytes, held.FreeBytes
	out.DiskFloorBytes = held.FloorBytes
	return out, b.raft.ReadStale(func(v *state.View) error {
		counts := v.Counts()
		out.TasksQueued, out.TasksRunning = uint64(counts.Queued), uint64(counts.Running)
		out.Setup = protoSetup(v.Setup())
		out.Attestations = protoAttestationCounts(v.Totals(), counts.Proving, counts.Proved)
		return nil
	})
}

// SetRole implements api.Nodes.
func (b *clusterBackend) SetRole(
	ctx context.Context, caller api.Caller, req *cerberusv1.SetRoleRequest,
) error {
	// The numbers of the public roles are those of the log.
	_, err := proposeFor(ctx, b.core, caller, &raftlogv1.SetRole{
		Address: req.GetAddress(), Role: raftlogv1.Role(req.GetRole()), Grant: req.GetGrant(),
	})
	return err
}

// Roles implements api.Nodes.
func (b *clusterBackend) Roles(ctx context.Context) (*cerberusv1.ListRolesResponse, error) {
	out := &cerberusv1.ListRolesResponse{}
	err := b.read(ctx, func(v *state.View) error {
		out.OpenToClients = v.Policy().OpenClients
		for _, a := range v.Accounts() {
			account := &cerberusv1.Account{Address: a.Address[:]}
			for _, r := range a.Roles.List() {
				// A node's role is not one that people hold.
				if r != state.RoleNode {
					account.Roles = append(account.Roles, cerberusv1.Role(r))
				}
			}
			if len(account.GetRoles()) > 0 {
				out.Accounts = append(out.Accounts, account)
			}
		}
		return nil
	})
	return out, err
}

// need refuses a caller that may not act in a role, before anything expensive is done for
// it; the log decides again.
func need(v *state.View, caller api.Caller, role state.Role) error {
	if v.May(caller.Address, role) {
		return nil
	}
	return api.Refuse(api.PermissionDenied, "", "%s has not the role %s", caller.Address, role)
}
