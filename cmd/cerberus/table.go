package main

import (
	"encoding/hex"
	"fmt"
	"text/tabwriter"
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
			fmt.Fprintf(w, "%v\t", c)
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

func digestText(d []byte) string { return "sha256:" + hex.EncodeToString(d) }
