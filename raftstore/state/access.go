package state

import (
	"github.com/cerberus-host/cerberus/abi"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
)

// may reports whether an address may act in a role: by holding it, by being an admin
// (who may act as author and client), or as a client because the policy is open.
func (s *State) may(a abi.Address, r Role) bool {
	held := s.roles[a]
	switch r {
	case RoleAuthor:
		return held.Has(RoleAuthor) || held.Has(RoleAdmin)
	case RoleClient:
		return held.Has(RoleClient) || held.Has(RoleAdmin) || s.policy.OpenClients
	case RoleAdmin, RoleNode, RoleValidator:
		return held.Has(r)
	}
	return false
}

// need refuses a signer that may not act in a role.
func (c *call) need(r Role) *Error {
	if !c.may(c.signer, r) {
		return refuse(CodePermissionDenied, "signer", "%s has not the role %s", c.signer, r)
	}
	return nil
}

// needSelfOr refuses a signer that is neither the address nor holder of a role.
func (c *call) needSelfOr(a abi.Address, r Role) *Error {
	if c.signer != a && !c.may(c.signer, r) {
		return refuse(CodePermissionDenied, "signer", "%s is neither %s nor has the role %s",
			c.signer, a, r)
	}
	return nil
}

func defaultPolicy() Policy {
	return Policy{
		LiveTasksPerClientMax: LiveTasksPerClientDefault,
		LiveTasksMax:          LiveTasksDefault,
		AttemptsMax:           AttemptsDefault,
		BlobBytesPerOwnerMax:  BlobBytesPerOwnerDefault,
		VerdictQuorum:         VerdictQuorumDefault,
		ProofDeadlineMS:       ProofDeadlineDefaultMS,
		VerdictDeadlineMS:     VerdictDeadlineDefaultMS,
		ProofAttemptsMax:      ProofAttemptsDefault,
	}
}

// parsePolicy reads a policy; zero stands for a default.
func parsePolicy(m *raftlogv1.Policy) (Policy, *Error) {
	p := defaultPolicy()
	if v := m.GetLiveTasksPerClientMax(); v != 0 {
		p.LiveTasksPerClientMax = v
	}
	if v := m.GetLiveTasksMax(); v != 0 {
		p.LiveTasksMax = v
	}
	if v := m.GetAttemptsMax(); v != 0 {
		p.AttemptsMax = v
	}
	if v := m.GetBlobBytesPerOwnerMax(); v != 0 {
		p.BlobBytesPerOwnerMax = v
	}
	p.OpenClients = m.GetOpenClients()
	if v := m.GetVerdictQuorum(); v != 0 {
		p.VerdictQuorum = v
	}
	if v := m.GetProofDeadlineMs(); v != 0 {
		p.ProofDeadlineMS = v
	}
	if v := m.GetVerdictDeadlineMs(); v != 0 {
		p.VerdictDeadlineMS = v
	}
	if v := m.GetProofAttemptsMax(); v != 0 {
		p.ProofAttemptsMax = v
	}
	return p, p.check()
}

// check refuses a policy beyond the ceilings.
func (p Policy) check() *Error {
	switch {
	case p.LiveTasksMax == 0 || p.LiveTasksMax > LiveTasksCeiling:
		return refuse(CodeInvalidArgument, "live_tasks_max", "%d is above %d", p.LiveTasksMax,
			LiveTasksCeiling)
	case p.LiveTasksPerClientMax == 0 || p.LiveTasksPerClientMax > LiveTasksCeiling:
		return refuse(CodeInvalidArgument, "live_tasks_per_client_max", "%d is above %d",
			p.LiveTasksPerClientMax, LiveTasksCeiling)
	case p.AttemptsMax == 0 || p.AttemptsMax > AttemptsCeiling:
		return refuse(CodeInvalidArgument, "attempts_max", "%d is above %d", p.AttemptsMax,
			AttemptsCeiling)
	case p.BlobBytesPerOwnerMax == 0 || p.BlobBytesPerOwnerMax > BlobBytesMax:
		return refuse(CodeInvalidArgument, "blob_bytes_per_owner_max", "%d is above %d",
			p.BlobBytesPerOwnerMax, uint64(BlobBytesMax))
	case p.VerdictQuorum == 0 || p.VerdictQuorum > VerdictQuorumCeiling:
		return refuse(CodeInvalidArgument, "verdict_quorum", "%d is above %d", p.VerdictQuorum,
			VerdictQuorumCeiling)
	case p.ProofDeadlineMS <= 0 || p.ProofDeadlineMS > LeaseMaxMS:
		return refuse(CodeInvalidArgument, "proof_deadline_ms", "%d is not in 1 to %d",
			p.ProofDeadlineMS, LeaseMaxMS)
	case p.VerdictDeadlineMS <= 0 || p.VerdictDeadlineMS > LeaseMaxMS:
		return refuse(CodeInvalidArgument, "verdict_deadline_ms", "%d is not in 1 to %d",
			p.VerdictDeadlineMS, LeaseMaxMS)
	case p.ProofAttemptsMax == 0 || p.ProofAttemptsMax > ProofAttemptsCeiling:
		return refuse(CodeInvalidArgument, "proof_attempts_max", "%d is above %d",
			p.ProofAttemptsMax, ProofAttemptsCeiling)
	}
	return nil
}

// bootstrap names the cluster and its first admin and node, once.
func (c *call) bootstrap(m *raftlogv1.Bootstrap) *Error {
	if bad := parseName("cluster_id", m.GetClusterId()); bad != nil {
		return bad
	}
	admin, bad := parseAddress("admin", m.GetAdmin())
	if bad != nil {
		return bad
	}
	node, bad := parseAddress("node", m.GetNode())
	if bad != nil {
		return bad
	}
	policy, bad := parsePolicy(m.GetPolicy())
	if bad != nil {
		return bad
	}
	if c.signer != node {
		return refuse(CodePermissionDenied, "signer", "%s is not the node %s", c.signer, node)
	}
	if c.clusterID != "" {
		if c.clusterID != m.GetClusterId() || !c.may(node, RoleNode) {
			return refuse(CodeAlreadyBootstrapped, "cluster_id", "the cluster is %q",
				c.clusterID)
		}
		c.resp.Existing = true
		return nil
	}
	c.clusterID = m.GetClusterId()
	c.policy = policy
	c.roles[admin] |= 1 << RoleAdmin
	c.roles[node] |= 1 << RoleNode
	c.emit(Event{Kind: EventAccess})
	return nil
}

// setRole grants or takes a role.
func (c *call) setRole(m *raftlogv1.SetRole) *Error {
	if bad := c.need(RoleAdmin); bad != nil {
		return bad
	}
	who, bad := parseAddress("address", m.GetAddress())
	if bad != nil {
		return bad
	}
	if m.GetRole() < 0 || m.GetRole() > raftlogv1.Role_ROLE_VALIDATOR || !Role(m.GetRole()).Valid() {
		return refuse(CodeInvalidArgument, "role", "role %d is unknown", m.GetRole())
	}
	role := Role(m.GetRole())
	held, known := c.roles[who]
	if held.Has(role) == m.GetGrant() {
		c.resp.Existing = true
		return nil
	}
	if m.GetGrant() && !known && len(c.roles) >= AccountsMax {
		return refuse(CodeAccountTableFull, "address", "%d addresses hold roles", len(c.roles))
	}
	if !m.GetGrant() && role == RoleAdmin && c.adminCount() == 1 {
		return refuse(CodeLastAdmin, "address", "%s is the only admin", who)
	}
	held ^= 1 << role
	if held == 0 {
		delete(c.roles, who)
	} else {
		c.roles[who] = held
	}
	c.emit(Event{Kind: EventAccess})
	return nil
}

func (s *State) adminCount() int { return s.holders(RoleAdmin) }

// holders counts the addresses that hold a role.
func (s *State) holders(r Role) int {
	n := 0
	for _, held := range s.roles {
		if held.Has(r) {
			n++
		}
	}
	return n
}

// setPolicy replaces the policy.
func (c *call) setPolicy(m *raftlogv1.SetPolicy) *Error {
	if bad := c.need(RoleAdmin); bad != nil {
		return bad
	}
	policy, bad := parsePolicy(m.GetPolicy())
	if bad != nil {
		return bad
	}
	c.resp.Existing = policy == c.policy
	c.policy = policy
	c.emit(Event{Kind: EventAccess})
	return nil
}
