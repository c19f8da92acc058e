package sched

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cerberus-host/cerberus/abi"
)

// ErrTaken is returned by a [Queue] when a task does not wait for a lease any more.
var ErrTaken = errors.New("task is not queued")

// Candidate is a queued task.
type Candidate struct {
	ID abi.TaskID
	// MemoryBytes is an estimate of what a run needs; 0 if it is not known.
	MemoryBytes int64
}

// Lease is a task that this node may run until the deadline.
type Lease struct {
	Candidate

	// Fence is the number that the result has to carry.
	Fence    uint64
	Deadline time.Time
}

// Queue is the replicated queue as the scheduler sees it. Methods are called from one
// goroutine.
type Queue interface {
	// Queued lists up to limit queued tasks, the oldest first.
	Queued(ctx context.Context, limit int) ([]Candidate, error)
	// Lease takes a task until the deadline and returns the fence; [ErrTaken] if it does not
	// wait any more.
	Lease(ctx context.Context, id abi.TaskID, deadline time.Time) (fence uint64, err error)
	// ExpireLeases queues the tasks again whose lease is over.
	ExpireLeases(ctx context.Context) error
}

// Runner runs leased tasks and records the outcome. It returns when the attempt is over,
// soon after ctx has ended; several calls may run at once.
type Runner interface {
	Run(ctx context.Context, lease Lease)
}

// Config is what a [Scheduler] is made of; all fields are required.
type Config struct {
	Queue  Queue
	Runner Runner
	// Workers bounds the tasks that run at once, at least 1.
	Workers int
	// MemoryBytes bounds the estimates of the tasks that run at once.
	MemoryBytes int64
	// Timeout is how long one attempt may take; a lease is a little longer, so that the
	// outcome of a timed-out attempt can still be recorded.
	Timeout time.Duration
	// Interval is how often the queue is looked at without being told, and expired leases
	// are collected.
	Interval time.Duration
	Now      func() time.Time
	Log      *slog.Logger
}

// leaseMargin is the time between the end of an attempt and the end of its lease.
const leaseMargin = 30 * time.Second

// Scheduler starts tasks. Run it once; the other methods are safe for concurrent use.
type Scheduler struct {
	cfg Config
	// woken has room for one signal: more say nothing new.
	woken chan struct{}

	mu sync.Mutex
	// running has an entry for each attempt, by fence: the next attempt at a task may begin
	// while the last one is still leaving.
	running map[uint64]running
	memory  int64
	attempt sync.WaitGroup
}

// running is an attempt that is under way.
type running struct {
	id     abi.TaskID
	cancel context.CancelFunc
}

// New returns a scheduler that does nothing until [Scheduler.Run].
func New(cfg Config) *Scheduler {
	return &Scheduler{
		cfg: cfg, woken: make(chan struct{}, 1), running: make(map[uint64]running),
	}
}

// Wake makes the scheduler look at the queue soon.
func (s *Scheduler) Wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// Cancel ends the attempt at a task, if one is under way here.
func (s *Scheduler) Cancel(id abi.TaskID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.running {
		if r.id == id {
			r.cancel()
		}
	}
}

// Running returns how many attempts are under way.
func (s *Scheduler) Running() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.running)
}

// Run schedules until ctx ends, then cancels what runs and waits for it.
func (s *Scheduler) Run(ctx context.Context) {
	tick := time.NewTicker(s.cfg.Interval)
	defer tick.Stop()
	defer s.attempt.Wait()
	for {
		if err := s.fill(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.WarnContext(ctx, "tasks cannot be leased now", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-s.woken:
		case <-tick.C:
			if err := s.cfg.Queue.ExpireLeases(ctx); err != nil && ctx.Err() == nil {
				s.cfg.Log.WarnContext(ctx, "leases cannot be expired now", "error", err)
			}
		}
	}
}

// fill starts tasks until workers, memory or the queue are used up.
func (s *Scheduler) fill(ctx context.Context) error {
	for s.Running() < s.cfg.Workers {
		next, err := s.cfg.Queue.Queued(ctx, 1)
		if err != nil {
			return fmt.Errorf("read the queue: %w", err)
		}
		if len(next) == 0 || !s.fits(next[0]) {
			return nil
		}
		if err := s.start(ctx, next[0]); err != nil {
			return err
		}
	}
	return nil
}

// fits reports whether there is memory for a task; an idle node tries any.
func (s *Scheduler) fits(c Candidate) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.running) == 0 || s.memory+c.MemoryBytes <= s.cfg.MemoryBytes
}

// start leases a task and runs it in a goroutine.
func (s *Scheduler) start(ctx context.Context, c Candidate) error {
	deadline := s.cfg.Now().Add(s.cfg.Timeout + leaseMargin)
	fence, err := s.cfg.Queue.Lease(ctx, c.ID, deadline)
	if errors.Is(err, ErrTaken) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("lease task %s: %w", c.ID, err)
	}
	run, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	s.mu.Lock()
	s.running[fence] = running{c.ID, cancel}
	s.memory += c.MemoryBytes
	s.mu.Unlock()
	s.attempt.Go(func() {
		defer s.ended(fence, c.MemoryBytes)
		defer cancel()
		s.cfg.Runner.Run(run, Lease{Candidate: c, Fence: fence, Deadline: deadline})
	})
	return nil
}

func (s *Scheduler) ended(fence uint64, bytes int64) {
	s.mu.Lock()
	delete(s.running, fence)
	s.memory -= bytes
	s.mu.Unlock()
	s.Wake()
}
