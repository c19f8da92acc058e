package attest_test

import (
	"bytes"
	"errors"
	"maps"
	"math/big"
	"slices"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/identity"
	"github.com/cerberus-host/cerberus/proofs/attest"
)

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// changes are single changes to the bound part of a statement.
func changes() map[string]func(*attest.Statement) {
	return map[string]func(*attest.Statement){
		"protocol": func(s *attest.Statement) { s.Protocol += "x" },
		"gnark":    func(s *attest.Statement) { s.Gnark += "x" },
		"abi":      func(s *attest.Statement) { s.ABI += "x" },
		"squeezer": func(s *attest.Statement) { s.Squeezer += "x" },
		"params":   func(s *attest.Statement) { s.Params += "x" },
		"setup":    func(s *attest.Statement) { s.Setup[3] ^= 1 },
		"module":   func(s *attest.Statement) { s.Module[3] ^= 1 },
		"export":   func(s *attest.Statement) { s.Export += "x" },
		"args":     func(s *attest.Statement) { s.Args[0].Value += "x" },
		"no args":  func(s *attest.Statement) { s.Args = nil },
		"program":  func(s *attest.Statement) { s.Program[3] ^= 1 },
		"plan":     func(s *attest.Statement) { s.Plan[3] ^= 1 },
		"key set":  func(s *attest.Statement) { s.KeySet[3] ^= 1 },
		"no key set": func(s *attest.Statement) {
			s.KeySet, s.KeyCommitments = abi.Digest{}, abi.Digest{}
		},
		"key commitments":    func(s *attest.Statement) { s.KeyCommitments[3] ^= 1 },
		"no key commitments": func(s *attest.Statement) { s.KeyCommitments = abi.Digest{} },
		"input":              func(s *attest.Statement) { s.Inputs[1].Digest[3] ^= 1 },
		"input name":         func(s *attest.Statement) { s.Inputs[1].Name += "x" },
		"input order":        func(s *attest.Statement) { slices.Reverse(s.Inputs) },
		"input gone":         func(s *attest.Statement) { s.Inputs = s.Inputs[:1] },
		"output":             func(s *attest.Statement) { s.Outputs[0].Digest[3] ^= 1 },
		"output moved":       func(s *attest.Statement) { s.Outputs, s.Inputs = s.Inputs, s.Outputs },
		"task":               func(s *attest.Statement) { s.Task[3] ^= 1 },
		"client":             func(s *attest.Statement) { s.Client[3] ^= 1 },
		"node":               func(s *attest.Statement) { s.Node[3] ^= 1 },
		"parties":            func(s *attest.Statement) { s.Client, s.Node = s.Node, s.Client },
	}
}

// TestDigestBindsEveryField asserts that a change of any bound field changes both digests.
func TestDigestBindsEveryField(t *testing.T) {
	whole := sampleStatement(t)
	seen := map[abi.Digest]string{whole.Digest(): "no change"}
	for name, change := range changes() {
		s := sampleStatement(t)
		change(s)
		if earlier, ok := seen[s.Digest()]; ok {
			t.Errorf("%s has the digest of %s", name, earlier)
		}
		seen[s.Digest()] = name
		if s.SigningDigest() == whole.SigningDigest() {
			t.Errorf("%s does not change what is signed", name)
		}
	}
}

// TestSignedPartIsSignedOnly asserts that what nothing proves changes the signature and not
// the proof.
func TestSignedPartIsSignedOnly(t *testing.T) {
	whole := sampleStatement(t)
	for name, change := range map[string]func(*attest.SignedOnly){
		"engine":  func(s *attest.SignedOnly) { s.Engine = "cuda" },
		"build":   func(s *attest.SignedOnly) { s.Build = "v2" },
		"gas":     func(s *attest.SignedOnly) { s.Gas++ },
		"steps":   func(s *attest.SignedOnly) { s.Steps++ },
		"execute": func(s *attest.SignedOnly) { s.ExecuteMicros++ },
		"prove":   func(s *attest.SignedOnly) { s.ProveMicros++ },
	} {
		s := sampleStatement(t)
		change(&s.Signed)
		if s.Digest() != whole.Digest() {
			t.Errorf("%s changes the digest of what is proven", name)
		}
		if s.SigningDigest() == whole.SigningDigest() {
			t.Errorf("%s does not change what is signed", name)
		}
	}
	if whole.Digest() == whole.SigningDigest() {
		t.Error("the two digests are equal")
	}
}

// TestCheckRefusesWhatTheTextCannotHold builds statements in memory that would print as
// something else.
func TestCheckRefusesWhatTheTextCannotHold(t *testing.T) {
	for name, change := range map[string]func(*attest.Statement){
		"a newline":       func(s *attest.Statement) { s.Params = "ckks-13\nsetup x" },
		"no engine":       func(s *attest.Statement) { s.Signed.Engine = "" },
		"negative gas":    func(s *attest.Statement) { s.Signed.Gas = -1 },
		"negative steps":  func(s *attest.Statement) { s.Signed.Steps = -1 },
		"unsorted args":   func(s *attest.Statement) { slices.Reverse(s.Args) },
		"no inputs":       func(s *attest.Statement) { s.Inputs = nil },
		"name of a input": func(s *attest.Statement) { s.Inputs[0].Name = "a\nb" },
		"no module":       func(s *attest.Statement) { s.Module = abi.Digest{} },
		"no client":       func(s *attest.Statement) { s.Client = abi.Address{} },
	} {
		s := sampleStatement(t)
		change(s)
		if err := s.Check(); !errors.Is(err, attest.ErrFormat) {
			t.Errorf("%s: Check returned %v", name, err)
		}
	}
	if err := sampleStatement(t).Check(); err != nil {
		t.Errorf("the sample: %v", err)
	}
}

// TestRecoverAgreesWithTheKey compares this package with host/identity, which signs: both
// must know the same signatures and no others.
func TestRecoverAgreesWithTheKey(t *testing.T) {
	for i := range byte(20) {
		key, digest := testKey(t, i+1), digestOf(string(rune('a'+i)))
		sig := key.Sign(digest)
		got, err := attest.Recover(digest, attest.Signature(sig))
		if err != nil || got != key.Address() {
			t.Fatalf("recovered %s, %v, want %s", got, err, key.Address())
		}
		// Every single byte changed: another signer, or none; never the same.
		for at := range sig {
			bad := sig
			bad[at] ^= 0x80
			theirs, theirErr := identity.Recover(digest, bad)
			ours, ourErr := attest.Recover(digest, attest.Signature(bad))
			if (theirErr == nil) != (ourErr == nil) || theirs != ours {
				t.Errorf("byte %d: %s, %v against %s, %v", at, ours, ourErr, theirs, theirErr)
			}
			if ourErr == nil && ours == key.Address() {
				t.Errorf("byte %d changed and the signer is the same", at)
			}
			if ourErr != nil && !errors.Is(ourErr, attest.ErrSignature) {
				t.Errorf("byte %d: %v", at, ourErr)
			}
		}
	}
}

// TestRecoverRefusesTheOtherForm negates S, which gives a second signature of the same key
// for whoever accepts it.
func TestRecoverRefusesTheOtherForm(t *testing.T) {
	order, _ := new(big.Int).SetString(
		"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16)
	digest := digestOf("x")
	sig := testKey(t, 4).Sign(digest)
	other := sig
	new(big.Int).Sub(order, new(big.Int).SetBytes(sig[32:64])).FillBytes(other[32:64])
	other[64] ^= 1
	if _, err := attest.Recover(digest, attest.Signature(other)); !errors.Is(err,
		attest.ErrSignature) {
		t.Errorf("the upper half: %v", err)
	}
	for name, change := range map[string]func(*attest.Signature){
		"zero":       func(s *attest.Signature) { *s = attest.Signature{} },
		"R of zero":  func(s *attest.Signature) { clear(s[:32]) },
		"S of zero":  func(s *attest.Signature) { clear(s[32:64]) },
		"S of order": func(s *attest.Signature) { order.FillBytes(s[32:64]) },
		"parity 2":   func(s *attest.Signature) { s[64] += 2 },
		"parity 27":  func(s *attest.Signature) { s[64] += 27 },
	} {
		bad := attest.Signature(sig)
		change(&bad)
		if _, err := attest.Recover(digest, bad); !errors.Is(err, attest.ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseStatement(f *testing.F) {
	valid, invalid := statementTexts(f)
	for _, texts := range []map[string]string{valid, invalid} {
		for _, text := range texts {
			f.Add([]byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := attest.ParseStatement(text)
		if err != nil {
			if !errors.Is(err, attest.ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(s.Bytes(), text) {
			t.Fatal("accepted a text that is not canonical")
		}
	})
}

func FuzzParseVerdict(f *testing.F) {
	valid, invalid := verdictTexts(f)
	for _, texts := range []map[string]string{valid, invalid} {
		for _, text := range texts {
			f.Add([]byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := attest.ParseVerdict(text)
		if err != nil {
			if !errors.Is(err, attest.ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(v.Bytes(), text) {
			t.Fatal("accepted a text that is not canonical")
		}
	})
}
