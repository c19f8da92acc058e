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
	for _, h := range t.heads {
		fmt.Fprintf(w, "%s\t", h)
	}
	fmt.Fprintln(w)
	for _, r := range t.rows {
		for _, c := range r {
			fmt.Fprintf(w, "%s\t", plain(fmt.Sprint(c)))
		}
		fmt.Fprintln(w)
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
