// Package registry checks a module before it may be registered, and makes what its tasks
// are run with.
//
// [Registry.Check] does what a registration needs: it admits the module, holds parameter
// set and model to the manifest, runs infer twice in fresh instances for every combination
// of public arguments, compares the Programs with each other and with the manifest, and
// compiles each to a Plan. [Registry.Variant] gives the compiled Plan of one combination to
// a worker; it is made again when it is not in the cache, after a restart for example, and
// its digests must then be the registered ones.
//
// Programs and Plans are blobs. Their content is the preimage of their digest
// ([ProgramBlob], [PlanBlob]), so that the digest that everybody compares is also the
// content address.
//
// # Caveats
//
// Checking a module takes up to seconds for each combination of arguments. Only one check
// runs at a time; others wait. Nothing of this happens while a log entry is applied.
//
// # What it is not
//
// It changes no replicated state: the node proposes the registration with what Check
// returned.
package registry
