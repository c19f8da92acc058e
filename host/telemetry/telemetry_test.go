package telemetry_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/host/telemetry"
)

const procedure = "/cerberus.v1.NodeService/GetStatus"

func newMetrics(t *testing.T) *telemetry.Metrics {
	t.Helper()
	m, err := telemetry.NewMetrics([]string{procedure})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
	return w.Code, w.Body.String()
}

func TestCountersBeginAtZero(t *testing.T) {
	_, text := get(t, newMetrics(t).Handler(), "/metrics")
	for _, line := range []string{
		`cerberus_requests_total{procedure="` + procedure + `",status="5xx"} 0`,
		`cerberus_requests_total{procedure="other",status="4xx"} 0`,
		`cerberus_task_attempts_total{outcome="lost"} 0`,
		`cerberus_task_phase_seconds_count{phase="execute"} 0`,
		`cerberus_blob_bytes_total{direction="in"} 0`,
		`cerberus_guest_runs_total{outcome="failed"} 0`,
		`cerberus_proofs_total{outcome="late"} 0`,
		`cerberus_proof_phase_seconds_count{phase="open"} 0`,
		`cerberus_verdicts_total{outcome="none"} 0`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
}

func TestProofsAndVerdicts(t *testing.T) {
	m := newMetrics(t)
	m.Proof(telemetry.ProofDone)
	m.Proof("made up")
	m.ProofMade(telemetry.ProofCost{
		Record: time.Second, Commit: 2 * time.Second, Open: 4 * time.Second,
		Total: 8 * time.Second, Wires: 3, Bytes: 1000,
	})
	m.Verdict(telemetry.VerdictAccepted, time.Second)
	m.Verdict(telemetry.VerdictNone, 0)
	_, text := get(t, m.Handler(), "/metrics")
	for _, line := range []string{
		`cerberus_proofs_total{outcome="done"} 1`,
		`cerberus_proof_phase_seconds_sum{phase="record"} 1`,
		`cerberus_proof_phase_seconds_sum{phase="commit"} 2`,
		`cerberus_proof_phase_seconds_sum{phase="open"} 4`,
		`cerberus_proof_seconds_sum 8`, `cerberus_proof_wires_total 3`,
		`cerberus_proof_bytes_total 1000`, `cerberus_verdicts_total{outcome="none"} 1`,
		`cerberus_verdict_seconds_count 1`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	if strings.Contains(text, "made up") {
		t.Error("a label that is not in the list")
	}
}

func TestRequestsAreCountedAndLoggedWithoutBodies(t *testing.T) {
	m := newMetrics(t)
	var out bytes.Buffer
	log, err := telemetry.NewLogger(&out, "json", "debug")
	if err != nil {
		t.Fatal(err)
	}
	h := m.Observe(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		if _, err := io.Copy(w, r.Body); err != nil {
			t.Error(err)
		}
	}), log, time.Now)
	for _, path := range []string{procedure, "/made/up/" + strings.Repeat("x", 100)} {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("a private word"))
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	_, text := get(t, m.Handler(), "/metrics")
	for _, label := range []string{procedure, "other"} {
		line := `cerberus_requests_total{procedure="` + label + `",status="4xx"} 1`
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	if strings.Contains(text, "made/up") || strings.Contains(out.String(), "made/up") {
		t.Error("a stranger's path became a label")
	}
	if strings.Contains(out.String(), "private") {
		t.Error("the log holds a body")
	}
	if !strings.Contains(out.String(), `"bytes_out":14`) {
		t.Errorf("the log lacks the size: %s", out.String())
	}
}

func TestUnknownLabelsAreDropped(t *testing.T) {
	m := newMetrics(t)
	m.TaskAttempt("made up")
	m.TaskPhase("made up", time.Second)
	m.TaskAttempt("done")
	m.TaskPhase("infer", time.Second)
	m.GuestRun(errors.New("trap"))
	m.BlobIn(3)
	if err := m.Gauge("cerberus_test", "A test.", func() float64 { return 7 }); err != nil {
		t.Fatal(err)
	}
	_, text := get(t, m.Handler(), "/metrics")
	if strings.Contains(text, "made up") {
		t.Error("an unknown label is there")
	}
	for _, line := range []string{
		`cerberus_task_attempts_total{outcome="done"} 1`,
		`cerberus_task_phase_seconds_count{phase="infer"} 1`,
		`cerberus_guest_runs_total{outcome="failed"} 1`,
		`cerberus_blob_bytes_total{direction="in"} 3`,
		`cerberus_test 7`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
}

func TestProbes(t *testing.T) {
	var sick error
	h := telemetry.Probes(func() error { return nil }, func() error { return sick })
	if code, body := get(t, h, "/readyz"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("%d %q", code, body)
	}
	sick = errors.New("no leader")
	if code, body := get(t, h, "/readyz"); code != http.StatusServiceUnavailable ||
		body != "no leader\n" {
		t.Errorf("%d %q", code, body)
	}
	if code, _ := get(t, h, "/livez"); code != http.StatusOK {
		t.Errorf("livez %d", code)
	}
}

func TestLoggerRefusesUnknownKinds(t *testing.T) {
	for _, c := range [][2]string{{"xml", "info"}, {"text", "loud"}} {
		_, err := telemetry.NewLogger(io.Discard, c[0], c[1])
		if !errors.Is(err, telemetry.ErrLog) {
			t.Errorf("%v: %v", c, err)
		}
	}
}
