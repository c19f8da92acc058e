//go:build !linux

package main

import "errors"

func limitAddressSpace(uint64) error { return errors.New("only Linux can do that here") }
