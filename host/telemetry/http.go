package telemetry

import (
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Observe wraps a handler: each request is counted, timed and logged at level debug, by
// procedure, status and bytes, without its body. now is the clock.
func (m *Metrics) Observe(next http.Handler, log *slog.Logger, now func() time.Time) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := now()
		seen := &observed{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		took := now().Sub(begin)
		procedure := r.URL.Path
		if !slices.Contains(m.procedures, procedure) {
			procedure = otherProcedure
		}
		class := strconv.Itoa(seen.status/100) + "xx"
		if slices.Contains(statusClasses(), class) {
			m.requests.WithLabelValues(procedure, class).Inc()
		}
		m.seconds.WithLabelValues(procedure).Observe(took.Seconds())
		log.DebugContext(r.Context(), "request", "procedure", procedure, "status", seen.status,
			"bytes_in", max(r.ContentLength, 0), "bytes_out", seen.bytes, "took", took)
	})
}

// observed remembers what an answer was like.
type observed struct {
	http.ResponseWriter

	status int
	bytes  int64
}

// WriteHeader implements http.ResponseWriter.
func (o *observed) WriteHeader(status int) {
	o.status = status
	o.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (o *observed) Write(p []byte) (int, error) {
	n, err := o.ResponseWriter.Write(p)
	o.bytes += int64(n)
	return n, err
}

// Unwrap serves http.ResponseController.
func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }

// Flush implements http.Flusher, which streams ask for.
func (o *observed) Flush() {
	// A writer that cannot flush sends when the handler returns.
	_ = http.NewResponseController(o.ResponseWriter).Flush()
}

// Probes serves /livez and /readyz: 200 and "ok", or 503 and the reason. A node that is
// not live should be restarted; one that is not ready should get no work. live and ready
// return nil or why not.
func Probes(live, ready func() error) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /livez", probe(live))
	mux.Handle("GET /readyz", probe(ready))
	return mux
}

func probe(check func() error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		answer := "ok\n"
		if err := check(); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			answer = err.Error() + "\n"
		}
		// A prober that went away does not need the answer.
		_, _ = w.Write([]byte(answer))
	})
}
