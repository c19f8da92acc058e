package raftstore

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// slogAdapter hands the raft library's messages to a slog.Logger. Trace is debug.
type slogAdapter struct {
	log  *slog.Logger
	name string
	args []any
}

var _ hclog.Logger = (*slogAdapter)(nil)

func level(l hclog.Level) slog.Level {
	switch l {
	case hclog.Warn:
		return slog.LevelWarn
	case hclog.Error:
		return slog.LevelError
	case hclog.Info:
		return slog.LevelInfo
	case hclog.NoLevel, hclog.Trace, hclog.Debug, hclog.Off:
	}
	return slog.LevelDebug
}

// plain turns the library's lazily formatted values into text.
func plain(args []any) []any {
	out := make([]any, 0, len(args))
	for _, a := range args {
		if f, ok := a.(hclog.Format); ok && len(f) > 0 {
			if format, ok := f[0].(string); ok {
				a = fmt.Sprintf(format, f[1:]...)
			}
		}
		out = append(out, a)
	}
	return out
}

// Log implements hclog.Logger.
func (a *slogAdapter) Log(l hclog.Level, msg string, args ...any) {
	if l == hclog.Off || !a.log.Enabled(context.Background(), level(l)) {
		return
	}
	a.log.Log(context.Background(), level(l), msg, plain(args)...)
}

// Trace implements hclog.Logger.
func (a *slogAdapter) Trace(msg string, args ...any) { a.Log(hclog.Trace, msg, args...) }

// Debug implements hclog.Logger.
func (a *slogAdapter) Debug(msg string, args ...any) { a.Log(hclog.Debug, msg, args...) }

// Info implements hclog.Logger.
func (a *slogAdapter) Info(msg string, args ...any) { a.Log(hclog.Info, msg, args...) }

// Warn implements hclog.Logger.
func (a *slogAdapter) Warn(msg string, args ...any) { a.Log(hclog.Warn, msg, args...) }

// Error implements hclog.Logger.
func (a *slogAdapter) Error(msg string, args ...any) { a.Log(hclog.Error, msg, args...) }

func (a *slogAdapter) enabled(l slog.Level) bool {
	return a.log.Enabled(context.Background(), l)
}

// IsTrace implements hclog.Logger.
func (a *slogAdapter) IsTrace() bool { return a.enabled(slog.LevelDebug) }

// IsDebug implements hclog.Logger.
func (a *slogAdapter) IsDebug() bool { return a.enabled(slog.LevelDebug) }

// IsInfo implements hclog.Logger.
func (a *slogAdapter) IsInfo() bool { return a.enabled(slog.LevelInfo) }

// IsWarn implements hclog.Logger.
func (a *slogAdapter) IsWarn() bool { return a.enabled(slog.LevelWarn) }

// IsError implements hclog.Logger.
func (a *slogAdapter) IsError() bool { return a.enabled(slog.LevelError) }

// ImpliedArgs implements hclog.Logger.
func (a *slogAdapter) ImpliedArgs() []any { return a.args }

// With implements hclog.Logger.
func (a *slogAdapter) With(args ...any) hclog.Logger {
	return &slogAdapter{
		log: a.log.With(plain(args)...), name: a.name,
		args: append(append([]any{}, a.args...), args...),
	}
}

// Name implements hclog.Logger.
func (a *slogAdapter) Name() string { return a.name }

// Named implements hclog.Logger.
func (a *slogAdapter) Named(name string) hclog.Logger {
	if a.name != "" {
		name = a.name + "." + name
	}
	return a.ResetNamed(name)
}

// ResetNamed implements hclog.Logger.
func (a *slogAdapter) ResetNamed(name string) hclog.Logger {
	return &slogAdapter{log: a.log, name: name, args: a.args}
}

// SetLevel implements hclog.Logger; the slog handler decides the level.
func (a *slogAdapter) SetLevel(hclog.Level) {}

// GetLevel implements hclog.Logger.
func (a *slogAdapter) GetLevel() hclog.Level {
	switch {
	case a.IsDebug():
		return hclog.Debug
	case a.IsInfo():
		return hclog.Info
	case a.IsWarn():
		return hclog.Warn
	}
	return hclog.Error
}

// StandardLogger implements hclog.Logger.
func (a *slogAdapter) StandardLogger(*hclog.StandardLoggerOptions) *log.Logger {
	return slog.NewLogLogger(a.log.Handler(), slog.LevelInfo)
}

// StandardWriter implements hclog.Logger.
func (a *slogAdapter) StandardWriter(o *hclog.StandardLoggerOptions) io.Writer {
	return a.StandardLogger(o).Writer()
}
