package client

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"

	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
	"github.com/cerberus-host/cerberus/proto/gen/cerberus/v1/cerberusv1connect"
)

// taskNode answers each stream about a task as told.
type taskNode struct {
	cerberusv1connect.UnimplementedTaskServiceHandler

	mu sync.Mutex
	// script has what each stream does; the last entry is for all that follow.
	script  []func(tell func(cerberusv1.TaskState) error) error
	streams int
}

func (n *taskNode) WatchTask(
	_ context.Context, r *cerberusv1.WatchTaskRequest,
	stream *connect.ServerStream[cerberusv1.WatchTaskResponse],
) error {
	n.mu.Lock()
	does := n.script[min(n.streams, len(n.script)-1)]
	n.streams++
	n.mu.Unlock()
	return does(func(s cerberusv1.TaskState) error {
		return stream.Send(&cerberusv1.WatchTaskResponse{
			Task: &cerberusv1.Task{Id: r.GetId(), State: s},
		})
	})
}

// count returns how many streams were opened.
func (n *taskNode) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.streams
}

// dial returns a client and the phases of its events.
func (n *taskNode) dial(t *testing.T) (*Client, func() []string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle(cerberusv1connect.NewTaskServiceHandler(n))
	c := dial(t, mux)
	var phases []string
	c.onEvent = func(e Event) { phases = append(phases, e.Phase) }
	return c, func() []string { return slices.Compact(phases) }
}

// notReady is what a node says that is starting, or has no leader.
func notReady(t *testing.T) error {
	t.Helper()
	detail, err := connect.NewErrorDetail(&cerberusv1.ErrorDetail{Reason: "not_ready"})
	if err != nil {
		t.Fatal(err)
	}
	refusal := connect.NewError(connect.CodeUnavailable, errors.New("the node is starting"))
	refusal.AddDetail(detail)
	return refusal
}

// TestWatchOutlastsARestart: a client that watches a task while its node stops, is gone and
// starts again hears the end of it, however often it has to ask.
func TestWatchOutlastsARestart(t *testing.T) {
	refuse := func(func(cerberusv1.TaskState) error) error { return notReady(t) }
	vanish := func(func(cerberusv1.TaskState) error) error { panic(http.ErrAbortHandler) }
	n := &taskNode{script: []func(func(cerberusv1.TaskState) error) error{
		refuse, refuse,
		func(tell func(cerberusv1.TaskState) error) error {
			return errors.Join(tell(cerberusv1.TaskState_TASK_STATE_RUNNING), notReady(t))
		},
		vanish, refuse, refuse, refuse,
		func(tell func(cerberusv1.TaskState) error) error {
			return errors.Join(tell(cerberusv1.TaskState_TASK_STATE_RUNNING),
				tell(cerberusv1.TaskState_TASK_STATE_DONE))
		},
	}}
	c, phases := n.dial(t)
	id := bytes.Repeat([]byte{7}, 32)
	task, err := c.watch(t.Context(), &cerberusv1.Task{Id: id})
	if err != nil || task.GetState() != cerberusv1.TaskState_TASK_STATE_DONE ||
		n.count() != len(n.script) {
		t.Errorf("%v after %d streams of %d, %v", task, n.count(), len(n.script), err)
	}
	want := []string{
		"wait for the node", "task running", "wait for the node", "task running", "task done",
	}
	if !slices.Equal(phases(), want) {
		t.Errorf("phases %q", phases())
	}
}

// TestWatchEnds: a watch lasts as long as its context and no longer, says then what was wrong
// with the node, and does not repeat what is refused for good.
func TestWatchEnds(t *testing.T) {
	n := &taskNode{script: []func(func(cerberusv1.TaskState) error) error{
		func(func(cerberusv1.TaskState) error) error { return notReady(t) },
	}}
	c, _ := n.dial(t)
	task := &cerberusv1.Task{Id: bytes.Repeat([]byte{7}, 32)}
	ctx, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	_, err := c.watch(ctx, task)
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrUnreachable) ||
		!strings.Contains(err.Error(), "the node is starting") || n.count() < 2 || n.count() > 5 {
		t.Errorf("%d streams, %v", n.count(), err)
	}
	ctx, stop = context.WithCancel(t.Context())
	c.onEvent = func(Event) { stop() }
	if _, err = c.watch(ctx, task); !errors.Is(err, context.Canceled) ||
		errors.Is(err, ErrUnreachable) {
		t.Errorf("cancelled: %v", err)
	}
	n = &taskNode{script: []func(func(cerberusv1.TaskState) error) error{
		func(func(cerberusv1.TaskState) error) error {
			return connect.NewError(connect.CodeNotFound, errors.New("no such task"))
		},
	}}
	c, _ = n.dial(t)
	if _, err = c.watch(t.Context(), task); !errors.Is(err, ErrRefused) || n.count() != 1 {
		t.Errorf("refused: %d streams, %v", n.count(), err)
	}
}
