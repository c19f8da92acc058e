package client_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/client"
	"github.com/cerberus-host/cerberus/host"
	"github.com/cerberus-host/cerberus/host/hosttest"
	"github.com/cerberus-host/cerberus/host/identity"
	"github.com/cerberus-host/cerberus/proofs/attest"
	"github.com/cerberus-host/cerberus/proofs/bundle"
	"github.com/cerberus-host/cerberus/proofs/keyset"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
	"github.com/cerberus-host/cerberus/proto/gen/cerberus/v1/cerberusv1connect"
)

// provingNode starts a node that proves, with the honest guest.
func provingNode(t *testing.T) *hosttest.Node {
	t.Helper()
	setup := hosttest.Setup(t)
	node := hosttest.Start(t, time.Now, func(o *host.Options) { o.Setup = setup })
	node.Install(1, guest(t, hosttest.SquareManifest("square"), honest()))
	return node
}

// newTrier makes a client that takes development setups.
func newTrier(t *testing.T, url string) *user {
	t.Helper()
	return newUserWith(t, url, client.NewMemStore(), true)
}

// key is the user's signing key.
func (u *user) key(t *testing.T) *identity.Key {
	t.Helper()
	raw, err := u.store.Read("identity.key")
	if err != nil {
		t.Fatal(err)
	}
	key, err := identity.ParseKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// export exports a task's attestation as soon as it is proven.
func export(t *testing.T, u *user, task string, full bool) *client.Pack {
	t.Helper()
	id, err := abi.ParseTaskID(task)
	if err != nil {
		t.Fatal(err)
	}
	p, err := u.Export(t.Context(), id, full)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestAskVerifies: a result with a proof is verified and decrypted; what was kept suffices to
// verify it again, for the client and, with the pack, for others who trust the setup.
func TestAskVerifies(t *testing.T) {
	node := provingNode(t)
	u := newTrier(t, node.URL)
	r := ask(t, u, "square", "text")
	a := r.Attestation
	if a.State != client.AttestationVerified || a.Kind != "development" || a.ProveMS <= 0 ||
		a.VerifyMS <= 0 || a.HonestBits <= a.ProvenBits || r.Answer.Label != "yes" ||
		a.String() != "verified (development setup)" || r.Timings.Attest <= 0 {
		t.Fatalf("%+v", r)
	}
	full := export(t, u, r.Task, true)
	node.Close()
	v, err := u.Verify(t.Context(), &client.Pack{Bundle: full.Bundle})
	if err != nil || !v.Own || v.Task != r.Task || len(v.Explain) == 0 {
		t.Errorf("%+v, %v", v, err)
	}
	other := newTrier(t, node.URL)
	if _, err := other.Verify(t.Context(), full); !errors.Is(err, client.ErrSetup) {
		t.Errorf("verified under a setup that nobody trusted: %v", err)
	}
	setup, err := abi.ParseDigest(a.Setup)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.TrustSetupDigest(setup); err != nil {
		t.Fatal(err)
	}
	v, err = other.Verify(t.Context(), full)
	if err != nil || v.Own || v.Attestation.State != a.State {
		t.Errorf("%+v, %v", v, err)
	}
	strict := newUser(t, node.URL)
	if err := strict.TrustSetupDigest(setup); err != nil {
		t.Fatal(err)
	}
	if _, err = strict.Verify(t.Context(), full); !errors.Is(err, client.ErrSetup) {
		t.Errorf("a development setup without permission: %v", err)
	}
	// The receipt tells another story than the bundle.
	if err := changeReceipt(u, r.Task); err != nil {
		t.Fatal(err)
	}
	if _, err = u.Verify(t.Context(), full); !errors.Is(err, client.ErrAttestation) ||
		!strings.Contains(err.Error(), "inputs") {
		t.Errorf("another request than the receipt's: %v", err)
	}
}

// awaitCommitted waits until the node has committed to a number of key sets.
func awaitCommitted(t *testing.T, node *hosttest.Node, n int) {
	t.Helper()
	want := fmt.Sprintf("\ncerberus_key_sets_committed %d\n", n)
	for t.Context().Err() == nil {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, node.URL+"/metrics",
			http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), want) {
			return
		}
	}
}

// TestKeyCommitments: once the key set is committed, proofs stand on the commitments, which
// the client compares with its keys once, and so does whoever has the pack.
func TestKeyCommitments(t *testing.T) {
	node := provingNode(t)
	u := newTrier(t, node.URL)
	ask(t, u, "square", "text")
	awaitCommitted(t, node, 1)
	r := ask(t, u, "square", "text")
	full := export(t, u, r.Task, true)
	v, err := u.Verify(t.Context(), full)
	if err != nil || v.KeyCommitments.IsZero() {
		t.Fatalf("%+v, %v", v, err)
	}
	name := strings.TrimPrefix(v.KeyCommitments.String(), "sha256:")
	if files, err := u.store.List("keycommitments"); err != nil || !slices.Equal(files,
		[]string{"keycommitments/" + name}) {
		t.Errorf("kept %v, %v", files, err)
	}
	node.Close()
	other := newTrier(t, node.URL)
	setup, err := abi.ParseDigest(r.Attestation.Setup)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.TrustSetupDigest(setup); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Verify(t.Context(), full); err != nil {
		t.Error(err)
	}
	// A damaged file is no file.
	if err := u.store.Write("keycommitments/"+name, []byte("damaged")); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Verify(t.Context(), full); err != nil {
		t.Error(err)
	}
}

// changeReceipt makes the client remember that it sent another input.
func changeReceipt(u *user, task string) error {
	name := "receipts/" + task + ".json"
	raw, err := u.store.Read(name)
	if err != nil {
		return err
	}
	head, tail, _ := strings.Cut(string(raw), `"inputs"`)
	at := strings.Index(tail, "sha256:") + len("sha256:")
	digit := "0"
	if tail[at:at+1] == digit {
		digit = "1"
	}
	return u.store.Write(name, []byte(head+`"inputs"`+tail[:at]+digit+tail[at+1:]))
}

// TestUntrustedSetupSendsNothing: without trust in the cluster's setup nothing is encrypted
// or uploaded; without a wish for a proof, the setup does not matter.
func TestUntrustedSetupSendsNothing(t *testing.T) {
	node := provingNode(t)
	status := cerberusv1connect.NodeServiceGetStatusProcedure
	foreign := func(a *cerberusv1.GetStatusResponse) { a.GetSetup().Digest[0] ^= 1 }
	for name, u := range map[string]*user{
		"a development setup": newUser(t, node.URL), "a foreign setup": newTrier(t, node.URL),
	} {
		if name == "a foreign setup" {
			u.wire.after[status] = changeAnswer(t, new(cerberusv1.GetStatusResponse), foreign)
		}
		_, err := u.open(t, "square").Ask(t.Context(), []byte("text"))
		if !errors.Is(err, client.ErrSetup) || !errors.Is(err, client.ErrVerification) {
			t.Errorf("%s: %v", name, err)
		}
		if keys, err := u.Keys(); err != nil || len(keys) != 0 || u.wire.uploads() != 0 {
			t.Errorf("%s: %d uploads, keys %v, %v", name, u.wire.uploads(), keys, err)
		}
	}
	u := newUser(t, node.URL)
	b, err := u.Open(t.Context(), "square", client.OpenOptions{Attest: client.AttestNone})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := b.Ask(t.Context(), []byte("text")); err != nil ||
		r.Attestation.State != client.AttestationNone {
		t.Errorf("%+v, %v", r, err)
	}
	// A node cannot talk a client out of attestations.
	u.wire.after[status] = changeAnswer(t, new(cerberusv1.GetStatusResponse),
		func(a *cerberusv1.GetStatusResponse) { a.Setup = nil })
	if _, err := u.Open(t.Context(), "square", client.OpenOptions{}); !errors.Is(err,
		client.ErrChanged) {
		t.Errorf("the setup is gone: %v", err)
	}
}

// forger is a node that lies about the attestation of a user's task. It signs with a key of
// its own.
type forger struct {
	node *hosttest.Node
	key  *identity.Key
	user *user
	// old is an honest bundle of another user's task, with commitments to that user's keys.
	old *bundle.Bundle
}

// stream changes the tasks in a stream of a watch, whose messages have a byte of flags and
// four of length before them.
func (f *forger) stream(t *testing.T, change func(*cerberusv1.Task)) func([]byte) []byte {
	t.Helper()
	return func(body []byte) []byte {
		var out []byte
		for len(body) >= 5 {
			n := 5 + int(binary.BigEndian.Uint32(body[1:]))
			flags, message := body[0], body[5:n]
			body = body[n:]
			if flags == 0 {
				m := new(cerberusv1.WatchTaskResponse)
				if err := proto.Unmarshal(message, m); err != nil {
					t.Error(err)
				}
				if len(m.GetTask().GetAttestation().GetBundleDigest()) > 0 {
					change(m.GetTask())
				}
				var err error
				if message, err = proto.Marshal(m); err != nil {
					t.Error(err)
				}
			}
			out = binary.BigEndian.AppendUint32(append(out, flags), uint32(len(message)))
			out = append(out, message...)
		}
		return out
	}
}

// serve puts other bytes in the place of the task's bundle.
func (f *forger) serve(task *cerberusv1.Task, data []byte) {
	d := abi.SumDigest(data)
	f.user.wire.mu.Lock()
	defer f.user.wire.mu.Unlock()
	f.user.wire.blobs[d] = data
	task.Attestation.BundleDigest = d[:]
}

// forge changes the task's own bundle, and signs it anew unless told not to.
func (f *forger) forge(
	t *testing.T, task *cerberusv1.Task, sign bool, change func(*bundle.Bundle),
) {
	t.Helper()
	raw := f.node.As(f.user.key(t)).Download(task.GetAttestation().GetBundleDigest())
	b, err := bundle.Parse(slices.Clone(raw))
	if err != nil {
		t.Error(err)
		return
	}
	change(b)
	if sign {
		b.Statement.Node = f.key.Address()
		b.Signature = attest.Signature(f.key.Sign(b.Statement.SigningDigest()))
	}
	data, err := b.Encode()
	if err != nil {
		t.Error(err)
		return
	}
	f.serve(task, data)
}

// lie is a change to a task's attestation, and the error that it ends with.
type lie struct {
	want   error
	change func(f *forger, task *cerberusv1.Task)
}

// lies are what a node can put in the place of an attestation; oldBytes is an honest bundle
// of another task.
func lies(t *testing.T, oldBytes []byte) map[string]lie {
	t.Helper()
	return map[string]lie{
		"another output": {bundle.ErrProof, func(f *forger, task *cerberusv1.Task) {
			f.forge(t, task, true, func(b *bundle.Bundle) {
				b.Outputs, b.Statement.Outputs = f.old.Outputs, f.old.Statement.Outputs
			})
			d := f.old.Statement.Outputs[0].Digest
			task.Outputs[0].Digest = d[:]
		}},
		"another output under the old digest": {bundle.ErrOutput, func(f *forger, task *cerberusv1.Task) {
			f.forge(t, task, true, func(b *bundle.Bundle) { b.Outputs = f.old.Outputs })
		}},
		"other outputs than before": {bundle.ErrStatement, func(_ *forger, task *cerberusv1.Task) {
			task.Outputs[0].Digest = task.GetInputs()[0].GetDigest()
		}},
		"a proof of another task": {bundle.ErrProof, func(f *forger, task *cerberusv1.Task) {
			f.forge(t, task, true, func(b *bundle.Bundle) { b.Proof = f.old.Proof })
		}},
		"a changed proof": {bundle.ErrProof, func(f *forger, task *cerberusv1.Task) {
			f.forge(t, task, true, func(b *bundle.Bundle) { b.Proof[len(b.Proof)/2] ^= 1 })
		}},
		"a bundle of another task": {bundle.ErrStatement, func(f *forger, task *cerberusv1.Task) {
			f.serve(task, oldBytes)
		}},
		"another task's id": {bundle.ErrStatement, func(f *forger, task *cerberusv1.Task) {
			f.forge(t, task, true, func(b *bundle.Bundle) { b.Statement.Task[0] ^= 1 })
		}},
		"another client": {bundle.ErrStatement, func(f *forger, task *cerberusv1.Task) {
			f.forge(t, task, true, func(b *bundle.Bundle) { b.Statement.Client[0] ^= 1 })
		}},
		"a foreign setup": {bundle.ErrSetup, func(f *forger, task *cerberusv1.Task) {
			f.forge(t, task, true, func(b *bundle.Bundle) { b.Statement.Setup[0] ^= 1 })
		}},
		"a signature of another": {bundle.ErrSignature, func(f *forger, task *cerberusv1.Task) {
			f.forge(t, task, false, func(b *bundle.Bundle) { b.Statement.Signed.Engine = "other" })
		}},
		"commitments to other keys": {keyset.ErrKeys, func(f *forger, task *cerberusv1.Task) {
			f.forge(t, task, true, func(b *bundle.Bundle) {
				b.Statement.KeyCommitments = f.old.Statement.KeyCommitments
			})
		}},
		"no commitments": {keyset.ErrFormat, func(f *forger, task *cerberusv1.Task) {
			noise := []byte("noise")
			f.forge(t, task, true, func(b *bundle.Bundle) {
				b.Statement.KeyCommitments = abi.SumDigest(noise)
			})
			f.user.wire.mu.Lock()
			defer f.user.wire.mu.Unlock()
			f.user.wire.blobs[abi.SumDigest(noise)] = noise
		}},
		"no bundle": {bundle.ErrFormat, func(f *forger, task *cerberusv1.Task) {
			f.serve(task, []byte("no bundle"))
		}},
		"no digest": {client.ErrAttestation, func(_ *forger, task *cerberusv1.Task) {
			task.Attestation.BundleDigest = []byte{1}
		}},
		"gave up": {client.ErrUnproven, func(_ *forger, task *cerberusv1.Task) {
			task.Attestation.State = cerberusv1.AttestationState_ATTESTATION_STATE_FAILED
		}},
		"no attestation": {client.ErrUnproven, func(_ *forger, task *cerberusv1.Task) {
			task.Attestation = nil
		}},
	}
}

// TestForgedAttestations: whatever a node puts in the place of an attestation, the client
// finds out, each lie by its own check, and gives no answer.
func TestForgedAttestations(t *testing.T) {
	node := provingNode(t)
	first := newTrier(t, node.URL)
	ask(t, first, "square", "text")
	awaitCommitted(t, node, 1)
	old, err := bundle.Parse(export(t, first, ask(t, first, "square", "text").Task, false).Bundle)
	if err != nil {
		t.Fatal(err)
	}
	oldBytes, err := old.Encode()
	if err != nil {
		t.Fatal(err)
	}
	d := old.Statement.KeyCommitments
	commitments := node.As(first.key(t)).Download(d[:])
	for name, c := range lies(t, oldBytes) {
		t.Run(name, func(t *testing.T) {
			u := newTrier(t, node.URL)
			u.wire.blobs[d] = commitments
			f := &forger{node: node, key: hosttest.Key(t), user: u, old: old}
			u.wire.after[cerberusv1connect.TaskServiceWatchTaskProcedure] = f.stream(t,
				func(task *cerberusv1.Task) { c.change(f, task) })
			r, err := u.open(t, "square").Ask(t.Context(), []byte("text"))
			if r != nil || !errors.Is(err, c.want) || !errors.Is(err, client.ErrAttestation) ||
				!errors.Is(err, client.ErrVerification) {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}
