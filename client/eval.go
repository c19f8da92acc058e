package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// evalLineBytesMax bounds one line of an evaluation file.
const evalLineBytesMax = 2 << 20

// EvalRow is one line of an evaluation file. A request that is a JSON string stands for
// plain text.
type EvalRow struct {
	Request json.RawMessage `json:"request"`
	Label   string          `json:"label"`
}

// EvalReport compares plain and encrypted answers over many rows. Fractions lie in 0..1.
type EvalReport struct {
	Rows int `json:"rows"`
	// AccuracyPlain is the accuracy of the clear twin of the registered Program.
	AccuracyPlain     float64 `json:"accuracy_plain"`
	AccuracyEncrypted float64 `json:"accuracy_encrypted"`
	// Agreement is the fraction of rows where both give the same label.
	Agreement float64 `json:"agreement"`
	// Timings holds the percentiles of each phase.
	Timings map[string]Percentiles `json:"timings_ms"`
	// UploadBytesMax is the largest upload of one row, without keys.
	UploadBytesMax int64 `json:"upload_bytes_max"`
}

// Percentiles are taken over the rows, in milliseconds, by the nearest-rank method.
type Percentiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
}

// Eval asks the Brain every row, encrypted and plain, and compares. It stops at the first
// error, naming the row. limit 0 means all rows; progress, if not nil, is called after each.
func (b *Brain) Eval(
	ctx context.Context, rows io.Reader, limit int, progress func(done int),
) (*EvalReport, error) {
	report := &EvalReport{Timings: make(map[string]Percentiles)}
	samples := make(map[string][]float64)
	var plain, encrypted, agree int
	lines := bufio.NewScanner(rows)
	lines.Buffer(make([]byte, 0, 64<<10), evalLineBytesMax)
	for lines.Scan() && (limit == 0 || report.Rows < limit) {
		if len(lines.Bytes()) == 0 {
			continue
		}
		row, err := parseEvalRow(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", report.Rows+1, err)
		}
		want, err := b.Plain(ctx, row.Request)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", report.Rows+1, err)
		}
		got, err := b.Ask(ctx, row.Request)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", report.Rows+1, err)
		}
		report.Rows++
		plain += count(want.Label == row.Label)
		encrypted += count(got.Answer.Label == row.Label)
		agree += count(want.Label == got.Answer.Label)
		report.UploadBytesMax = max(report.UploadBytesMax, got.Bytes.Upload)
		got.Timings.each(func(phase string, ms float64) {
			samples[phase] = append(samples[phase], ms)
		})
		if progress != nil {
			progress(report.Rows)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	if report.Rows == 0 {
		return nil, fmt.Errorf("%w: the file has no rows", ErrUsage)
	}
	n := float64(report.Rows)
	report.AccuracyPlain = float64(plain) / n
	report.AccuracyEncrypted = float64(encrypted) / n
	report.Agreement = float64(agree) / n
	for phase, ms := range samples {
		report.Timings[phase] = percentiles(ms)
	}
	return report, nil
}

func parseEvalRow(line []byte) (*EvalRow, error) {
	row := new(EvalRow)
	if err := json.Unmarshal(line, row); err != nil {
		return nil, fmt.Errorf("%w: not a JSON object: %w", ErrUsage, err)
	}
	if len(row.Request) == 0 || row.Label == "" {
		return nil, errors.Join(ErrUsage, errors.New(`need {"request": …, "label": "…"}`))
	}
	if row.Request[0] == '"' {
		var text string
		if err := json.Unmarshal(row.Request, &text); err != nil {
			return nil, fmt.Errorf("%w: request: %w", ErrUsage, err)
		}
		row.Request = json.RawMessage(text)
	}
	return row, nil
}

func (t *Timings) each(f func(phase string, ms float64)) {
	f("encode", t.Encode)
	f("keygen", t.Keygen)
	f("encrypt", t.Encrypt)
	f("upload", t.Upload)
	f("queue", t.Queue)
	f("infer", t.Infer)
	f("execute", t.Execute)
	f("attest", t.Attest)
	f("download", t.Download)
	f("decrypt", t.Decrypt)
	f("total", t.Total)
}

func percentiles(ms []float64) Percentiles {
	slices.Sort(ms)
	rank := func(p float64) float64 {
		return ms[max(0, int(math.Ceil(p*float64(len(ms))))-1)]
	}
	return Percentiles{P50: rank(0.50), P95: rank(0.95)}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}
