package raftstore

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

func TestLibraryMessagesGoToSlog(t *testing.T) {
	var b bytes.Buffer
	handler := slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelInfo})
	var l hclog.Logger = &slogAdapter{log: slog.New(handler), name: "raft"}
	l.Trace("no trace")
	l.Debug("no debug")
	l.Log(hclog.Off, "off")
	l.Info("an info", "peers", hclog.Fmt("%d of %d", 1, 3))
	l.With("term", 7).Named("fsm").Warn("a warning")
	l.Error("an error")
	l.StandardLogger(nil).Print("a line")
	got := b.String()
	for _, want := range []string{
		`level=INFO msg="an info" peers="1 of 3"`, `level=WARN msg="a warning" term=7`,
		`level=ERROR msg="an error"`, `level=INFO msg="a line"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if n := strings.Count(got, "\n"); n != 4 {
		t.Errorf("%d lines:\n%s", n, got)
	}
	if l.GetLevel() != hclog.Info || l.IsDebug() || !l.IsWarn() || l.Named("x").Name() != "raft.x" {
		t.Errorf("level %s, name %s", l.GetLevel(), l.Named("x").Name())
	}
}
