package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/client"
	"github.com/cerberus-host/cerberus/host/hosttest"
	"github.com/cerberus-host/cerberus/host/runtime"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
	"github.com/cerberus-host/cerberus/proto/gen/cerberus/v1/cerberusv1connect"
)

// TestHostileEncode: whatever a guest's encode does, either the request ends in an error
// before anything is encrypted or sent, or what is sent has the shape that every request
// has.
func TestHostileEncode(t *testing.T) {
	node := startNode(t)
	node.Install(1, guest(t, hosttest.SquareManifest("honest"), honest()))
	honestUpload := ask(t, newUser(t, node.URL), "honest", "text").Bytes.Upload
	for i, c := range []struct {
		name string
		code []byte
		// ends: the run must end in an error.
		ends bool
	}{
		{"nan", trapIfRefused(put(atX, 0, atNaN, 1)), true},
		{"infinity", trapIfRefused(put(atX, 0, atInf, 1)), true},
		{"beyond-the-bound", trapIfRefused(put(atX, 0, atLarge, 1)), true},
		{"too-many", trapIfRefused(put(atX, 0, atNumbers, 5)), true},
		{"beyond-the-end", trapIfRefused(put(atX, 4, atNumbers, 1)), true},
		{"offset-wraps", trapIfRefused(put(atX, -1, atNumbers, 2)), true},
		{"count-wraps", trapIfRefused(put(atX, 0, atNumbers, -1)), true},
		{"another-vector", trapIfRefused(put(atZ, 0, atNumbers, 1)), true},
		{"an-output", trapIfRefused(put(atY, 0, atNumbers, 1)), true},
		{"outside-memory", trapIfRefused(put(atX, 0, 65530, 4)), true},
		{"traps", []byte(opUnreachable), true},
		{"never-ends", []byte(opLoopForever), true},
		{"nan-and-goes-on", then(put(atX, 0, atNaN, 1), opDrop), false},
		{"too-many-and-goes-on", then(put(atX, 0, atNumbers, 5), opDrop), false},
		{"another-and-goes-on", then(put(atZ, 0, atNumbers, 1), opDrop), false},
		{"nothing", nil, false},
		{"one-number", then(put(atX, 2, atNumbers, 1), opDrop), false},
		{"twice", then(then(put(atX, 0, atNumbers, 4), opDrop), string(honest())), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			node.Install(uint32(i+2), guest(t, hosttest.SquareManifest(c.name), c.code))
			u := newUser(t, node.URL)
			if !c.ends {
				if got := ask(t, u, c.name, "text").Bytes.Upload; got != honestUpload {
					t.Errorf("%d bytes of input, an honest guest sends %d", got, honestUpload)
				}
				return
			}
			_, err := u.open(t, c.name).Ask(t.Context(), []byte("text"))
			var run *runtime.RunError
			if !errors.Is(err, client.ErrRefused) || !errors.As(err, &run) {
				t.Errorf("%v", err)
			}
			if n := u.wire.uploads(); n != 0 {
				t.Errorf("%d uploads were begun", n)
			}
			if keys, err := u.Keys(); err != nil || len(keys) != 0 {
				t.Errorf("keys %v, %v", keys, err)
			}
		})
	}
}

// ask asks a question that must be answered.
func ask(t *testing.T, u *user, brain, request string) *client.Result {
	t.Helper()
	r, err := u.open(t, brain).Ask(t.Context(), []byte(request))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestNothingButPublicFieldsLeaves: of two requests that differ in length and content, the
// node gets the public field's value and inputs of the same size, and no clear text.
func TestNothingButPublicFieldsLeaves(t *testing.T) {
	node := startNode(t)
	node.Install(1, guest(t, publicManifest("public"), honest()))
	u := newUser(t, node.URL)
	brain := u.open(t, "public")
	var upload int64
	for _, text := range []string{"", "marker-of-the-private-field " + strings.Repeat("a", 30)} {
		request := []byte(`{"mode":"other","text":"` + text + `"}`)
		args, err := brain.PublicArguments(request)
		if err != nil || args.String() != "mode=other" {
			t.Fatalf("public arguments %q, %v", args, err)
		}
		r, err := brain.Ask(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		if upload != 0 && r.Bytes.Upload != upload {
			t.Errorf("%d bytes of input, then %d", upload, r.Bytes.Upload)
		}
		upload = r.Bytes.Upload
		if len(r.PublicArguments) != 1 || r.PublicArguments["mode"] != "other" {
			t.Errorf("public arguments %v", r.PublicArguments)
		}
	}
	if u.wire.sent("marker-of-the-private-field") {
		t.Error("the private field was sent in clear")
	}
	if !u.wire.sent("other") {
		t.Error("the public field was not sent: this test looks at the wrong place")
	}
}

// TestWeakParametersAreRefused: a node that takes insecure sets, with a Brain that asks for
// one, gets nothing from a client that was not told to allow them.
func TestWeakParametersAreRefused(t *testing.T) {
	node := startNode(t)
	node.Install(1, guest(t, hosttest.SquareManifest("weak"), honest()))
	u := newUser(t, node.URL)
	c, err := client.New(client.Config{
		Node: node.URL, Store: client.NewMemStore(), Sandbox: sandboxOf(t), Transport: u.wire,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Open(t.Context(), "weak", client.OpenOptions{})
	if !errors.Is(err, client.ErrRefused) || !strings.Contains(err.Error(), "128-bit") {
		t.Errorf("%v", err)
	}
	if err := c.NewKey("k", hosttest.Params); !errors.Is(err, client.ErrUsage) {
		t.Errorf("a key for a weak set: %v", err)
	}
	if n := u.wire.uploads(); n != 0 {
		t.Errorf("%d uploads were begun", n)
	}
}

func sandboxOf(t *testing.T) *runtime.Runtime {
	t.Helper()
	s, err := runtime.New(t.Context(), runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestLyingNode: what a node says about a Brain is checked before anything is encrypted.
func TestLyingNode(t *testing.T) {
	node := startNode(t)
	node.Install(1, guest(t, hosttest.SquareManifest("square"), honest()))
	node.Install(2, guest(t, hosttest.SquareManifest("other"), honest()))
	getBrain := cerberusv1connect.BrainServiceGetBrainProcedure
	version := func(a *cerberusv1.GetBrainResponse) *cerberusv1.ModuleVersion {
		return a.GetBrain().GetVersions()[0]
	}
	for name, change := range map[string]func(*cerberusv1.GetBrainResponse){
		"another plan": func(a *cerberusv1.GetBrainResponse) {
			version(a).Plans[0].PlanDigest[0] ^= 1
		},
		"another program": func(a *cerberusv1.GetBrainResponse) {
			version(a).Plans[0].ProgramDigest[0] ^= 1
		},
		"no plans": func(a *cerberusv1.GetBrainResponse) { version(a).Plans = nil },
		"other arguments": func(a *cerberusv1.GetBrainResponse) {
			version(a).Plans[0].Arguments = []*cerberusv1.Argument{{Name: "a", Value: "b"}}
		},
		"another name":     func(a *cerberusv1.GetBrainResponse) { a.GetBrain().Name = "other" },
		"no Brain":         func(a *cerberusv1.GetBrainResponse) { a.Brain = nil },
		"no such version":  func(a *cerberusv1.GetBrainResponse) { a.GetBrain().ActiveModule[0] ^= 1 },
		"malformed digest": func(a *cerberusv1.GetBrainResponse) { shorten(a.GetBrain()) },
		"another module": func(a *cerberusv1.GetBrainResponse) {
			other, err := newUser(t, node.URL).Open(t.Context(), "other", client.OpenOptions{})
			if err != nil {
				t.Error(err)
				return
			}
			d := other.Module()
			a.GetBrain().ActiveModule, version(a).ModuleDigest = d[:], d[:]
		},
	} {
		u := newUser(t, node.URL)
		u.wire.after[getBrain] = changeAnswer(t, new(cerberusv1.GetBrainResponse), change)
		brain, err := u.Open(t.Context(), "square", client.OpenOptions{})
		if err == nil {
			_, err = brain.Ask(t.Context(), []byte("text"))
		}
		if !errors.Is(err, client.ErrVerification) {
			t.Errorf("%s: %v", name, err)
		}
		if keys, err := u.Keys(); err != nil || len(keys) != 0 || u.wire.uploads() != 0 {
			t.Errorf("%s: %d uploads, keys %v, %v", name, u.wire.uploads(), keys, err)
		}
	}
}

func shorten(b *cerberusv1.Brain) {
	b.ActiveModule = b.GetActiveModule()[1:]
	for _, v := range b.GetVersions() {
		v.ModuleDigest = v.GetModuleDigest()[1:]
	}
}

// TestLyingResult: what a node says about the result is checked too.
func TestLyingResult(t *testing.T) {
	node := startNode(t)
	node.Install(1, guest(t, hosttest.SquareManifest("square"), honest()))
	submit := cerberusv1connect.TaskServiceSubmitTaskProcedure
	done := func(change func(*cerberusv1.Task)) func([]byte) []byte {
		return changeAnswer(t, new(cerberusv1.SubmitTaskResponse),
			func(a *cerberusv1.SubmitTaskResponse) {
				a.GetTask().State = cerberusv1.TaskState_TASK_STATE_DONE
				change(a.GetTask())
			})
	}
	input := func(task *cerberusv1.Task) []byte { return task.GetInputs()[0].GetDigest() }
	for name, change := range map[string]func(*cerberusv1.Task){
		"no output": func(*cerberusv1.Task) {},
		"another output": func(task *cerberusv1.Task) {
			task.Outputs = []*cerberusv1.NamedBlob{{Name: "z", Digest: input(task)}}
		},
		"malformed digest": func(task *cerberusv1.Task) {
			task.Outputs = []*cerberusv1.NamedBlob{{Name: "y", Digest: []byte{1}}}
		},
		"the input again": func(task *cerberusv1.Task) {
			task.Outputs = []*cerberusv1.NamedBlob{{Name: "y", Digest: input(task)}}
		},
		"the key set": func(task *cerberusv1.Task) {
			task.Outputs = []*cerberusv1.NamedBlob{{Name: "y", Digest: task.GetKeySet()}}
		},
	} {
		u := newUser(t, node.URL)
		u.wire.after[submit] = done(change)
		if _, err := u.open(t, "square").Ask(t.Context(), []byte("text")); !errors.Is(err,
			client.ErrVerification) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
