package hostcall

import (
	"strings"
	"unicode"

	"github.com/cerberus-host/cerberus/abi"
)

// runLog keeps what a run logs, up to [abi.LogBytesMax] bytes, and counts what it drops.
type runLog struct {
	text    []byte
	dropped int
}

func (l *runLog) add(p []byte) {
	n := min(len(p), abi.LogBytesMax-len(l.text))
	l.text = append(l.text, p[:n]...)
	l.dropped += len(p) - n
}

// printable makes text of a guest safe to show on a terminal: what is not UTF-8 and every
// control character but the line end and the tab is replaced.
func printable(p []byte) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, strings.ToValidUTF8(string(p), "\uFFFD"))
}
