package hosttest_test

import (
	"math"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/host/hosttest"
)

func TestAskAndRestart(t *testing.T) {
	node := hosttest.Start(t, time.Now, nil)
	version := node.Install(1, hosttest.Square(t, "square"))
	ask := func(n *hosttest.Node) {
		t.Helper()
		got, task := n.Stranger().Ask(1, version, []float64{1, -2, 3, 0.5})
		for i, want := range []float64{1, 4, 9, 0.25} {
			if math.Abs(got[i]-want) > 1e-3 {
				t.Errorf("element %d is %v, want %v", i, got[i], want)
			}
		}
		if task.GetAttempts() != 1 || task.GetEngine() == "" || task.GetTimings().GetExecuteUs() <= 0 {
			t.Errorf("%v", task)
		}
	}
	ask(node)
	ask(node.Restart(nil))
}
