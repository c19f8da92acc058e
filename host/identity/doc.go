// Package identity holds what an account of a cluster is: a secp256k1 key, the address
// that follows from it, and signatures over requests.
//
// A [Key] signs and has an [abi.Address]. [Transport] is the client's side of a signed
// request, an http.RoundTripper that adds the header [Header]; [Verifier] is the server's
// side, an http middleware that checks the header against the body as it was sent, before
// anything decodes it, and puts the [Caller] into the request's context. The exact bytes
// that are signed are in docs/FORMATS.md under "Signed requests".
//
// # Caveats
//
// A verified signature says who signed which body for which procedure of which cluster,
// and until when. It does not say that the request is fresh: a command's nonce is consumed
// by the replicated log, and [Replay] remembers the nonces of calls that never reach the
// log. Nor does it say what the signer may do; roles are the caller's matter.
//
// Signing is not constant-time in every operation of the underlying library; keys are for
// machines that their owner controls.
//
// # What it is not
//
// It holds no roles, no sessions and no transport security.
package identity
