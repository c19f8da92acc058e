package kit

import (
	"errors"
	"slices"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/host/admit"
	"github.com/cerberus-host/cerberus/host/admit/validate"
	"github.com/cerberus-host/cerberus/host/api"
	"github.com/cerberus-host/cerberus/host/registry"
	"github.com/cerberus-host/cerberus/host/runtime"
)

// Reason is one thing for which a registration would be refused.
type Reason struct {
	// Reason is the word that a node answers with, see docs/ERRORS.md.
	Reason api.Reason `json:"reason"`
	// Args are the public arguments that it is about, empty if it is about all.
	Args string `json:"public_arguments,omitempty"`
	// Section and Offset say where in the file it is; Offset is -1 if it is nowhere.
	Section string `json:"section,omitempty"`
	Offset  int    `json:"offset"`
	// Value passed Limit, where there is one.
	Value uint64 `json:"value,omitempty"`
	Limit uint64 `json:"limit,omitempty"`
	// Problem says what is wrong, Fix what can be done about it.
	Problem string `json:"problem"`
	Fix     string `json:"fix"`
	// Log is what the guest had logged when its code failed.
	Log string `json:"log,omitempty"`
}

// nowhere is the Offset of what is not in the file.
const nowhere = -1

// reasonWord is the word that a node answers an error of registration with; false for errors
// that are not the module's fault.
func reasonWord(err error) (api.Reason, bool) {
	for _, row := range []struct {
		err    error
		reason api.Reason
	}{
		{registry.ErrParams, api.ParamsUnknown},
		{registry.ErrInsecure, api.ParamsInsecure},
		{registry.ErrEngine, api.EngineUnsupported},
		{registry.ErrModel, api.ModelMismatch},
		{registry.ErrInfer, api.InferFailed},
		{registry.ErrUnstable, api.InferUnstable},
		{registry.ErrProgram, api.ProgramMismatch},
		{registry.ErrPlan, api.PlanFailed},
		{registry.ErrNoise, api.PlanImprecise},
		{abi.ErrManifest, api.ManifestInvalid},
		{abi.ErrModule, api.ModuleRefused},
	} {
		if errors.Is(err, row.err) {
			return row.reason, true
		}
	}
	return "", false
}

// newReason turns an error of registration into words.
func newReason(args string, err error) (Reason, bool) {
	word, ok := reasonWord(err)
	r := Reason{Reason: word, Args: args, Offset: nowhere, Problem: err.Error(), Fix: fixOf(word, err)}
	var admitted *admit.Error
	var invalid *validate.Error
	var run *runtime.RunError
	switch {
	case errors.As(err, &admitted):
		r.Section, r.Offset, r.Problem = admitted.Section, admitted.Offset, admitted.Problem
		r.Value, r.Limit = admitted.Value, admitted.Limit
		if admitted.Fix != "" {
			r.Fix = admitted.Fix
		}
	case errors.As(err, &invalid):
		r.Section, r.Offset, r.Problem = invalid.Section, invalid.Offset, invalid.Problem
	case errors.As(err, &run):
		r.Log = run.Log
	case word == api.ManifestInvalid, word == api.ModuleRefused:
		// The sentinel's words are those of the reason.
		_, r.Problem, _ = strings.Cut(r.Problem, ": ")
	}
	if problem, fix, found := strings.Cut(r.Problem, ": build it with "); found {
		r.Problem, r.Fix = problem, "build it with "+fix
	}
	return r, ok
}

// fixOf says what can be done about an error that does not say it itself, as a phrase.
func fixOf(word api.Reason, err error) string {
	switch {
	case word == api.ModuleRefused:
		return "correct it and build again; docs/LIMITS.md lists the limits"
	case word == api.ModelMismatch:
		return "put the model that the module was built with beside it, or name it with --model"
	case word == api.PlanFailed && errors.Is(err, fhe.ErrRange):
		return "declare smaller bounds, or scale values down by a constant"
	}
	fix := strings.TrimSuffix(word.Fix(), ".")
	return strings.ToLower(fix[:min(1, len(fix))]) + fix[min(1, len(fix)):]
}

// refuse adds a reason. It returns the error if it is none.
func (c *checker) refuse(args string, err error) error {
	for _, always := range []error{
		registry.ErrParams, registry.ErrInsecure, registry.ErrEngine, registry.ErrModel,
	} {
		if errors.Is(err, always) {
			args = "" // it is so for all arguments
		}
	}
	r, ok := newReason(args, err)
	if !ok {
		return err
	}
	c.add(r)
	return nil
}

// add adds a reason unless another says the same.
func (c *checker) add(r Reason) {
	if !slices.ContainsFunc(c.report.Reasons, func(have Reason) bool {
		return have.Section == r.Section && have.Problem == r.Problem && have.Args == r.Args
	}) {
		c.report.Reasons = append(c.report.Reasons, r)
	}
}
