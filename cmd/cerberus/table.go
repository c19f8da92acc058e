package main

import (
	"encoding/hex"
	"fmt"
	"strings"
	"text/tabwriter"
	"unicode"
)

// table prints rows in aligned columns.
type table struct {
	heads []string
	rows  [][]any
}

func newTable(heads ...string) *table { return &table{heads: heads} }

func (t *table) row(cells ...any) { t.rows = append(t.rows, cells) }

func (t *table) print(g *globals) error {
	w := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(t.heads, "\t"))
	for _, r := range t.rows {
		cells := make([]string, len(r))
		for i, c := range r {
			cells[i] = plain(fmt.Sprint(c))
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// plain takes out of a text that came from a node what could move the cursor.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

func digestText(d []byte) string { return "sha256:" + hex.EncodeToString(d) }
