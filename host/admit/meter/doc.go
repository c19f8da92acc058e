// Package meter rewrites a module so that it counts what it computes, never nests calls
// without bound, and computes the same on every machine.
//
// [Rewrite] takes a valid module and returns one that behaves alike and, beside that, keeps
// two numbers in globals of its own, out of reach of the author's code:
//
//   - Gas, exported as [ExportGas]: what is left of the units that the host has granted. It
//     begins at zero. Code subtracts the price of what it is about to run; where it finds
//     the number below zero, it calls the import [ImportModule] [ImportRefill], and goes on
//     when that returns. What a run has used is all that was granted, less what is left.
//   - Depth, exported as [ExportDepth]: the weight of the calls that are under way. A call
//     that takes it above [Options.DepthMax] traps and leaves it there, which tells this
//     trap from others.
//
// Other changes: every computed float that is NaN becomes the positive canonical NaN before
// anything can see its sign or payload; memories and tables get a largest size; mutable
// globals are exported so that an instance can be put back into an earlier state; custom
// sections are left out.
//
// # Places of charges
//
// Each operator has a price ([CostDigest] names the table). Operators that run if and only
// if those before them have run, traps aside, share one charge in front of the first: a
// stretch. It reaches over blocks and loops that are always left at their end, and over a
// branch that leaves early: that branch gives back what it does not run. What a loop's head
// costs is paid by the branches that lead to it if all of them are unconditional. An arm of
// an if without branches that costs up to foldUnits is paid with the if, taken or not. A
// call pays for the first entryUnits of the function called.
//
// The number is looked at where a stretch begins a function or leads back to the head of a
// loop, and where the length of a bulk operator is charged. Between two looks lies at most
// one body's worth of operators and calls of small leaves.
//
// All of it is a function of the module's bytes alone, so that two engines, or two machines,
// charge the same. A trap leaves charged what was charged.
//
// # What the host has to do
//
// A refill must leave the gas at zero or above, or stop the guest by a panic; bulk operators
// can take it far below zero at once. The last grant has to be cut so that all grants are
// exactly the allowance: then what a run may use does not depend on the size of the others.
// Whoever calls an export must find depth zero, and must not go on with an instance after a
// trap.
//
// # Caveats
//
// The module must have been validated before: an invalid one can become valid by what is
// added, since that adds functions and globals. Rewrite refuses what it notices, and that is
// not everything.
//
// # What it is not
//
// Host functions are not priced here, and their time is not bounded. Gas does not measure
// time: in compiled code on a core of 2.6 GHz a unit takes a tenth of a nanosecond on
// average, up to a half for the dearest operators (BenchmarkPrices), and a
// hundred times that where every load waits for memory.
package meter
