package hostile_test

import (
	"runtime"
	"testing"
	"time"

	sandbox "github.com/cerberus-host/cerberus/host/runtime"
	"github.com/cerberus-host/cerberus/internal/hostile/trial"
)

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
