package state

import (
	"fmt"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
)

// Index is the position of an entry in the log, from 1.
type Index uint64

// Role is what an address may do. The numbers are those of raftlog.v1.Role.
type Role uint8

// The roles. Do not renumber.
const (
	// RoleAdmin may grant roles, change the policy and act for every author and client.
	RoleAdmin Role = 1
	// RoleAuthor may register modules.
	RoleAuthor Role = 2
	// RoleClient may submit tasks and commit blobs.
	RoleClient Role = 3
	// RoleNode may lease, finish and prove tasks, commit blobs and collect what has expired.
	RoleNode Role = 4
	// RoleValidator may judge proofs.
	RoleValidator Role = 5
)

// String returns the role's word.
func (r Role) String() string {
	switch r {
	case RoleAdmin:
		return "admin"
	case RoleAuthor:
		return "author"
	case RoleClient:
		return "client"
	case RoleNode:
		return "node"
	case RoleValidator:
		return "validator"
	}
	return fmt.Sprintf("role_%d", uint8(r))
}

// Valid reports whether r is one of the listed roles.
func (r Role) Valid() bool { return r >= RoleAdmin && r <= RoleValidator }

// Roles is a set of roles; the zero value is empty.
type Roles uint8

const rolesAll Roles = 1<<RoleAdmin | 1<<RoleAuthor | 1<<RoleClient | 1<<RoleNode |
	1<<RoleValidator

// Has reports whether the set holds r itself; what a role implies is [View.May]'s matter.
func (s Roles) Has(r Role) bool { return r.Valid() && s&(1<<r) != 0 }

// List returns the roles in ascending order.
func (s Roles) List() []Role {
	var list []Role
	for r := RoleAdmin; r <= RoleValidator; r++ {
		if s.Has(r) {
			list = append(list, r)
		}
	}
	return list
}

// Account is an address and its roles.
type Account struct {
	Address abi.Address
	Roles   Roles
}

// Policy holds the limits that an admin may change; see raftlog.v1.Policy.
type Policy struct {
	// LiveTasksPerClientMax bounds the queued and running tasks of one client.
	LiveTasksPerClientMax uint32
	// LiveTasksMax bounds the queued and running tasks of all clients.
	LiveTasksMax uint32
	// AttemptsMax bounds how often a task is leased.
	AttemptsMax uint32
	// BlobBytesPerOwnerMax bounds the committed bytes of one owner that is no node.
	BlobBytesPerOwnerMax uint64
	// OpenClients makes every address a client.
	OpenClients bool
	// VerdictQuorum is how many validators have to agree about a proof.
	VerdictQuorum uint32
	// ProofDeadlineMS is how long a node may take for a proof after it reported the result.
	ProofDeadlineMS int64
	// VerdictDeadlineMS is how long a proof waits for its verdicts.
	VerdictDeadlineMS int64
	// ProofAttemptsMax bounds how many proofs of one task are tried.
	ProofAttemptsMax uint32
}

// BlobKind says what a blob holds. The numbers are those of raftlog.v1.BlobKind.
type BlobKind uint8

// The kinds. Do not renumber.
const (
	BlobModule     BlobKind = 1
	BlobModel      BlobKind = 2
	BlobKeySet     BlobKind = 3
	BlobCiphertext BlobKind = 4
	BlobConstants  BlobKind = 5
	BlobProgram    BlobKind = 6
	BlobPlan       BlobKind = 7
	BlobBundle     BlobKind = 8
	BlobSetup      BlobKind = 9
)

// String returns the kind's word.
func (k BlobKind) String() string {
	words := [...]string{
		BlobModule: "module", BlobModel: "model", BlobKeySet: "key set",
		BlobCiphertext: "ciphertext", BlobConstants: "constants", BlobProgram: "program",
		BlobPlan: "plan", BlobBundle: "bundle", BlobSetup: "setup",
	}
	if k.Valid() {
		return words[k]
	}
	return fmt.Sprintf("kind_%d", uint8(k))
}

// Valid reports whether k is one of the listed kinds.
func (k BlobKind) Valid() bool { return k >= BlobModule && k <= BlobSetup }

// BlobKinds is the set of kinds that one content was committed as. It is a set so that
// nobody can block a module by committing its bytes as something else first.
type BlobKinds uint16

const blobKindsAll BlobKinds = 1<<(BlobSetup+1) - 1<<BlobModule

// Has reports whether the content was committed as k.
func (s BlobKinds) Has(k BlobKind) bool { return k.Valid() && s&(1<<k) != 0 }

// List returns the kinds in ascending order.
func (s BlobKinds) List() []BlobKind {
	var list []BlobKind
	for k := BlobModule; k <= BlobSetup; k++ {
		if s.Has(k) {
			list = append(list, k)
		}
	}
	return list
}

// Blob is a content that is durable in the blob store.
type Blob struct {
	Digest abi.Digest
	// SizeBytes is the content's length, at least 1.
	SizeBytes uint64
	Kinds     BlobKinds
	// Owner pays for it.
	Owner abi.Address
	// ExpiresMS is the log time after which it may be forgotten; 0 for never.
	ExpiresMS int64
	// CommittedMS is the log time of its first commit.
	CommittedMS int64
}

// ModuleState is the life of a module version.
type ModuleState uint8

// The states. Do not renumber.
const (
	// ModuleUploaded: the module's blob is committed, no Brain has the version.
	ModuleUploaded ModuleState = 1
	// ModuleVerified: admitted and compiled, may be activated.
	ModuleVerified ModuleState = 2
	// ModuleActive: the version that new tasks run.
	ModuleActive ModuleState = 3
	// ModuleDraining: no new tasks; its open ones end with it.
	ModuleDraining ModuleState = 4
	// ModuleRemoved: out of service; its blobs may be forgotten.
	ModuleRemoved ModuleState = 5
)

// String returns the state's word.
func (m ModuleState) String() string {
	switch m {
	case ModuleUploaded:
		return "uploaded"
	case ModuleVerified:
		return "verified"
	case ModuleActive:
		return "active"
	case ModuleDraining:
		return "draining"
	case ModuleRemoved:
		return "removed"
	}
	return fmt.Sprintf("module_state_%d", uint8(m))
}

// Variant is one combination of public arguments and what was compiled for it.
type Variant struct {
	Args      abi.Args
	Program   abi.Digest
	Plan      abi.Digest
	Constants []abi.Digest
	// NeedsKeys reports whether a task must name a key set.
	NeedsKeys bool
}

// Version is one registered module of a Brain.
type Version struct {
	Module   abi.Digest
	Manifest abi.Digest
	// Model is zero for a module without a model.
	Model  abi.Digest
	Params string
	// Name is the version's name for people.
	Name     string
	Author   abi.Address
	State    ModuleState
	Variants []Variant
	// RegisteredMS is the log time of the registration.
	RegisteredMS  int64
	RegisterIndex Index
}

// variant finds the combination of arguments.
func (v *Version) variant(args abi.Args) (*Variant, bool) {
	for i := range v.Variants {
		if v.Variants[i].Args.Equal(args) {
			return &v.Variants[i], true
		}
	}
	return nil, false
}

// blobs lists the blobs that the version needs, repetitions included.
func (v *Version) blobs() []abi.Digest {
	list := []abi.Digest{v.Module}
	if !v.Model.IsZero() {
		list = append(list, v.Model)
	}
	for _, x := range v.Variants {
		list = append(list, x.Program, x.Plan)
		list = append(list, x.Constants...)
	}
	return list
}

// Brain is a numbered slot.
type Brain struct {
	ID   abi.BrainID
	Name string
	// Author registered the slot; admins and this address may change it.
	Author abi.Address
	// Retired is set until a new version is registered.
	Retired bool
	// Versions are in the order of their registration.
	Versions    []Version
	ChangeIndex Index
}

// Active returns the active version, if there is one.
func (b *Brain) Active() (Version, bool) {
	for _, v := range b.Versions {
		if v.State == ModuleActive {
			return v, true
		}
	}
	return Version{}, false
}

// InUse reports whether the slot and its name are taken.
func (b *Brain) InUse() bool {
	return !b.Retired || slices.ContainsFunc(b.Versions, func(v Version) bool {
		return v.State != ModuleRemoved
	})
}

// version returns the position of a module among the versions, or -1.
func (b *Brain) version(module abi.Digest) int {
	return slices.IndexFunc(b.Versions, func(v Version) bool { return v.Module == module })
}

func (b *Brain) clone() Brain {
	c := *b
	c.Versions = slices.Clone(b.Versions)
	for i := range c.Versions {
		v := &c.Versions[i]
		v.Variants = slices.Clone(v.Variants)
		for j := range v.Variants {
			v.Variants[j].Args = slices.Clone(v.Variants[j].Args)
			v.Variants[j].Constants = slices.Clone(v.Variants[j].Constants)
		}
	}
	return c
}
