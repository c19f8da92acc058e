// Package ceremony makes the setup of the opening circuit (package opening) by several
// parties: as long as one of them forgets its secrets, nobody can forge attestations under
// the setup. The arithmetic is gnark's mpcsetup; this package decides who may contribute, when
// and how often, because gnark accepts a ceremony to which nobody contributed, whose secrets
// anybody can compute.
//
// A ceremony is a folder of files that parties hand on, each file naming the digest of the
// one before it:
//
//	rules       who the operators are, which size, which beacons and when: [Init]
//	phase1-001  contributions to the powers of tau, signed: [Contribute]
//	beacon1     the announced random value, which ends the phase: [Finish]
//	powers      the powers of tau, computed from the above or imported by [Init]
//	start       the keys before phase 2, computed from them
//	phase2-001  contributions to the keys, signed: [Contribute]
//	beacon2     ends the ceremony: [Finish]
//	setup       the setup's two files (opening.Load)
//
// With imported powers of tau, phase 1 is somebody else's public ceremony and its files are
// missing. Each phase that is held here needs [ContributionsMin] contributions by distinct
// identities, one of whom is no operator, all of them before the beacon's time.
//
// [Verify] recomputes everything, down to the setup's digest, and says who contributed. Its
// reader decides whether those are independent people, and whether the beacons are what the
// rules announced: a program cannot.
//
// # What it is not
//
// It is no network protocol: files travel as they like. It does not wipe memory; a careful
// party uses a machine that it switches off afterwards.
package ceremony
