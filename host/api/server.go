package api

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// Defaults and limits of the server.
const (
	// RequestsMaxDefault bounds the unary calls in flight: each may hold a message in
	// memory, and its signature takes half a millisecond of a core.
	RequestsMaxDefault = 128
	// WatchesMaxDefault bounds the streams in flight; they are idle most of the time.
	WatchesMaxDefault = 1024

	headerTimeout  = 5 * time.Second
	bodyTimeout    = 60 * time.Second
	writeTimeout   = 60 * time.Second
	idleTimeout    = 2 * time.Minute
	headerBytesMax = 16 << 10
	// bodyBytesMax is a message and its frame.
	bodyBytesMax = MessageBytesMax + 1<<10
	// streamsPerConnectionMax bounds what one HTTP/2 connection may ask at once.
	streamsPerConnectionMax = 100
)

// NewServer returns a server for HTTP/1.1 and HTTP/2 without TLS, with every timeout set.
// now is the clock for the deadlines of bodies.
func NewServer(h http.Handler, now func() time.Time) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           bodyDeadline(h, now),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerBytesMax,
		Protocols:         protocols,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: streamsPerConnectionMax},
	}
}

// guard refuses what is too much at once, before anything reads it.
func (cfg Config) guard(next http.Handler) http.Handler {
	unary := make(chan struct{}, orDefault(cfg.RequestsMax, RequestsMaxDefault))
	watches := make(chan struct{}, orDefault(cfg.WatchesMax, WatchesMaxDefault))
	limited := http.MaxBytesHandler(next, bodyBytesMax)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seats := unary
		if streams(r.URL.Path) {
			seats = watches
		}
		select {
		case seats <- struct{}{}:
			defer func() { <-seats }()
			limited.ServeHTTP(w, r)
		default:
			err := WriteError(w, r, Refuse(Busy, "", "%d requests are in flight", cap(seats)))
			if err != nil {
				cfg.Log.DebugContext(r.Context(), "answer lost", "error", err)
			}
		}
	})
}

func orDefault(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
}

// streams tells the procedures whose answer takes as long as something else does.
func streams(procedure string) bool {
	return strings.HasSuffix(procedure, "/WatchTask") ||
		strings.HasPrefix(procedure, "/grpc.")
}

// bodyDeadline bounds how long a body may take to arrive and an answer to be taken, without
// bounding how long a stream stays open.
func bodyDeadline(next http.Handler, now func() time.Time) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		if r.Body != nil && r.Body != http.NoBody && !strings.HasPrefix(r.URL.Path, "/grpc.") {
			// A writer without deadlines is one of a test; it needs none.
			_ = control.SetReadDeadline(now().Add(bodyTimeout))
			// The server has to find its own body in its own request: otherwise it does not
			// notice one that was closed half read, keeps the connection, and takes the rest for
			// the next request.
			r = r.WithContext(r.Context())
			r.Body = &timedBody{ReadCloser: r.Body, done: func() {
				_ = control.SetReadDeadline(time.Time{})
			}}
		}
		if streams(r.URL.Path) {
			// The deadline of an earlier answer on the same connection would end the stream.
			_ = control.SetWriteDeadline(time.Time{})
			next.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(&timedWriter{ResponseWriter: w, control: control, now: now}, r)
	})
}

// timedBody lifts the deadline when the body has ended.
type timedBody struct {
	io.ReadCloser

	done func()
}

// Read implements io.Reader.
func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.done()
	}
	return n, err
}

// timedWriter gives every write of an answer a deadline.
type timedWriter struct {
	http.ResponseWriter

	control *http.ResponseController
	now     func() time.Time
}

// Write implements io.Writer.
func (w *timedWriter) Write(p []byte) (int, error) {
	_ = w.control.SetWriteDeadline(w.now().Add(writeTimeout))
	return w.ResponseWriter.Write(p)
}

// Unwrap serves http.ResponseController.
func (w *timedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush implements http.Flusher, which Connect asks for.
func (w *timedWriter) Flush() {
	// A writer that cannot flush sends when the handler returns.
	_ = w.control.Flush()
}
