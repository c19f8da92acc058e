package host_test

import (
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/host/hosttest"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
)

// BenchmarkTask submits a task whose inputs and keys are there, and waits for its end: what
// the node adds to the Plan's own few milliseconds on a small ring.
func BenchmarkTask(b *testing.B) {
	node := hosttest.Start(b, time.Now, nil)
	installed := node.Install(1, hosttest.Square(b, "square"))
	c := node.Stranger()
	q := c.Encrypt(c.Plan(installed), []float64{1})
	c.Submission(1, installed, q)
	for b.Loop() {
		resp, err := c.Tasks.SubmitTask(b.Context(), c.Request(1, installed, q))
		if err != nil {
			b.Fatal(err)
		}
		task := c.Await(resp.GetTask().GetId())
		if task.GetState() != cerberusv1.TaskState_TASK_STATE_DONE {
			b.Fatal(task.GetFailureMessage())
		}
	}
}
