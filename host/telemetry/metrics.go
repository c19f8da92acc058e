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
	proving  *prometheus.HistogramVec
	proved   prometheus.Histogram
	wires    prometheus.Counter
	bundles  prometheus.Counter
	verdicts *prometheus.CounterVec
	judging  prometheus.Histogram
}

// TaskOutcomes lists the labels of cerberus_task_attempts_total.
func TaskOutcomes() []string {
	return []string{"done", "failed", "retried", "cancelled", "lost"}
}

// ProofOutcomes lists the labels of cerberus_proofs_total.
func ProofOutcomes() []string { return []string{ProofDone, ProofFailed, ProofLate, ProofLost} }

// The ends of a proof.
const (
	ProofDone   = "done"
	ProofFailed = "failed"
	// ProofLate is a proof that took longer than it may.
	ProofLate = "late"
	// ProofLost is a proof whose outcome the log did not take.
	ProofLost = "lost"
)

// ProofPhases lists the labels of cerberus_proof_phase_seconds: the second run, then the
// phases of the prover.
func ProofPhases() []string {
	return []string{"record", "commit", "divide", "project", "combine", "open"}
}

// ProofCost is what one proof took.
type ProofCost struct {
	// Record is the time of the run that is proved, Commit to Open are the prover's phases,
	// Total is the time of all of these.
	Record, Commit, Divide, Project, Combine, Open, Total time.Duration
	// Wires is the number of committed polynomials, Bytes the length of the bundle.
	Wires, Bytes int
}

// VerdictOutcomes lists the labels of cerberus_verdicts_total.
func VerdictOutcomes() []string {
	return []string{VerdictAccepted, VerdictRejected, VerdictNone, VerdictLost}
}

// What comes of looking at a proof.
const (
	VerdictAccepted = "accepted"
	VerdictRejected = "rejected"
	// VerdictNone is when nothing could be said.
	VerdictNone = "none"
	// VerdictLost is a verdict that the log did not take.
	VerdictLost = "lost"
)

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
	}
	m.attestations()
	for _, c := range []prometheus.Collector{
		m.requests, m.seconds, m.tasks, m.phases, m.bytes, m.guests,
		m.proofs, m.proving, m.proved, m.wires, m.bundles, m.verdicts, m.judging,
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

// attestations makes the metrics of proofs and verdicts.
func (m *Metrics) attestations() {
	m.proofs = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "cerberus_proofs_total", Help: "Proofs of results by outcome.",
	}, []string{"outcome"})
	m.proving = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "cerberus_proof_phase_seconds", Help: "Time of finished proofs by phase.",
		Buckets: prometheus.ExponentialBuckets(0.001, 4, 10),
	}, []string{"phase"})
	m.proved = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "cerberus_proof_seconds", Help: "Time to prove a result.",
		Buckets: prometheus.ExponentialBuckets(0.1, 2, 12),
	})
	m.wires = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "cerberus_proof_wires_total", Help: "Polynomials that finished proofs commit to.",
	})
	m.bundles = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "cerberus_proof_bytes_total", Help: "Bytes of the bundles of finished proofs.",
	})
	m.verdicts = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "cerberus_verdicts_total", Help: "Verdicts of this node about proofs.",
	}, []string{"outcome"})
	m.judging = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "cerberus_verdict_seconds", Help: "Time to verify a proof.",
		Buckets: prometheus.ExponentialBuckets(0.005, 2, 12),
	})
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
	for _, p := range ProofPhases() {
		m.proving.WithLabelValues(p)
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

// Proof counts the end of one proof; outcome is one of [ProofOutcomes].
func (m *Metrics) Proof(outcome string) {
	if slices.Contains(ProofOutcomes(), outcome) {
		m.proofs.WithLabelValues(outcome).Inc()
	}
}

// ProofMade records what a finished proof took.
func (m *Metrics) ProofMade(c ProofCost) {
	for i, d := range []time.Duration{
		c.Record, c.Commit, c.Divide, c.Project, c.Combine, c.Open,
	} {
		m.proving.WithLabelValues(ProofPhases()[i]).Observe(d.Seconds())
	}
	m.proved.Observe(c.Total.Seconds())
	m.wires.Add(float64(c.Wires))
	m.bundles.Add(float64(c.Bytes))
}

// Verdict counts one look at a proof; outcome is one of [VerdictOutcomes], d the time that
// the verification took, 0 if it came to nothing.
func (m *Metrics) Verdict(outcome string, d time.Duration) {
	if slices.Contains(VerdictOutcomes(), outcome) {
		m.verdicts.WithLabelValues(outcome).Inc()
	}
	if d > 0 {
		m.judging.Observe(d.Seconds())
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
