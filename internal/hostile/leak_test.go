package hostile_test

import (
	"runtime"
	"testing"
	"time"

	sandbox "github.com/cerberus-host/cerberus/host/runtime"
	w "github.com/cerberus-host/cerberus/host/wasmtest"
	"github.com/cerberus-host/cerberus/internal/hostile"
	"github.com/cerberus-host/cerberus/internal/hostile/trial"
)

// TestManyUploadsLeaveNothing is group 9: the types of thousands of modules are not kept when
// the modules are not.
func TestManyUploadsLeaveNothing(t *testing.T) {
	uploads := 60
	if all {
		uploads = 10_000
	}
	s := newSandbox(t, sandbox.Config{CompiledBytesMax: 64 << 10})
	upload := func(n int) {
		for i := range n {
			file := w.Attach(t, hostile.ManyTypes(i))
			if _, err := s.Load(t.Context(), file); err != nil {
				t.Fatal(err)
			}
		}
	}
	upload(20)
	base := trial.Settled()
	upload(uploads)
	more := trial.Settled().Less(base)
	t.Logf("after %d uploads: %s more", uploads, more)
	if more.ResidentBytes > 16<<20 || more.Mappings > 64 {
		t.Error("types or code of modules that were dropped are left")
	}
}

// TestHostileTasksLeaveNothing is group 29: what a hostile task takes, it gives back.
func TestHostileTasksLeaveNothing(t *testing.T) {
	tasks := 200
	if all {
		tasks = 1000
	}
	more, err := trial.Rounds(t.Context(),
		sandbox.Config{RunTimeout: 5 * time.Millisecond}, tasks)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("after %d tasks: %s more", tasks, more)
	// A few threads and arenas of the Go runtime come and go.
	const files, mappings, resident = 2, 64, 16 << 20
	switch {
	case more.Goroutines > runtime.NumCPU():
		t.Errorf("%d goroutines are left", more.Goroutines)
	case more.Files > files:
		t.Errorf("%d files are left open", more.Files)
	case more.Mappings > mappings:
		t.Errorf("%d mappings are left", more.Mappings)
	case more.ResidentBytes > resident:
		t.Errorf("%d bytes are left", more.ResidentBytes)
	}
}
