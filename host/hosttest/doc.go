// Package hosttest runs a whole node inside a test: real HTTP on the loopback address, a
// temporary data directory, small insecure rings and a tiny Brain.
//
// [Start] starts a node and an admin for it; [Node.As] gives the API as another account
// sees it; [Square] is a Brain that squares its input, assembled by hand, so that a test
// needs no toolchain; [Node.Install] registers and activates it; [Client.Ask] takes a
// question the whole way: keys, encryption, upload, task, download, decryption.
//
// # Caveats
//
// Everything here fails the test instead of returning errors. The parameter sets are
// insecure on purpose.
package hosttest
