package trial

import (
	"bytes"
	"fmt"
	"os"
	goruntime "runtime"
	"runtime/debug"
)

// Footprint is what a process holds. Counts that the system does not tell are 0.
type Footprint struct {
	// Goroutines, Files and Mappings are counts; Files are open descriptors.
	Goroutines, Files, Mappings int
	// ResidentBytes is the process's memory.
	ResidentBytes int64
}

// settleRounds is how often [Settled] collects garbage: what a finalizer frees takes two
// rounds, and what that holds one more.
const settleRounds = 4

// Settled returns what is left when garbage has been collected and given back.
func Settled() Footprint {
	for range settleRounds {
		goruntime.GC()
		goruntime.Gosched()
	}
	debug.FreeOSMemory()
	f := Footprint{Goroutines: goruntime.NumGoroutine(), ResidentBytes: status("VmRSS:")}
	if entries, err := os.ReadDir("/proc/self/fd"); err == nil {
		f.Files = len(entries) - 1 // one is the directory itself
	}
	if maps, err := os.ReadFile("/proc/self/maps"); err == nil {
		f.Mappings = bytes.Count(maps, []byte("\n"))
	}
	return f
}

// Less returns what f has more than another footprint.
func (f Footprint) Less(base Footprint) Footprint {
	return Footprint{
		Goroutines: f.Goroutines - base.Goroutines, Files: f.Files - base.Files,
		Mappings: f.Mappings - base.Mappings, ResidentBytes: f.ResidentBytes - base.ResidentBytes,
	}
}

// String lists the parts.
func (f Footprint) String() string {
	return fmt.Sprintf("%d goroutines, %d files, %d mappings, %d KB", f.Goroutines, f.Files,
		f.Mappings, f.ResidentBytes>>10)
}
