package identity_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/identity"
)

// seed is a source of bytes for keys and nonces that is the same in every run.
func seed(b byte) *bytes.Reader { return bytes.NewReader(bytes.Repeat([]byte{b, 3, 5}, 400)) }

func testKey(t testing.TB, b byte) *identity.Key {
	t.Helper()
	k, err := identity.GenerateKey(seed(b))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func keyText(scalar string) []byte {
	return []byte("cerberus-secp256k1-v1 " + scalar + "\n")
}

// The addresses are those that every Ethereum wallet shows for the scalars 1 and 2.
func TestAddressIsThatOfEthereum(t *testing.T) {
	for scalar, want := range map[string]string{
		strings.Repeat("0", 63) + "1": "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf",
		strings.Repeat("0", 63) + "2": "0x2b5ad5c4795c026514f8317c7a215e218dccd6cf",
	} {
		k, err := identity.ParseKey(keyText(scalar))
		if err != nil {
			t.Fatal(err)
		}
		if got := k.Address().String(); got != want {
			t.Errorf("scalar %s has address %s, want %s", scalar, got, want)
		}
	}
}

func TestParseKeyIsStrict(t *testing.T) {
	good := testKey(t, 1).Marshal()
	if k, err := identity.ParseKey(good); err != nil || !bytes.Equal(k.Marshal(), good) {
		t.Fatalf("round trip: %v", err)
	}
	order := "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
	for name, text := range map[string][]byte{
		"empty":          nil,
		"no newline":     good[:len(good)-1],
		"two newlines":   append(bytes.Clone(good), '\n'),
		"upper case":     bytes.ToUpper(good),
		"short":          keyText("01"),
		"not hex":        keyText(strings.Repeat("g", 64)),
		"zero":           keyText(strings.Repeat("0", 64)),
		"order":          keyText(order),
		"beyond":         keyText(strings.Repeat("f", 64)),
		"other label":    []byte("cerberus-secp256k1-v2 " + strings.Repeat("1", 64) + "\n"),
		"leading spaces": append([]byte(" "), good...),
	} {
		if _, err := identity.ParseKey(text); !errors.Is(err, identity.ErrKey) {
			t.Errorf("%s: %v, want ErrKey", name, err)
		}
	}
}

func TestRecoverAcceptsOneFormOnly(t *testing.T) {
	k := testKey(t, 7)
	digest := abi.SumDigest([]byte("message"))
	sig := k.Sign(digest)
	if got, err := identity.Recover(digest, sig); err != nil || got != k.Address() {
		t.Fatalf("recovered %s, %v", got, err)
	}
	if other, err := identity.Recover(abi.SumDigest([]byte("other")), sig); err == nil &&
		other == k.Address() {
		t.Fatal("the signature holds for another message")
	}
	high := sig
	order, _ := new(big.Int).SetString(
		"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16)
	s := new(big.Int).SetBytes(sig[32:64])
	order.Sub(order, s).FillBytes(high[32:64])
	high[64] ^= 1
	zero, legacy := sig, sig
	clear(zero[:64])
	legacy[64] += 27
	large := sig
	copy(large[:32], bytes.Repeat([]byte{0xff}, 32))
	for name, bad := range map[string]identity.Signature{
		"high S": high, "zero": zero, "recovery byte 27": legacy, "R beyond the field": large,
	} {
		if _, err := identity.Recover(digest, bad); !errors.Is(err, identity.ErrSignature) {
			t.Errorf("%s: %v, want ErrSignature", name, err)
		}
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.key")
	made, created, err := identity.LoadOrCreateKey(path, seed(9))
	if err != nil || !created {
		t.Fatalf("created %v, %v", created, err)
	}
	again, created, err := identity.LoadOrCreateKey(path, seed(10))
	if err != nil || created || again.Address() != made.Address() {
		t.Fatalf("second start: created %v, %v, %v", created, again, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d files are left, %v", len(entries), err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	_, err = identity.LoadKey(path)
	if !errors.Is(err, identity.ErrKey) || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others may read: %v", err)
	}
}

func TestKeyFileRefusesWhatIsNoKey(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "real.key")
	if _, _, err := identity.LoadOrCreateKey(target, seed(9)); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link.key")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	long := filepath.Join(dir, "long.key")
	if err := os.WriteFile(long, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, long, dir} {
		if _, err := identity.LoadKey(path); !errors.Is(err, identity.ErrKey) {
			t.Errorf("%s: %v, want ErrKey", filepath.Base(path), err)
		}
	}
	_, err := identity.LoadKey(filepath.Join(dir, "absent.key"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
}

// vector is one row of testdata/requests.json, for implementations in other languages.
type vector struct {
	Name        string `json:"name"`
	Key         string `json:"key"`
	Procedure   string `json:"procedure"`
	ContentType string `json:"content_type"`
	Body        string `json:"body_hex"`
	Cluster     string `json:"cluster_hex"`
	Nonce       string `json:"nonce_hex"`
	ExpiryMS    int64  `json:"expiry_ms"`
	Digest      string `json:"digest_hex"`
	Header      string `json:"header"`
	Address     string `json:"address"`
}

func TestRequestVectors(t *testing.T) {
	raw, err := os.ReadFile("testdata/requests.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(raw, &vectors); err != nil || len(vectors) == 0 {
		t.Fatalf("%d vectors, %v", len(vectors), err)
	}
	for _, v := range vectors {
		key, err := identity.ParseKey(keyText(v.Key))
		if err != nil {
			t.Fatal(err)
		}
		r := identity.Request{
			Procedure: v.Procedure, ContentType: v.ContentType,
			Body: abi.SumDigest(fromHex(t, v.Body)), Cluster: fromHex(t, v.Cluster),
			Nonce: identity.Nonce(fromHex(t, v.Nonce)), ExpiryMS: v.ExpiryMS,
		}
		digest := r.Digest()
		if got := hex.EncodeToString(digest[:]); got != v.Digest {
			t.Errorf("%s: digest %s, want %s", v.Name, got, v.Digest)
		}
		if got := key.SignRequest(r).String(); got != v.Header {
			t.Errorf("%s: header %s, want %s", v.Name, got, v.Header)
		}
		if got := key.Address().String(); got != v.Address {
			t.Errorf("%s: address %s, want %s", v.Name, got, v.Address)
		}
	}
}

func fromHex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Moving a byte from one field to the next must change what is signed.
func TestRequestFieldsDoNotRunTogether(t *testing.T) {
	base := identity.Request{
		Procedure: "/a/b", ContentType: "application/proto", Cluster: []byte("cluster"),
		ExpiryMS: 1,
	}
	seen := map[abi.Digest]string{base.Digest(): "base"}
	for name, change := range map[string]func(*identity.Request){
		"procedure": func(r *identity.Request) {
			r.Procedure, r.ContentType = "/a/ba", "pplication/proto"
		},
		"content type": func(r *identity.Request) { r.ContentType = "" },
		"cluster":      func(r *identity.Request) { r.Cluster = nil },
		"expiry":       func(r *identity.Request) { r.ExpiryMS = 256 },
		"nonce":        func(r *identity.Request) { r.Nonce[0] = 1 },
		"body":         func(r *identity.Request) { r.Body[0] = 1 },
	} {
		r := base
		change(&r)
		d := r.Digest()
		if other, ok := seen[d]; ok {
			t.Errorf("%s signs the same as %s", name, other)
		}
		seen[d] = name
	}
}

func FuzzParseSigned(f *testing.F) {
	k, err := identity.GenerateKey(seed(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(k.SignRequest(identity.Request{Procedure: "/a/b", ExpiryMS: 1750000000000}).String())
	f.Add("v1   ")
	f.Add("v1 00 1 00")
	f.Fuzz(func(t *testing.T, value string) {
		s, err := identity.ParseSigned(value)
		if err != nil {
			if !errors.Is(err, identity.ErrHeader) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		if s.String() != value {
			t.Fatalf("%q is another form of %q", value, s)
		}
	})
}
