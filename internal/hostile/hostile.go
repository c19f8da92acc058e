package hostile

import (
	"iter"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/wasmtest"
)

// Want is how a case must end.
type Want uint8

const (
	// Refused means that the module does not pass admission, or is no valid WebAssembly.
	Refused Want = iota + 1
	// Stopped means that the host ends the run by one of its limits: gas, depth, deadline or
	// host calls.
	Stopped
	// Trapped means that the guest breaks a rule of WebAssembly, which ends its run.
	Trapped
	// Failed means that the run ends and the host has an error of the guest to report.
	Failed
	// Harmless means that the run succeeds, and that what the guest tried had no effect. A
	// guest that looks for an effect traps when it finds one.
	Harmless
	// Ends means any of these; for modules that are damaged at random.
	Ends
)

// String returns the word that tables use.
func (w Want) String() string {
	words := [...]string{
		Refused: "refused", Stopped: "stopped", Trapped: "trapped", Failed: "failed",
		Harmless: "harmless", Ends: "ends",
	}
	if int(w) >= len(words) || words[w] == "" {
		return "unknown"
	}
	return words[w]
}

// Case is one hostile module, or a family of them.
type Case struct {
	// Group is the number of the group in [Groups], from 1.
	Group int
	// Name is unique, in words; Does says what the module tries, to be read after "it".
	Name, Does string
	// Module assembles the module, without a manifest. Each call makes a new one.
	Module func() []byte
	// Sweep makes the files of a family instead, each complete with its manifest.
	Sweep iter.Seq[[]byte]
	// Phase is the entry point that is run; 0 for infer.
	Phase abi.Phase
	// Again says that the entry point is run a second time and must end in the same way.
	Again bool
	// Want is how it must end, Says a part of the error's text, empty for none.
	Want Want
	Says string
	// Large says that the case takes seconds or hundreds of megabytes.
	Large bool
}

// File returns the module file of a case that is no family: the module with the manifest of
// package wasmtest, or the bare module where a manifest cannot be attached to it.
func (c Case) File() []byte { return file(c.Module()) }

func file(module []byte) []byte {
	out, err := abi.AttachManifest(module, wasmtest.Manifest())
	if err != nil {
		return module
	}
	return out
}

// Files returns the module files of the case.
func (c Case) Files() iter.Seq[[]byte] {
	if c.Sweep != nil {
		return c.Sweep
	}
	return func(yield func([]byte) bool) { yield(c.File()) }
}

// Entry returns the entry point that is run.
func (c Case) Entry() abi.Phase {
	if c.Phase == 0 {
		return abi.PhaseInfer
	}
	return c.Phase
}

// Cases returns all cases, in the order of their groups. The caller owns the result.
func Cases() []Case {
	all := slices.Concat(
		counts(), sweeps(), encodings(), headers(),
		bombs(), shapes(), customs(),
		indices(), collisions(), segments(),
		loops(), trees(), recursions(), bulk(), growth(), floods(), kernels(), ends(),
		pointers(), handles(), reentries(), outputs(), leftovers(), interfaces(), numbers(),
		imports(),
	)
	slices.SortStableFunc(all, func(a, b Case) int { return a.Group - b.Group })
	return all
}

// Group is one kind of attack.
type Group struct {
	// Number is its number, from 1.
	Number int
	// Title says what it is about.
	Title string
	// Test names the test that plays it, where no module can.
	Test string
}

// Groups returns all groups in order. A group without a [Case] is about the host around the
// sandbox, or about what two hosts agree in, and has a test of its own.
func Groups() []Group {
	titles := []string{
		"counts far beyond the bytes that are there",
		"every prefix and every damaged byte of valid modules",
		"numbers in too many bytes, sections out of order or twice, bytes too many",
		"millions of locals",
		"deep nesting",
		"huge br_table",
		"blocks times locals",
		"wide signatures",
		"hundreds of thousands of functions, globals, exports, types",
		"bombs in debug information, names and other custom sections",
		"huge tables",
		"other formats: components, other versions, 64-bit and shared memory",
		"indices that only the rewriting would make valid",
		"names that collide with the host's own",
		"the guest refills its own gas",
		"the specification's modules compute the same after rewriting",
		"gas is one number in compiler, interpreter and after a reload",
		"code and data that run before the entry point",
		"endless loops",
		"trees of calls without a loop",
		"recursion: direct, mutual, indirect",
		"straight lines of bulk memory operators",
		"memory and tables that grow to the end",
		"floods of host calls, logs, random bytes and waiting",
		"host calls that are dear while gas is cheap",
		"traps and exits in every entry point",
		"garbage collection and heartbeats beside twice as many guests as cores",
		"cancellation and deadlines, in guest code, in the host and between",
		"a thousand hostile tasks leave nothing behind",
		"pointers and lengths at every edge",
		"handles that are forged, foreign, of the wrong kind, or too many",
		"entry points called from the guest itself",
		"memory that grows between two reads of one argument",
		"outputs that are too large, missing, or made twice",
		"what one task leaves for the next to see",
		"missing memory and exports of the wrong type",
		"bits of NaN as a channel",
		"functions that the host does not offer, or not in this entry point",
		"compiled code that is damaged, cut, of another version, or a link",
		"blobs and requests that are not what they claim to be",
		"generated modules, compiler against interpreter",
	}
	groups := make([]Group, len(titles))
	for i, title := range titles {
		groups[i] = Group{Number: i + 1, Title: title, Test: playedBy(i + 1)}
	}
	return groups
}

// playedBy returns the test of a group that has no case.
func playedBy(group int) string {
	return map[int]string{
		16: "TestCorpus (host/admit/meter)",
		17: "TestGasIsOneNumber",
		27: "TestHeartbeatBesideHostileGuests",
		28: "TestCancellation",
		29: "TestHostileTasksLeaveNothing",
		39: "TestDamagedCompiledCode",
		40: "TestModulesThatAreNotWhatTheyClaim",
		41: "TestGeneratedModules",
	}[group]
}
