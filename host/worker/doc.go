// Package worker runs one task: it fetches inputs and keys, checks that the module still
// records the registered Program, executes the Plan on the engine and stores the encrypted
// outputs.
//
// [Worker.Run] does all of it and returns a [Result] or a [*Error], which says whether
// another attempt may help. [Worker.Prepare] makes the checks that do not need the engine's
// run, so that a client hears of an unfit input or key set when it submits. [Worker.Prove] runs
// a task a second time, records its integers and proves that the outputs are those of the
// Plan. Loaded Plans and key sets are kept in memory-bounded caches: a client's second task
// finds its keys loaded.
//
// # Caveats
//
// Nothing here is decrypted, and no key of a client can decrypt: the worker handles
// ciphertexts and public evaluation keys. Failures carry names, numbers and digests only.
//
// # What it is not
//
// It knows no log and no lease: the scheduler decides what runs, the node decides what is
// proved when, stores the proof and records the outcome.
package worker
