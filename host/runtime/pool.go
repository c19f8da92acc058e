package runtime

import (
	"context"
	"slices"
	"sync"
)

// instanceUsesMax bounds the runs of one instance, in case something does add up.
const instanceUsesMax = 1_000

// pool keeps instances between runs, in the state in which _initialize left them. All together
// have a bound on their bytes; the ones that wait the longest are dropped first.
type pool struct {
	bytesMax int64

	mu     sync.Mutex
	idle   []idleInstance // the longest waiting first
	bytes  int64
	closed bool
}

type idleInstance struct {
	program  *program
	instance *instance
	bytes    int64
}

// get takes an instance of the program out of the pool, nil if there is none.
func (p *pool) get(of *program) *instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k, i := range slices.Backward(p.idle) {
		if i.program == of {
			p.bytes -= i.bytes
			p.idle = slices.Delete(p.idle, k, k+1)
			return i.instance
		}
	}
	return nil
}

// put gives an instance to the pool, or closes it.
func (p *pool) put(of *program, i *instance) {
	bytes := int64(i.memory.Size())
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || bytes > p.bytesMax {
		i.close(context.Background())
		return
	}
	for p.bytes+bytes > p.bytesMax {
		p.bytes -= p.idle[0].bytes
		p.idle[0].instance.close(context.Background())
		p.idle = slices.Delete(p.idle, 0, 1)
	}
	p.bytes += bytes
	p.idle = append(p.idle, idleInstance{program: of, instance: i, bytes: bytes})
}

// drop closes the instances of a program.
func (p *pool) drop(of *program) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = slices.DeleteFunc(p.idle, func(i idleInstance) bool {
		if i.program != of {
			return false
		}
		p.bytes -= i.bytes
		i.instance.close(context.Background())
		return true
	})
}

// close makes the pool refuse instances. Those in it are closed with their programs.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}
