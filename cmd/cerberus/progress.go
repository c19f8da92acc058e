package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/cerberus-host/cerberus/client"
)

// progress shows on a terminal, in one line that is written over, what the client does. In
// a pipe it is silent.
type progress struct {
	mu    sync.Mutex
	out   io.Writer
	shown bool
}

func newProgress(g *globals) *progress {
	p := &progress{}
	if f, ok := g.err.(*os.File); ok && !g.quiet && term.IsTerminal(int(f.Fd())) {
		p.out = f
	}
	return p
}

func (p *progress) event(e client.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out == nil {
		return
	}
	text := e.Phase
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Total > 0 {
		text += fmt.Sprintf(" %s %d %%", bar(e.Done, e.Total), 100*e.Done/e.Total)
	}
	fmt.Fprintf(p.out, "\r\x1b[K%s", text)
	p.shown = true
}

// steps shows a long computation, step by step.
func (p *progress) steps(done, total int, what string) {
	p.event(client.Event{Phase: what, Done: int64(done), Total: int64(total)})
}

// done clears the line.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out != nil && p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.shown = false
	}
}

func bar(done, total int64) string {
	const width = 20
	n := int(width * min(done, total) / total)
	return "[" + strings.Repeat("#", n) + strings.Repeat(".", width-n) + "]"
}
