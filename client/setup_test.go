package client

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/proofs/opening"
)

// setupSize is the size of the setups of these tests.
const setupSize = 256

// developmentKey returns the verifying key of a development setup, made once.
var developmentKey = sync.OnceValues(newKey)

func newKey() ([]byte, error) {
	s, err := opening.NewDevelopment(context.Background(), setupSize, nil)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	err = s.WriteVerifier(&buf)
	return buf.Bytes(), err
}

func setupKey(tb testing.TB) ([]byte, abi.Digest) {
	tb.Helper()
	key, err := developmentKey()
	if err != nil {
		tb.Fatal(err)
	}
	s, err := ReadSetup(key)
	if err != nil {
		tb.Fatal(err)
	}
	return key, s.Digest
}

// TestSetupsAreTrustedByDigest: nothing but a pin makes a setup trusted, and its key may
// come from anywhere.
func TestSetupsAreTrustedByDigest(t *testing.T) {
	key, digest := setupKey(t)
	other := abi.SumDigest([]byte("another setup"))
	from := func(d abi.Digest, _ int64) ([]byte, error) {
		if d.Equal(digest) || d.Equal(other) {
			return key, nil // for other, the key of another setup
		}
		return nil, fs.ErrNotExist
	}
	c := pinner()
	c.development = true
	if _, err := c.trustedSetup(digest, []Source{from}); !errors.Is(err, ErrSetup) ||
		!errors.Is(err, ErrVerification) || !strings.Contains(err.Error(), "cerberus setup trust") {
		t.Errorf("an unknown setup: %v", err)
	}
	for _, d := range []abi.Digest{digest, other} {
		if err := c.TrustSetupDigest(d); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.trustedSetup(digest, nil); !errors.Is(err, ErrMissing) {
		t.Errorf("no key: %v", err)
	}
	if list, err := c.Setups(); err != nil || len(list) != 2 || list[0].Kind != "" {
		t.Errorf("%+v, %v", list, err)
	}
	v, err := c.trustedSetup(digest, []Source{from})
	if err != nil || !v.Digest().Equal(digest) {
		t.Fatalf("%v, %v", v, err)
	}
	if _, err := c.trustedSetup(digest, nil); err != nil {
		t.Errorf("the key was not kept: %v", err)
	}
	if _, err := c.trustedSetup(other, []Source{from}); !errors.Is(err, ErrMissing) {
		t.Errorf("the key of another setup was taken: %v", err)
	}
	want := Setup{Digest: digest, Kind: "development", Size: setupSize}
	if list, err := c.Setups(); err != nil || !slices.Contains(list, want) {
		t.Errorf("%+v, %v", list, err)
	}
	if err := c.RemoveSetup(digest); err != nil {
		t.Error(err)
	}
	if _, err := c.trustedSetup(digest, []Source{from}); !errors.Is(err, ErrSetup) {
		t.Errorf("a setup that was removed: %v", err)
	}
	if err := c.RemoveSetup(digest); !errors.Is(err, ErrUsage) {
		t.Errorf("removed twice: %v", err)
	}
}

// TestDevelopmentSetupNeedsPermission: trust is not enough for a setup that anybody made.
func TestDevelopmentSetupNeedsPermission(t *testing.T) {
	key, digest := setupKey(t)
	c := pinner()
	if s, err := c.TrustSetup(key); err != nil || s.Kind != "development" || s.Digest != digest {
		t.Fatalf("%+v, %v", s, err)
	}
	_, err := c.trustedSetup(digest, nil)
	if !errors.Is(err, ErrSetup) || !strings.Contains(err.Error(), "--allow-development-setup") {
		t.Errorf("%v", err)
	}
	c.development = true
	if _, err := c.trustedSetup(digest, nil); err != nil {
		t.Error(err)
	}
}

// TestBrokenKeysAreNoSetups: whatever is not a whole verifying key is refused, and a damaged
// one in the store is as good as none.
func TestBrokenKeysAreNoSetups(t *testing.T) {
	key, digest := setupKey(t)
	flipped := bytes.Clone(key)
	flipped[len(flipped)/2] ^= 1
	c := pinner()
	for name, data := range map[string][]byte{
		"empty": nil, "cut": key[:len(key)-1], "longer": append(bytes.Clone(key), 0),
		"text": []byte("no key at all"),
	} {
		if _, err := c.TrustSetup(data); !errors.Is(err, ErrUsage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, err := c.Setups(); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	c.development = true
	if _, err := c.TrustSetup(key); err != nil {
		t.Fatal(err)
	}
	if err := c.store.Write(setupName(digest, setupSuffix), flipped); err != nil {
		t.Fatal(err)
	}
	if _, err := c.trustedSetup(digest, nil); !errors.Is(err, ErrMissing) {
		t.Errorf("a damaged key: %v", err)
	}
}
