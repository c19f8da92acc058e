// Package telemetry is how an operator sees a node: structured logs, Prometheus metrics,
// and the probes of an orchestrator.
//
// [NewLogger] makes the log; [NewMetrics] makes the metrics, every counter present from the
// start so that dashboards and alerts see a zero before they see a one; [Metrics.Observe]
// wraps a handler with a request log and request metrics; [Probes] serves /livez and
// /readyz.
//
// # Caveats
//
// Logs and metrics carry procedures, digests, ids, sizes and durations. They never carry
// bodies, plaintext, keys or what a guest wrote.
//
// # What it is not
//
// It exports nothing by itself: logs go to a writer, metrics wait to be scraped.
package telemetry
