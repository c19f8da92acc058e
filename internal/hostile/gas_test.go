package hostile_test

import (
	"os"
	"testing"

	"github.com/cerberus-host/cerberus/host/runtime"
	"github.com/cerberus-host/cerberus/internal/hostile"
	"github.com/cerberus-host/cerberus/internal/hostile/trial"
)

// TestGasIsOneNumber is group 17: a run ends in the same way and for the same gas in the
// compiler, in the interpreter, and in code that was loaded from the disk, whether it is
// stopped, traps or returns. There is so little gas that it stops what does not end.
func TestGasIsOneNumber(t *testing.T) {
	const gas = 3_000_000
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var reports [4]runtime.Report
	var sandboxes [4]*runtime.Runtime
	for i, c := range []runtime.Config{
		{}, {Interpreter: true}, {CacheDir: dir}, {CacheDir: dir},
	} {
		c.GasMax = gas
		c.Observe = func(r runtime.Report) { reports[i] = r }
		sandboxes[i] = newSandbox(t, c)
	}
	ended := map[hostile.Want]int{}
	for _, c := range hostile.Cases() {
		if c.Want == hostile.Refused || c.Module == nil || c.Large {
			continue
		}
		file := c.File()
		var errs [4]error
		for i, sandbox := range sandboxes {
			reports[i] = runtime.Report{}
			module, err := sandbox.Load(t.Context(), file)
			if err == nil {
				err = trial.Enter(t.Context(), module, c.Entry())
			}
			errs[i] = err
		}
		for i := 1; i < len(errs); i++ {
			if text(errs[i]) != text(errs[0]) || reports[i].Gas != reports[0].Gas {
				t.Errorf("%s: sandbox %d: %d units, %v; sandbox 0: %d units, %v", c.Name, i,
					reports[i].Gas, errs[i], reports[0].Gas, errs[0])
			}
		}
		end, _ := trial.Ended(errs[0])
		ended[end]++
	}
	t.Logf("%d ended well, %d stopped, %d trapped, %d failed", ended[hostile.Harmless],
		ended[hostile.Stopped], ended[hostile.Trapped], ended[hostile.Failed])
	if ended[hostile.Stopped] < 30 || ended[hostile.Harmless] < 30 || ended[hostile.Trapped] < 30 {
		t.Error("that is less than there was")
	}
}
