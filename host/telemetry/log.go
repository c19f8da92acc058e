package telemetry

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// ErrLog is returned for an unknown format or level of the log.
var ErrLog = errors.New("unknown kind of log")

// NewLogger returns a logger that writes to w in the format "text" or "json", from the
// level "debug", "info", "warn" or "error" up.
func NewLogger(w io.Writer, format, level string) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("%w: level %.40q", ErrLog, level)
	}
	options := &slog.HandlerOptions{Level: least}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, fmt.Errorf("%w: format %.40q", ErrLog, format)
}
