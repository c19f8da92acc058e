package state

import (
	"bytes"
	"fmt"
	"sort"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
)

// build makes the command of a script line.
func (x *script) build(verb string, f fields) (*raftlogv1.Command, error) {
	r := x.request(f)
	switch verb {
	case "bootstrap":
		return NewCommand(r, &raftlogv1.Bootstrap{
			ClusterId: f["cluster"], Admin: x.address(f["admin"]), Node: x.address(f["node"]),
			Policy: policyOf(f),
		})
	case "role":
		return NewCommand(r, &raftlogv1.SetRole{
			Address: x.address(f["who"]), Role: raftlogv1.Role(roleOf(f["role"])),
			Grant: f["grant"] != "no",
		})
	case "policy":
		return NewCommand(r, &raftlogv1.SetPolicy{Policy: policyOf(f)})
	case "blob":
		return NewCommand(r, x.blob(f))
	case "forget":
		return NewCommand(r, &raftlogv1.ForgetBlob{Digest: x.digest(f["name"])})
	case "expire-blobs":
		return NewCommand(r, &raftlogv1.ExpireBlobs{Limit: uint32(f.num("limit", 100))})
	case "register":
		return NewCommand(r, x.registration(f))
	case "activate":
		return NewCommand(r, &raftlogv1.ActivateModule{
			Brain: uint32(f.num("brain", 1)), ModuleDigest: x.digest(f["module"]),
		})
	case "retire":
		return NewCommand(r, &raftlogv1.RetireBrain{Brain: uint32(f.num("brain", 1))})
	}
	return x.buildTask(verb, f, r)
}

func (x *script) buildTask(verb string, f fields, r Request) (*raftlogv1.Command, error) {
	task, node := x.digest(f["task"]), x.address(f["node"])
	if f["node"] == "" {
		node = x.address(f["by"])
	}
	fence := uint64(f.num("fence", int64(x.fences[f["task"]])))
	switch verb {
	case "submit":
		return NewCommand(r, x.submission(f))
	case "lease":
		return NewCommand(r, &raftlogv1.LeaseTask{
			TaskId: task, Node: node, DeadlineMs: x.nowMS + f.num("for", 1000),
		})
	case "finish":
		return NewCommand(r, &raftlogv1.FinishTask{
			TaskId: task, Node: node, Fence: fence, Outputs: x.named(f["outputs"]),
			Engine:  "lattigo",
			Timings: []*raftlogv1.PhaseTiming{{Name: "execute", Micros: 4200}},
		})
	case "fail":
		return NewCommand(r, &raftlogv1.FailTask{
			TaskId: task, Node: node, Fence: fence,
			Code:    raftlogv1.FailureCode(f.num("code", int64(FailureEngine))),
			Message: f["message"], Retryable: f["retryable"] != "no",
		})
	case "cancel":
		return NewCommand(r, &raftlogv1.CancelTask{TaskId: task})
	case "expire-leases":
		return NewCommand(r, &raftlogv1.ExpireLeases{Limit: uint32(f.num("limit", 100))})
	case "prune":
		return NewCommand(r, &raftlogv1.PruneTasks{
			EndedBeforeMs: f.num("before", 0), Limit: uint32(f.num("limit", 100)),
		})
	}
	return x.buildAttestation(verb, f, r)
}

// buildAttestation: the statement is named after the bundle, unless it is given.
func (x *script) buildAttestation(verb string, f fields, r Request) (*raftlogv1.Command, error) {
	if f["statement"] == "" {
		f["statement"] = "statement of " + f["bundle"]
	}
	switch verb {
	case "setup":
		kind := map[string]raftlogv1.SetupKind{
			"development": raftlogv1.SetupKind_SETUP_KIND_DEVELOPMENT,
			"ceremony":    raftlogv1.SetupKind_SETUP_KIND_CEREMONY,
		}
		return NewCommand(r, &raftlogv1.SetSetup{
			Digest: x.digest(f["digest"]), Kind: kind[f["kind"]], KeyBlob: x.digest(f["key"]),
		})
	case "attest":
		m := &raftlogv1.AttestTask{
			TaskId: x.digest(f["task"]), Node: x.address(f["by"]),
			Fence:        uint64(f.num("fence", int64(x.fences[f["task"]]))),
			BundleDigest: x.digest(f["bundle"]), StatementDigest: x.digest(f["statement"]),
			SetupDigest: x.digest("setup"),
			Timings:     []*raftlogv1.PhaseTiming{{Name: "prove", Micros: 990_000}},
		}
		if f["setup"] != "" {
			m.SetupDigest = x.digest(f["setup"])
		}
		return NewCommand(r, m)
	case "judge":
		who := f["validator"]
		if who == "" {
			who = f["by"]
		}
		return NewCommand(r, &raftlogv1.JudgeTask{
			TaskId: x.digest(f["task"]), Validator: x.address(who),
			BundleDigest: x.digest(f["bundle"]), StatementDigest: x.digest(f["statement"]),
			Accepted: f["reason"] == "" || f["accepted"] == "yes", Reason: f["reason"],
			Signature: bytes.Repeat([]byte{byte(f.num("signature", 7))}, int(f.num("signature-bytes", 65))),
		})
	}
	return nil, fmt.Errorf("unknown verb %q", verb)
}

func policyOf(f fields) *raftlogv1.Policy {
	return &raftlogv1.Policy{
		LiveTasksPerClientMax: uint32(f.num("per-client", 0)),
		LiveTasksMax:          uint32(f.num("live", 0)),
		AttemptsMax:           uint32(f.num("attempts", 0)),
		BlobBytesPerOwnerMax:  uint64(f.num("blob-bytes", 0)),
		OpenClients:           f["open"] == "yes",
		VerdictQuorum:         uint32(f.num("quorum", 0)),
		ProofDeadlineMs:       f.num("proof-deadline", 0),
		VerdictDeadlineMs:     f.num("verdict-deadline", 0),
		ProofAttemptsMax:      uint32(f.num("proof-attempts", 0)),
	}
}

func roleOf(word string) Role {
	for r := RoleAdmin; r <= RoleValidator; r++ {
		if r.String() == word {
			return r
		}
	}
	return 9
}

func (x *script) blob(f fields) *raftlogv1.CommitBlob {
	owner := f["owner"]
	if owner == "" {
		owner = f["by"]
	}
	m := &raftlogv1.CommitBlob{
		Digest: x.digest(f["name"]), SizeBytes: uint64(f.num("size", 10)),
		Owner: x.address(owner), Kind: raftlogv1.BlobKind(99),
	}
	for k := BlobModule; k <= BlobSetup; k++ {
		if strings.ReplaceAll(k.String(), " ", "-") == f["kind"] {
			m.Kind = raftlogv1.BlobKind(k)
		}
	}
	if ttl := f.num("expires", 0); ttl != 0 {
		m.ExpiresMs = x.nowMS + ttl
	}
	return m
}

// registration: variants=exam=a;exam=b makes one variant for each; the programs are named
// "program" and the plans "plan".
func (x *script) registration(f fields) *raftlogv1.RegisterModule {
	author := f["author"]
	if author == "" {
		author = f["by"]
	}
	m := &raftlogv1.RegisterModule{
		Brain: uint32(f.num("brain", 0)), Name: f["name"], ModuleDigest: x.digest(f["module"]),
		ManifestDigest: x.digest("manifest of " + f["module"]), ModelDigest: x.digest(f["model"]),
		Params: "n13", Author: x.address(author), Version: f["version"],
	}
	for v := range strings.SplitSeq(f["variants"], ";") {
		variant := &raftlogv1.Variant{
			Args: argsOf(v), ProgramDigest: x.digest("program"), PlanDigest: x.digest("plan"),
			NeedsKeys: f["keys"] == "yes",
		}
		if f["constants"] != "" {
			variant.ConstantsDigests = [][]byte{x.digest(f["constants"])}
		}
		m.Variants = append(m.Variants, variant)
	}
	return m
}

// argsOf reads "exam:a,form:b" as it stands, sorted or not.
func argsOf(s string) []*raftlogv1.Arg {
	var list []*raftlogv1.Arg
	if s == "" {
		return nil
	}
	for a := range strings.SplitSeq(s, ",") {
		k, v, _ := strings.Cut(a, ":")
		list = append(list, &raftlogv1.Arg{Name: k, Value: v})
	}
	return list
}

func (x *script) named(s string) []*raftlogv1.NamedDigest {
	var list []*raftlogv1.NamedDigest
	if s == "" {
		return nil
	}
	for p := range strings.SplitSeq(s, ",") {
		k, v, _ := strings.Cut(p, ":")
		list = append(list, &raftlogv1.NamedDigest{Name: k, Digest: x.digest(v)})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].GetName() < list[j].GetName() })
	return list
}

func (x *script) submission(f fields) *raftlogv1.SubmitTask {
	client := f["client"]
	if client == "" {
		client = f["by"]
	}
	m := &raftlogv1.SubmitTask{
		TaskId: x.digest(f["task"]), Brain: uint32(f.num("brain", 1)),
		ModuleDigest: x.digest(f["module"]), Args: argsOf(f["args"]),
		Inputs: x.named("text:" + f["input"]), KeysetDigest: x.digest(f["keyset"]),
		Client: x.address(client), IdempotencyKey: []byte(f["key"]),
		PlanDigest: x.digest(f["plan"]), SetupDigest: x.digest(f["setup"]),
	}
	switch f["proof"] {
	case "":
	case "no":
		m.Attestation = raftlogv1.AttestationPolicy_ATTESTATION_POLICY_NONE
	case "yes":
		m.Attestation = raftlogv1.AttestationPolicy_ATTESTATION_POLICY_PROOF
	default:
		m.Attestation = 9
	}
	if m.GetBrain() > abi.BrainsMax {
		m.Brain = abi.BrainsMax + 1
	}
	return m
}
