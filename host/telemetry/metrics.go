package telemetry

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// otherProcedure is the label of requests for what is no procedure, so that a stranger
// cannot make labels.
const otherProcedure = "other"

// Metrics are the node's metrics. It is safe for concurrent use.
type Metrics struct {
	registry   *prometheus.Registry
	procedures []string

	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	tasks    *prometheus.CounterVec
	phases   *prometheus.HistogramVec
	bytes    *prometheus.CounterVec
	guests   *prometheus.CounterVec
	proofs   *prometheus.CounterVec
	proving  prometheus.Histogram
	verdicts *prometheus.CounterVec
}

// TaskOutcomes lists the labels of cerberus_task_attempts_total.
func TaskOutcomes() []string {
	return []string{"done", "failed", "retried", "cancelled", "lost"}
}

// ProofOutcomes lists the labels of cerberus_proofs_total.
func ProofOutcomes() []string { return []string{"done", "failed", "lost"} }

// VerdictOutcomes lists the labels of cerberus_verdicts_total; "none" is when nothing could
// be said.
func VerdictOutcomes() []string { return []string{"accepted", "rejected", "none", "lost"} }

// TaskPhases lists the labels of cerberus_task_phase_seconds.
func TaskPhases() []string {
	return []string{"queue", "fetch", "infer", "load", "execute", "store"}
}

func statusClasses() []string { return []string{"2xx", "3xx", "4xx", "5xx"} }

// NewMetrics returns metrics for these procedures, paths such as "/package.Service/Method".
func NewMetrics(procedures []string) (*Metrics, error) {
	m := &Metrics{
		registry:   prometheus.NewRegistry(),
		procedures: append(slices.Clone(procedures), otherProcedure),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cerberus_requests_total", Help: "Requests by procedure and HTTP status.",
		}, []string{"procedure", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cerberus_request_seconds", Help: "Time to answer, by procedure.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 8),
		}, []string{"procedure"}),
		tasks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cerberus_task_attempts_total", Help: "Attempts at tasks by outcome.",
		}, []string{"outcome"}),
		phases: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cerberus_task_phase_seconds", Help: "Time of finished tasks by phase.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 10),
		}, []string{"phase"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cerberus_blob_bytes_total", Help: "Bytes of blobs by direction.",
		}, []string{"direction"}),
		guests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cerberus_guest_runs_total", Help: "Runs of guests by outcome.",
		}, []string{"outcome"}),
		proofs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cerberus_proofs_total", Help: "Proofs of results by outcome.",
		}, []string{"outcome"}),
		proving: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "cerberus_proof_seconds", Help: "Time to prove a result.",
			Buckets: prometheus.ExponentialBuckets(0.1, 2, 12),
		}),
		verdicts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cerberus_verdicts_total", Help: "Verdicts of this node about proofs.",
		}, []string{"outcome"}),
	}
	for _, c := range []prometheus.Collector{
		m.requests, m.seconds, m.tasks, m.phases, m.bytes, m.guests,
		m.proofs, m.proving, m.verdicts,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := m.registry.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	m.zero()
	return m, nil
}

// zero makes every counter exist.
func (m *Metrics) zero() {
	for _, p := range m.procedures {
		m.seconds.WithLabelValues(p)
		for _, s := range statusClasses() {
			m.requests.WithLabelValues(p, s)
		}
	}
	for _, o := range TaskOutcomes() {
		m.tasks.WithLabelValues(o)
	}
	for _, p := range TaskPhases() {
		m.phases.WithLabelValues(p)
	}
	for _, d := range []string{"in", "out"} {
		m.bytes.WithLabelValues(d)
	}
	for _, o := range []string{"ok", "failed"} {
		m.guests.WithLabelValues(o)
	}
	for _, o := range ProofOutcomes() {
		m.proofs.WithLabelValues(o)
	}
	for _, o := range VerdictOutcomes() {
		m.verdicts.WithLabelValues(o)
	}
}

// Gauge registers a number that is read when somebody looks. read is called from any
// goroutine.
func (m *Metrics) Gauge(name, help string, read func() float64) error {
	g := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read)
	if err := m.registry.Register(g); err != nil {
		return fmt.Errorf("register metric %s: %w", name, err)
	}
	return nil
}

// TaskAttempt counts the end of one attempt; outcome is one of [TaskOutcomes].
func (m *Metrics) TaskAttempt(outcome string) {
	if slices.Contains(TaskOutcomes(), outcome) {
		m.tasks.WithLabelValues(outcome).Inc()
	}
}

// TaskPhase records the time of one phase of a finished task; others than [TaskPhases] are
// dropped.
func (m *Metrics) TaskPhase(phase string, d time.Duration) {
	if slices.Contains(TaskPhases(), phase) {
		m.phases.WithLabelValues(phase).Observe(d.Seconds())
	}
}

// Proof counts the end of one proof; outcome is one of [ProofOutcomes], d its time if it was
// made.
func (m *Metrics) Proof(outcome string, d time.Duration) {
	if slices.Contains(ProofOutcomes(), outcome) {
		m.proofs.WithLabelValues(outcome).Inc()
	}
	if d > 0 {
		m.proving.Observe(d.Seconds())
	}
}

// Verdict counts one look at a proof; outcome is one of [VerdictOutcomes].
func (m *Metrics) Verdict(outcome string) {
	if slices.Contains(VerdictOutcomes(), outcome) {
		m.verdicts.WithLabelValues(outcome).Inc()
	}
}

// BlobIn and BlobOut count bytes of blobs that came in and went out.
func (m *Metrics) BlobIn(bytes int) { m.bytes.WithLabelValues("in").Add(float64(bytes)) }

// BlobOut counts bytes of blobs that went out.
func (m *Metrics) BlobOut(bytes int) { m.bytes.WithLabelValues("out").Add(float64(bytes)) }

// GuestRun counts the end of one run of a guest.
func (m *Metrics) GuestRun(err error) {
	outcome := "ok"
	if err != nil {
		outcome = "failed"
	}
	m.guests.WithLabelValues(outcome).Inc()
}

// Handler serves the metrics in the text form of Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
