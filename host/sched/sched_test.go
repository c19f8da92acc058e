package sched_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/sched"
)

// fakeQueue is a queue in memory.
type fakeQueue struct {
	mu      sync.Mutex
	tasks   []sched.Candidate
	fence   uint64
	taken   abi.TaskID
	err     error
	expired int
}

func (q *fakeQueue) Queued(_ context.Context, limit int) ([]sched.Candidate, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.tasks[:min(limit, len(q.tasks))]), q.err
}

func (q *fakeQueue) Lease(_ context.Context, id abi.TaskID, _ time.Time) (uint64, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tasks = slices.DeleteFunc(q.tasks, func(c sched.Candidate) bool { return c.ID == id })
	if id == q.taken {
		return 0, sched.ErrTaken
	}
	q.fence++
	return q.fence, nil
}

func (q *fakeQueue) ExpireLeases(context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.expired++
	return nil
}

func (q *fakeQueue) add(list ...sched.Candidate) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tasks = append(q.tasks, list...)
}

// fakeRunner runs until it is told to end, or its context ends.
type fakeRunner struct {
	started chan sched.Lease
	finish  chan struct{}
	ended   chan error
}

func newRunner() *fakeRunner {
	return &fakeRunner{
		started: make(chan sched.Lease, 100), finish: make(chan struct{}),
		ended: make(chan error, 100),
	}
}

func (r *fakeRunner) Run(ctx context.Context, l sched.Lease) {
	r.started <- l
	select {
	case <-r.finish:
	case <-ctx.Done():
	}
	r.ended <- ctx.Err()
}

func task(n byte, bytes int64) sched.Candidate {
	return sched.Candidate{ID: abi.TaskID{n}, MemoryBytes: bytes}
}

// run starts a scheduler; the returned function stops it and waits.
func run(t *testing.T, q *fakeQueue, r *fakeRunner, change func(*sched.Config)) (
	*sched.Scheduler, func(),
) {
	t.Helper()
	cfg := sched.Config{
		Queue: q, Runner: r, Workers: 2, MemoryBytes: 100, Timeout: time.Minute,
		Interval: time.Hour, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&cfg)
	}
	s := sched.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	stop := func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return s, stop
}

// none checks that nothing else is started by a scheduler that was just woken twice: the
// second signal can only be taken after the first was dealt with.
func none(t *testing.T, s *sched.Scheduler, r *fakeRunner, running int) {
	t.Helper()
	s.Wake()
	select {
	case l := <-r.started:
		t.Fatalf("task %v was started", l.ID)
	case <-time.After(50 * time.Millisecond):
	}
	if n := s.Running(); n != running {
		t.Fatalf("%d are running, want %d", n, running)
	}
}

func TestOrderAndWorkers(t *testing.T) {
	q, r := &fakeQueue{}, newRunner()
	q.add(task(1, 0), task(2, 0), task(3, 0))
	s, _ := run(t, q, r, nil)
	first, second := <-r.started, <-r.started
	if min(first.ID[0], second.ID[0]) != 1 || max(first.ID[0], second.ID[0]) != 2 {
		t.Fatalf("started %v and %v", first.ID, second.ID)
	}
	none(t, s, r, 2)
	r.finish <- struct{}{}
	if third := <-r.started; third.ID[0] != 3 || third.Fence != 3 {
		t.Fatalf("%+v", third)
	}
}

func TestMemoryIsBoundedWithoutStarvation(t *testing.T) {
	q, r := &fakeQueue{}, newRunner()
	q.add(task(1, 60), task(2, 60), task(3, 1))
	s, _ := run(t, q, r, nil)
	if l := <-r.started; l.ID[0] != 1 {
		t.Fatal(l.ID)
	}
	// Task 3 would fit, but must not overtake task 2 for ever.
	none(t, s, r, 1)
	r.finish <- struct{}{}
	second, third := <-r.started, <-r.started
	if second.ID[0]+third.ID[0] != 5 {
		t.Fatalf("%v, %v", second.ID, third.ID)
	}
	r.finish <- struct{}{}
	r.finish <- struct{}{}
	<-r.ended
	<-r.ended
	<-r.ended
	// What is larger than everything runs alone.
	q.add(task(4, 1000), task(5, 1))
	s.Wake()
	if l := <-r.started; l.ID[0] != 4 {
		t.Fatal(l.ID)
	}
	none(t, s, r, 1)
}

func TestCancelEndsOneAttempt(t *testing.T) {
	q, r := &fakeQueue{}, newRunner()
	q.add(task(1, 0), task(2, 0))
	s, _ := run(t, q, r, nil)
	<-r.started
	<-r.started
	s.Cancel(abi.TaskID{9})
	s.Cancel(abi.TaskID{2})
	if err := <-r.ended; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	r.finish <- struct{}{}
	if err := <-r.ended; err != nil {
		t.Fatalf("the other attempt ended with %v", err)
	}
}

func TestDeadlineAndStop(t *testing.T) {
	q, r := &fakeQueue{}, newRunner()
	q.add(task(1, 0))
	s, stop := run(t, q, r, func(c *sched.Config) { c.Timeout = time.Millisecond })
	l := <-r.started
	if err := <-r.ended; !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if time.Until(l.Deadline) < 10*time.Second {
		t.Error("the lease ends before the outcome can be recorded")
	}
	q.add(task(2, 0))
	s.Wake()
	<-r.started
	stop()
	if n := s.Running(); n != 0 {
		t.Errorf("%d are running after the stop", n)
	}
}

func TestTakenTasksAndErrorsAreSkipped(t *testing.T) {
	q, r := &fakeQueue{taken: abi.TaskID{1}}, newRunner()
	q.add(task(1, 0), task(2, 0))
	s, _ := run(t, q, r, nil)
	if l := <-r.started; l.ID[0] != 2 {
		t.Fatal(l.ID)
	}
	q.mu.Lock()
	q.err = errors.New("no leader")
	q.mu.Unlock()
	none(t, s, r, 1)
	q.mu.Lock()
	q.err = nil
	q.mu.Unlock()
	q.add(task(3, 0))
	s.Wake()
	<-r.started
}

func TestLeasesAreExpiredRegularly(t *testing.T) {
	q, r := &fakeQueue{}, newRunner()
	run(t, q, r, func(c *sched.Config) { c.Interval = time.Millisecond })
	for done := false; !done; {
		q.mu.Lock()
		done = q.expired > 2
		q.mu.Unlock()
	}
}
