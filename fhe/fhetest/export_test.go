package fhetest

import (
	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
)

// KnownLevels exports knownLevels to tests.
func KnownLevels(p *fhe.Params) []int { return knownLevels(p) }

// KnownWires returns the digest of the wires that the reference recorded.
func KnownWires(name string) (abi.Digest, error) {
	a, err := known(name)
	return a.wires, err
}
