package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"connectrpc.com/connect"

	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
)

const (
	// silenceMax is how long a stream may tell nothing before it is opened again. A task may
	// take longer; what is bounded is how long a node can be gone without being noticed.
	silenceMax = time.Minute
	// watchPause is the time between two streams about the same task. It doubles while the
	// node tells nothing, up to watchPauseMax.
	watchPause    = 100 * time.Millisecond
	watchPauseMax = 5 * time.Second
)

// watch follows the task until it has ended.
func (c *Client) watch(ctx context.Context, task *cerberusv1.Task) (*cerberusv1.Task, error) {
	task, err := c.until(ctx, task, false, func(t *cerberusv1.Task) bool {
		return ended(t.GetState())
	})
	if err != nil {
		return nil, err
	}
	if task.GetState() != cerberusv1.TaskState_TASK_STATE_DONE {
		return nil, taskError(task)
	}
	return task, nil
}

// until follows the task until it is over in the caller's sense. A stream that breaks, falls
// silent or is refused by a node that is not ready is opened again for as long as ctx lasts,
// and tells the present state first: the cluster has the task, whatever becomes of a node.
// settled asks for what follows the result too.
func (c *Client) until(
	ctx context.Context, task *cerberusv1.Task, settled bool, over func(*cerberusv1.Task) bool,
) (*cerberusv1.Task, error) {
	id := task.GetId()
	var trouble error
	for pause := watchPause; !over(task); {
		now, err := c.follow(ctx, id, settled, over)
		switch {
		case ctx.Err() != nil:
			return nil, unseen(ctx, id, trouble)
		case now != nil:
			task, pause, trouble = now, watchPause, nil
		case err == nil:
			return nil, fmt.Errorf("%w: the node told nothing of task %x", ErrVerification, id)
		case !silent(err):
			return nil, wrapRPC("watch task", err)
		default:
			trouble = wrapRPC("watch task", err)
			c.event(Event{Phase: "wait for the node", Detail: trouble.Error()})
		}
		if !over(task) && !rest(ctx, pause) {
			return nil, unseen(ctx, id, trouble)
		}
		if trouble != nil {
			pause = min(2*pause, watchPauseMax)
		}
	}
	return task, nil
}

// unseen is the error of a watch that its context ended, with what was wrong with the node.
func unseen(ctx context.Context, id []byte, trouble error) error {
	if trouble == nil || errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("watch task %x: %w", id, ctx.Err())
	}
	return fmt.Errorf("watch task %x: %w: %w", id, ctx.Err(), trouble)
}

// silent reports whether a stream ended for no reason of the task's.
func silent(err error) bool {
	return broken(err) || connect.CodeOf(err) == connect.CodeDeadlineExceeded
}

// follow reads one stream until the task is over, or the stream, and returns the last state
// that it told, nil if none.
func (c *Client) follow(
	ctx context.Context, id []byte, settled bool, over func(*cerberusv1.Task) bool,
) (*cerberusv1.Task, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	timer := time.AfterFunc(silenceMax, func() { stop(errSilent) })
	defer timer.Stop()
	stream, err := c.tasks.WatchTask(ctx, &cerberusv1.WatchTaskRequest{
		Id: id, UntilSettled: settled,
	})
	if err != nil {
		return nil, silence(ctx, err)
	}
	var last *cerberusv1.Task
	for (last == nil || !over(last)) && stream.Receive() {
		timer.Reset(silenceMax)
		task := stream.Msg().GetTask()
		if !bytes.Equal(task.GetId(), id) {
			err := fmt.Errorf("%w: the node tells of task %x instead of %x", ErrVerification,
				task.GetId(), id)
			return nil, errors.Join(err, stream.Close())
		}
		last = task
		c.event(Event{Phase: progressOf(last)})
	}
	return last, silence(ctx, errors.Join(stream.Err(), stream.Close()))
}

// errSilent ends a stream that told nothing for a long time.
var errSilent = errors.New("the node fell silent")

// silence gives an error that follows from the end of a silent stream its real cause.
func silence(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errSilent) {
		return connect.NewError(connect.CodeDeadlineExceeded, errSilent)
	}
	return err
}
