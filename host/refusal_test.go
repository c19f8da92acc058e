package host

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/host/api"
	"github.com/cerberus-host/cerberus/host/config"
	"github.com/cerberus-host/cerberus/host/identity"
	"github.com/cerberus-host/cerberus/host/worker"
	"github.com/cerberus-host/cerberus/raftstore"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

func reasonRow(word string) (api.ReasonRow, bool) {
	rows := api.Reasons()
	i := slices.IndexFunc(rows, func(r api.ReasonRow) bool { return string(r.Reason) == word })
	if i < 0 {
		return api.ReasonRow{}, false
	}
	return rows[i], true
}

// The API cannot import the state; this is where their words are held together.
func TestEveryWordOfTheStateIsAReason(t *testing.T) {
	for _, c := range state.Codes() {
		if c == state.CodeOK {
			continue
		}
		row, ok := reasonRow(c.String())
		if !ok || row.Fix != c.Fix() {
			t.Errorf("code %s: row %+v, the state's fix is %q", c, row, c.Fix())
		}
	}
	for f := state.FailureGuest; f <= state.FailureAttempts; f++ {
		if _, ok := reasonRow(f.String()); !ok {
			t.Errorf("failure %s is no reason", f)
		}
	}
}

func TestEveryCauseIsAFailureOfTheState(t *testing.T) {
	for _, c := range []worker.Cause{
		worker.CauseGuest, worker.CauseDeadline, worker.CauseProgram, worker.CauseBadInput,
		worker.CauseBlob, worker.CauseEngine, worker.CauseResource, worker.CauseInternal,
	} {
		if got := state.FailureCode(failureCode(c)).String(); got != string(c) {
			t.Errorf("cause %s is recorded as %s", c, got)
		}
	}
}

func TestEverySentinelHasAReason(t *testing.T) {
	for _, row := range sentinelReasons() {
		if _, ok := reasonRow(string(row.reason)); !ok {
			t.Errorf("%v: reason %s is not in the table", row.err, row.reason)
		}
		var refused *api.Error
		if !errors.As(refusal(fmt.Errorf("context: %w", row.err)), &refused) ||
			refused.Reason != row.reason {
			t.Errorf("%v is refused with %v", row.err, refused)
		}
	}
	unforeseen := errors.New("unforeseen")
	if got := refusal(unforeseen); !errors.Is(got, unforeseen) {
		t.Errorf("an unforeseen error became %v", got)
	}
	both := errors.Join(raftstore.ErrMaybeApplied, raftstore.ErrFailed)
	if got := refusal(both); !errors.Is(got, &api.Error{Reason: api.StorageFailed}) {
		t.Errorf("a failed disk is refused with %v", got)
	}
}

func TestAvailableMemory(t *testing.T) {
	for text, want := range map[string]int64{
		"MemTotal: 10 kB\nMemAvailable:    2048 kB\n": 2 << 20,
		"MemAvailable: x kB\n":                        0,
		"MemAvailable: 1\n":                           0,
		"":                                            0,
	} {
		if got := availableMemory([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

// TestSignatureBeforeTheClusterIsKnown: a node that starts cannot check a signature, which is
// no fault of the signature's: a client that gave up would lose a task over a restart.
func TestSignatureBeforeTheClusterIsKnown(t *testing.T) {
	cfg := config.Defaults()
	cfg.DataDir, cfg.Listen = t.TempDir(), "127.0.0.1:0"
	cfg.DiskFloorBytes = 1
	n, err := Open(t.Context(), Options{Config: cfg, Engine: lattigo.New(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}()
	r := httptest.NewRequest(http.MethodPost, api.Procedures()[0], http.NoBody)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(identity.Header, "a signature")
	w := httptest.NewRecorder()
	n.server.Handler.ServeHTTP(w, r)
	if body := w.Body.String(); w.Code != http.StatusServiceUnavailable ||
		!strings.Contains(body, "unavailable") {
		t.Errorf("%d %s", w.Code, body)
	}
}
