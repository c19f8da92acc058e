package host

import (
	"strings"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/api"
	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

// protoBrain shows a slot; versions that were removed are left out, Plans on demand.
func protoBrain(v *state.View, brain *state.Brain, plans bool) *cerberusv1.Brain {
	out := &cerberusv1.Brain{Number: uint32(brain.ID), Name: brain.Name}
	for i := range brain.Versions {
		version := &brain.Versions[i]
		if version.State == state.ModuleRemoved {
			continue
		}
		out.Versions = append(out.Versions, protoVersion(v, brain.ID, version, plans))
		if version.State == state.ModuleActive {
			out.ActiveModule = version.Module[:]
		}
	}
	return out
}

func protoVersion(
	v *state.View, id abi.BrainID, version *state.Version, plans bool,
) *cerberusv1.ModuleVersion {
	out := &cerberusv1.ModuleVersion{
		ModuleDigest: version.Module[:], ModuleBytes: blobBytes(v, version.Module),
		Version: version.Name, Params: version.Params,
		// The numbers of the public states are those of the log.
		State: cerberusv1.ModuleState(version.State), Author: version.Author[:],
		RegisteredMs: version.RegisteredMS, OpenTasks: uint64(v.OpenTasks(id, version.Module)),
	}
	if !version.Model.IsZero() {
		out.ModelDigest, out.ModelBytes = version.Model[:], blobBytes(v, version.Model)
	}
	if !plans {
		return out
	}
	for i := range version.Variants {
		x := &version.Variants[i]
		out.Plans = append(out.Plans, &cerberusv1.PlanRef{
			Arguments: protoArgs(x.Args), ProgramDigest: x.Program[:], PlanDigest: x.Plan[:],
			NeedsKeys: x.NeedsKeys,
		})
	}
	return out
}

// blobBytes returns a blob's size, 0 if it is gone.
func blobBytes(v *state.View, d abi.Digest) int64 {
	b, _ := v.Blob(d)
	return int64(b.SizeBytes)
}

func protoArgs(args abi.Args) []*cerberusv1.Argument {
	out := make([]*cerberusv1.Argument, len(args))
	for i, a := range args {
		out[i] = &cerberusv1.Argument{Name: a.Name, Value: a.Value}
	}
	return out
}

func logArgs(args abi.Args) []*raftlogv1.Arg {
	out := make([]*raftlogv1.Arg, len(args))
	for i, a := range args {
		out[i] = &raftlogv1.Arg{Name: a.Name, Value: a.Value}
	}
	return out
}

// compareLogArgs orders arguments as the log does: by name, then by value.
func compareLogArgs(x, y *raftlogv1.Arg) int {
	if c := strings.Compare(x.GetName(), y.GetName()); c != 0 {
		return c
	}
	return strings.Compare(x.GetValue(), y.GetValue())
}

// microsPerMilli converts log time to the unit of timings.
const microsPerMilli = 1000

func protoTask(v *state.View, t *state.Task) *cerberusv1.Task {
	out := &cerberusv1.Task{
		Id: t.ID[:], Brain: uint32(t.Brain), ModuleDigest: t.Module[:], PlanDigest: t.Plan[:],
		Arguments: protoArgs(t.Args), Inputs: protoBlobs(v, t.Inputs), Client: t.Client[:],
		// The numbers of the public states are those of the log.
		State: cerberusv1.TaskState(t.State), Outputs: protoBlobs(v, t.Outputs),
		Engine: t.Engine, SubmittedMs: t.SubmittedMS, EndedMs: t.EndedMS, Attempts: t.Attempts,
	}
	out.Attestation = protoAttestation(v, t)
	if brain, ok := v.Brain(t.Brain); ok {
		out.BrainName = brain.Name
	}
	if !t.KeySet.IsZero() {
		out.KeySet = t.KeySet[:]
	}
	if !t.Lease.Node.IsZero() {
		out.Node = t.Lease.Node[:]
	}
	if t.State == state.TaskDone {
		out.Timings = protoTimings(t)
		for _, c := range t.Counters {
			if c.Name == counterGas {
				out.Gas = c.Value
			}
		}
	}
	if t.Failure.Code != 0 && t.State != state.TaskDone {
		out.Failure, out.FailureMessage = protoFailure(t.Failure)
	}
	return out
}

func protoBlobs(v *state.View, list []state.NamedBlob) []*cerberusv1.NamedBlob {
	out := make([]*cerberusv1.NamedBlob, len(list))
	for i, b := range list {
		out[i] = &cerberusv1.NamedBlob{
			Name: b.Name, Digest: b.Digest[:], Bytes: blobBytes(v, b.Digest),
		}
	}
	return out
}

// The names of the phases in the log, sorted as it wants them.
const (
	phaseExecute = "execute"
	phaseFetch   = "fetch"
	phaseInfer   = "infer"
	phaseLoad    = "load"
	phaseProve   = "prove"
	phaseRecord  = "record"
	phaseStore   = "store"
)

// The names of the counters in the log, sorted as it wants them.
const (
	counterGas   = "gas"
	counterSteps = "steps"
)

func protoTimings(t *state.Task) *cerberusv1.Timings {
	out := &cerberusv1.Timings{QueueUs: (t.LeasedMS - t.SubmittedMS) * microsPerMilli}
	for _, x := range t.Timings {
		switch x.Name {
		case phaseExecute:
			out.ExecuteUs = int64(x.Micros)
		case phaseFetch:
			out.FetchUs = int64(x.Micros)
		case phaseInfer:
			out.InferUs = int64(x.Micros)
		case phaseLoad:
			out.LoadUs = int64(x.Micros)
		case phaseStore:
			out.StoreUs = int64(x.Micros)
		}
	}
	return out
}

// protoFailure shows a failure; a message of the worker begins with the field at fault.
func protoFailure(f state.Failure) (*cerberusv1.ErrorDetail, string) {
	reason := api.Reason(f.Code.String())
	detail := &cerberusv1.ErrorDetail{Reason: string(reason), Fix: reason.Fix()}
	field, rest, ok := strings.Cut(f.Message, ": ")
	if ok && (field == "key_set" || strings.HasPrefix(field, "inputs.")) {
		detail.Field = field
		return detail, rest
	}
	return detail, f.Message
}
