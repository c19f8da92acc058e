package abi

import "errors"

var (
	// ErrDigest is returned when a digest is malformed.
	ErrDigest = errors.New("malformed digest")
	// ErrID is returned when a task id or an address is malformed.
	ErrID = errors.New("malformed id")
	// ErrManifest is returned when a manifest is malformed or breaks a limit.
	ErrManifest = errors.New("invalid manifest")
	// ErrRequest is returned when a client's request does not fit the manifest's schema.
	ErrRequest = errors.New("request does not fit the schema")
	// ErrModule is returned when a file is no WebAssembly module with one manifest.
	ErrModule = errors.New("invalid module")
)
