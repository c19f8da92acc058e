package client

import "errors"

var (
	// ErrUsage is returned when the caller's request or reference is malformed.
	ErrUsage = errors.New("usage")
	// ErrStore is returned when the client's store is unusable or holds damaged data.
	ErrStore = errors.New("client store")
	// ErrRefused is returned when the node, the module or the client itself refuses to go
	// on: an unknown Brain, a failed task, a changed digest that was not accepted.
	ErrRefused = errors.New("refused")
	// ErrVerification is returned when something that a node sent does not check out: wrong
	// bytes for a digest, a Plan that differs from the one derived here.
	ErrVerification = errors.New("verification failed")
	// ErrUnreachable is returned when no node answers.
	ErrUnreachable = errors.New("node unreachable")
	// ErrClosed is returned when a client is used after [Client.Close].
	ErrClosed = errors.New("client closed")
	// ErrAttestation is returned, wrapped in ErrVerification, when a result's attestation does
	// not verify or did not come. Then nothing was decrypted.
	ErrAttestation = errors.New("attestation")
	// ErrUnproven is returned when the cluster shows no proof of a result: none was asked for,
	// it is not made yet, or the cluster gave up. A request that waits for the proof wraps it
	// in ErrAttestation, an export in ErrRefused.
	ErrUnproven = errors.New("not proven")
	// ErrSetup is returned, wrapped in ErrVerification, when attestations are made under a
	// setup that this client does not trust, or under a development setup without permission.
	ErrSetup = errors.New("proving setup")
	// ErrMissing is returned when something that a verification needs is nowhere to be found.
	ErrMissing = errors.New("missing")
	// ErrChanged is returned, wrapped in ErrRefused, when a pinned digest or cluster
	// changed and the change was not accepted.
	ErrChanged = errors.New("changed since first use")
)
