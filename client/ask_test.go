package client_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cerberus-host/cerberus/client"
	"github.com/cerberus-host/cerberus/host/hosttest"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
	"github.com/cerberus-host/cerberus/proto/gen/cerberus/v1/cerberusv1connect"
)

// square starts a node with the honest guest under that name.
func square(t *testing.T) *hosttest.Node {
	t.Helper()
	node := startNode(t)
	node.Install(1, guest(t, hosttest.SquareManifest("square"), honest()))
	return node
}

// TestKeysAreReused: key sets are made once, sent once, kept, and made again when damaged.
func TestKeysAreReused(t *testing.T) {
	node := square(t)
	store := client.NewMemStore()
	u := newUserOf(t, node.URL, store)
	first := ask(t, u, "square", "text")
	if first.Answer.Label != "yes" || first.Bytes.Keys == 0 || first.Bytes.Upload == 0 ||
		first.Bytes.Download == 0 || first.Attestation.State != "none" {
		t.Errorf("%+v", first)
	}
	if again := ask(t, u, "square", "text"); again.Bytes.Keys != 0 || again.Task == first.Task {
		t.Errorf("%+v", again)
	}
	later := newUserOf(t, node.URL, store)
	if again := ask(t, later, "square", "text"); again.Bytes.Keys != 0 {
		t.Errorf("%+v", again.Bytes)
	}
	sets, err := store.List("keysets")
	if err != nil || len(sets) != 1 {
		t.Fatalf("key sets %v, %v", sets, err)
	}
	for name, damage := range map[string]func([]byte) []byte{
		"flipped": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"short":   func(b []byte) []byte { return b[:len(b)/2] },
		"empty":   func([]byte) []byte { return nil },
	} {
		raw, err := store.Read(sets[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Write(sets[0], damage(raw)); err != nil {
			t.Fatal(err)
		}
		u := newUserOf(t, node.URL, store)
		if r := ask(t, u, "square", "text"); r.Answer.Label != "yes" || r.Bytes.Keys == 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	// Key sets of a key that was removed go with it, and a new key gets new ones.
	if err := u.RemoveKey(client.DefaultKey, hosttest.Params); err != nil {
		t.Fatal(err)
	}
	if left, err := store.List("keysets"); err != nil || len(left) != 0 {
		t.Errorf("key sets %v are left, %v", left, err)
	}
	if r := ask(t, u, "square", "text"); r.Bytes.Keys == 0 {
		t.Errorf("%+v", r.Bytes)
	}
}

// TestReplacedKeyHasItsOwnKeySets: a key that came in place of another, behind the
// client's back, does not meet the key sets of the one before.
func TestReplacedKeyHasItsOwnKeySets(t *testing.T) {
	node := square(t)
	store, other := client.NewMemStore(), client.NewMemStore()
	ask(t, newUserOf(t, node.URL, store), "square", "text")
	ask(t, newUserOf(t, node.URL, other), "square", "text")
	const file = "keys/default/" + hosttest.Params + ".secret"
	raw, err := other.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Write(file, raw); err != nil {
		t.Fatal(err)
	}
	u := newUserOf(t, node.URL, store)
	if r := ask(t, u, "square", "text"); r.Bytes.Keys == 0 {
		t.Errorf("the key set of another key was used: %+v", r.Bytes)
	}
}

// TestClientsShareAStore: of clients that start at once on an empty store, as processes of a
// script do, all end up with the same keys.
func TestClientsShareAStore(t *testing.T) {
	node := square(t)
	store, err := client.NewDirStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const clients = 4
	users := make([]*user, clients)
	for i := range users {
		users[i] = newUserOf(t, node.URL, store)
	}
	var all sync.WaitGroup
	for _, u := range users {
		all.Go(func() {
			brain, err := u.Open(t.Context(), "square", client.OpenOptions{})
			if err != nil {
				t.Error(err)
				return
			}
			if r, err := brain.Ask(t.Context(), []byte("text")); err != nil || r.Answer.Label != "yes" {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
	all.Wait()
	if keys, err := users[0].Keys(); err != nil || len(keys) != 1 || keys[0].KeySets != 1 {
		t.Errorf("keys %v, %v", keys, err)
	}
	for _, u := range users[1:] {
		if u.Address() != users[0].Address() {
			t.Error("two identities")
		}
	}
}

// TestDamagedCachesAreMadeAgain: module, Program and Plan are fetched and made again.
func TestDamagedCachesAreMadeAgain(t *testing.T) {
	node := square(t)
	store := client.NewMemStore()
	ask(t, newUserOf(t, node.URL, store), "square", "text")
	for _, folder := range []string{"cache/blobs", "cache/plans"} {
		names, err := store.List(folder)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v, %v", folder, names, err)
		}
		for _, name := range names {
			whole, err := store.Read(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, damaged := range [][]byte{nil, whole[:len(whole)/2], flip(whole), []byte("x")} {
				if err := store.Write(name, damaged); err != nil {
					t.Fatal(err)
				}
				ask(t, newUserOf(t, node.URL, store), "square", "text")
				if now, err := store.Read(name); err != nil || !slices.Equal(now, whole) {
					t.Errorf("%s was not repaired, %v", name, err)
				}
			}
		}
	}
}

func flip(b []byte) []byte {
	out := slices.Clone(b)
	out[len(out)/2] ^= 1
	return out
}

// TestCancellationCancelsTheTask: when the caller gives up, the node is told.
func TestCancellationCancelsTheTask(t *testing.T) {
	node := square(t)
	u := newUser(t, node.URL)
	brain := u.open(t, "square")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	u.wire.before = func(procedure string) {
		if procedure == cerberusv1connect.TaskServiceWatchTaskProcedure {
			stop()
		}
	}
	_, err := brain.Ask(ctx, []byte("text"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if n := u.wire.count(cerberusv1connect.TaskServiceCancelTaskProcedure); n != 1 {
		t.Errorf("the task was cancelled %d times", n)
	}
}

// TestClosedClientHasNoKeys: after Close the keys are gone from memory, and a request ends
// in an error.
func TestClosedClientHasNoKeys(t *testing.T) {
	node := square(t)
	u := newUser(t, node.URL)
	brain := u.open(t, "square")
	if _, err := brain.Ask(t.Context(), []byte("text")); err != nil {
		t.Fatal(err)
	}
	u.Close()
	u.Close()
	if _, err := brain.Ask(t.Context(), []byte("text")); !errors.Is(err, client.ErrClosed) {
		t.Errorf("%v", err)
	}
}

// TestPinsOfABrain: a pinned version is taken or refused, and leaves no mark.
func TestPinsOfABrain(t *testing.T) {
	node := square(t)
	u := newUser(t, node.URL)
	digest := u.open(t, "square").Module()
	open := func(ref string) error {
		_, err := u.Open(t.Context(), ref, client.OpenOptions{})
		return err
	}
	if err := open("square@" + digest.String()); err != nil {
		t.Error(err)
	}
	digest[0] ^= 1
	if err := open("square@" + digest.String()); !errors.Is(err, client.ErrRefused) {
		t.Errorf("another digest: %v", err)
	}
	if err := open("square@sha256:" + strings.Repeat("0", 64)); !errors.Is(err, client.ErrRefused) {
		t.Errorf("the zero digest: %v", err)
	}
	if err := open("nobody"); !errors.Is(err, client.ErrRefused) {
		t.Errorf("an unknown Brain: %v", err)
	}
}

// TestStreamsBreak: a stream that breaks is opened again, and one about another task, or
// about none, is a lie.
func TestStreamsBreak(t *testing.T) {
	node := square(t)
	watch := cerberusv1connect.TaskServiceWatchTaskProcedure
	for name, c := range map[string]struct {
		change func([]byte) []byte
		want   error
	}{
		// A message of a Connect stream has a byte of flags and four of length before it.
		"another task": {func(b []byte) []byte { b[5+4+10] ^= 1; return b }, client.ErrVerification},
		"nothing told": {func([]byte) []byte { return []byte{2, 0, 0, 0, 2, '{', '}'} }, client.ErrVerification},
	} {
		u := newUser(t, node.URL)
		u.wire.after[watch] = c.change
		u.wire.after[cerberusv1connect.TaskServiceSubmitTaskProcedure] = changeAnswer(t,
			new(cerberusv1.SubmitTaskResponse), func(a *cerberusv1.SubmitTaskResponse) {
				a.GetTask().State = cerberusv1.TaskState_TASK_STATE_QUEUED
			})
		_, err := u.open(t, "square").Ask(t.Context(), []byte("text"))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	u := newUser(t, node.URL)
	cut := true
	u.wire.after[watch] = func(b []byte) []byte {
		if cut {
			cut = false
			return b[:len(b)/2]
		}
		return b
	}
	if r := ask(t, u, "square", "text"); r.Answer.Label != "yes" {
		t.Errorf("%+v", r)
	}
}

// TestEvalAgreesWithThePlainTwin runs both on a few rows.
func TestEvalAgreesWithThePlainTwin(t *testing.T) {
	node := square(t)
	brain := newUser(t, node.URL).open(t, "square")
	rows := `{"request":"a","label":"yes"}` + "\n\n" + `{"request":{"text":"b"},"label":"no"}` + "\n"
	var seen []int
	r, err := brain.Eval(t.Context(), strings.NewReader(rows), 0, func(done int) {
		seen = append(seen, done)
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Rows != 2 || r.Agreement != 1 || r.AccuracyPlain != 0.5 || r.AccuracyEncrypted != 0.5 ||
		!slices.Equal(seen, []int{1, 2}) || r.UploadBytesMax == 0 || len(r.Timings) != 11 {
		t.Errorf("%+v, %v", r, seen)
	}
	if r, err = brain.Eval(t.Context(), strings.NewReader(rows), 1, nil); err != nil || r.Rows != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	for name, text := range map[string]string{
		"no rows": "", "not JSON": "x", "no label": `{"request":"a"}`, "no request": `{"label":"a"}`,
		"a request of another schema": `{"request":{"other":1},"label":"yes"}`,
	} {
		_, err := brain.Eval(t.Context(), strings.NewReader(text), 0, nil)
		if !errors.Is(err, client.ErrUsage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
