// Package learn trains the models of the Brains that cerberus ships. It is deliberately
// small: one optimiser ([Minimise], L-BFGS), two models ([Logistic], a sparse logistic
// regression, and [Net], one hidden layer of quadratic units), the folds of a
// cross-validation ([Folds]) and the rounding of weights to integers ([Fixed]).
//
// Everything is deterministic: sums run in one order on one goroutine and what is random
// comes from [Random], seeded by the caller. A rerun gives the same bytes on the same
// architecture; another one may fuse multiplications and additions and so differ in the
// last bits of a weight.
//
// # What it is not
//
// It is no machine-learning library. It is used by the programs plugins/*/train only; no
// part of the product imports it, and nothing that it computes enters a Program or Plan
// other than as the committed integers of a model.
package learn
