package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// question is one request of the tour.
type question struct {
	brain   string
	shown   string
	request string
}

func questions() []question {
	return []question{
		{
			"sentiment", `"a joy from start to end , with a heart as big as its jokes"`,
			`{"text":"a joy from start to end , with a heart as big as its jokes"}`,
		},
		{
			"sentiment", `"two hours of tired clichés that never come to life"`,
			`{"text":"two hours of tired clichés that never come to life"}`,
		},
		{
			"medical", "a breast mass: nine measurements, the rest imputed",
			`{"exam":"breast","features":{"radius_mean":20.6,"texture_mean":25.1,` +
				`"perimeter_mean":136.0,"area_mean":1320.0,"concavity_mean":0.21,` +
				`"concave points_mean":0.12,"radius_worst":25.0,"area_worst":1900.0,` +
				`"concave points_worst":0.21}}`,
		},
		{
			"medical", "a heart exam: age 45, no complaints",
			`{"exam":"heart","features":{"age":45,"sex":0,"cp":3,"trestbps":118,"chol":205,` +
				`"fbs":0,"restecg":0,"thalach":170,"exang":0,"oldpeak":0,"slope":1,"ca":0,"thal":3}}`,
		},
	}
}

// answer is the part of `cerberus ask --json` that the tour prints.
type answer struct {
	Task   string `json:"task"`
	Module string `json:"module"`
	Answer struct {
		Label      string  `json:"label"`
		Confidence float64 `json:"confidence"`
	} `json:"answer"`
	Attestation attestation       `json:"attestation"`
	Public      map[string]string `json:"public_arguments"`
	Bytes       struct {
		Upload   int64 `json:"upload"`
		Keys     int64 `json:"keys"`
		Download int64 `json:"download"`
	} `json:"bytes"`
	Timings map[string]float64 `json:"timings_ms"`
	Engine  string             `json:"engine"`
}

// attestation is what vouches for an answer.
type attestation struct {
	State      string  `json:"state"`
	Setup      string  `json:"setup"`
	Kind       string  `json:"kind"`
	ProveMS    float64 `json:"prove_ms"`
	VerifyMS   float64 `json:"verify_ms"`
	ProvenBits int     `json:"proven_bits"`
}

func (a attestation) String() string {
	return fmt.Sprintf("%s (%s setup), proved in %.0f ms, verified in %.0f ms, %d bits proven",
		a.State, a.Kind, a.ProveMS, a.VerifyMS, a.ProvenBits)
}

// verification is what `cerberus verify --json` says of a bundle.
type verification struct {
	Task        string      `json:"task"`
	Brain       string      `json:"brain"`
	Own         bool        `json:"own"`
	Attestation attestation `json:"attestation"`
}

// seen is what the node's own listing has of a task.
type seen struct {
	Public map[string]string `json:"public_arguments"`
	Inputs []struct {
		Name   string `json:"name"`
		Digest string `json:"digest"`
		Bytes  int64  `json:"bytes"`
	} `json:"inputs"`
	Outputs []struct {
		Name   string `json:"name"`
		Digest string `json:"digest"`
		Bytes  int64  `json:"bytes"`
	} `json:"outputs"`
}

func tour(ctx context.Context, n *node) error {
	fmt.Printf("A node runs at %s with these Brains:\n", n.facts.Node)
	for _, b := range n.facts.Brains {
		fmt.Printf("  %d  %-16s module %s\n", b.Number, b.Name, b.Module)
	}
	var last *answer
	for _, q := range questions() {
		a, err := ask(ctx, n, q)
		if err != nil {
			return err
		}
		last = a
	}
	if err := takeAway(ctx, n, last); err != nil {
		return err
	}
	fmt.Print("\nEvery answer above was computed on ciphertexts; only the client's key opens them, and\n" +
		"it did so after the proof was verified. The setup is a development one, made by this\n" +
		"machine: it shows how things work and protects from nobody.\n")
	return nil
}

// takeAway exports the attestation of an answer with all that it needs, stops the node, and
// verifies the file in another folder, as somebody else.
func takeAway(ctx context.Context, n *node, a *answer) (err error) {
	dir, err := os.MkdirTemp("", "cerberus-elsewhere-")
	if err != nil {
		return fmt.Errorf("make another folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := filepath.Join(dir, "answer.bundle")
	if _, err := n.cerberus(ctx, "attestation", "export", a.Task, "-o", file, "--full"); err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return fmt.Errorf("read bundle: %w", err)
	}
	if err := n.stop(); err != nil {
		return err
	}
	fmt.Printf("\nThe node has stopped. Somebody else, who was told the setup's digest, verifies the\n"+
		"attestation of the last answer from a file of %.1f MB:\n", float64(info.Size())/1e6)
	elsewhere := &node{binary: n.binary, home: filepath.Join(dir, "home")}
	if _, err := elsewhere.cerberus(ctx, "setup", "trust", a.Attestation.Setup); err != nil {
		return err
	}
	out, err := elsewhere.cerberus(ctx, "verify", file, "--allow-development-setup", "--json")
	if err != nil {
		return err
	}
	var v verification
	if err := json.Unmarshal(out, &v); err != nil {
		return fmt.Errorf("read verification: %w", err)
	}
	if v.Task != a.Task || v.Own {
		return fmt.Errorf("verified task %s instead of %s", v.Task, a.Task)
	}
	fmt.Printf("  %s: attestation: %s\n", v.Brain, v.Attestation)
	return nil
}

func ask(ctx context.Context, n *node, q question) (*answer, error) {
	out, err := n.cerberus(ctx, "ask", q.brain, q.request, "--json", "--quiet",
		"--allow-development-setup")
	if err != nil {
		return nil, err
	}
	a := new(answer)
	if err := json.Unmarshal(out, a); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	out, err = n.cerberus(ctx, "tasks", "show", a.Task)
	if err != nil {
		return nil, err
	}
	var s seen
	if err := json.Unmarshal(out, &s); err != nil {
		return nil, fmt.Errorf("read task: %w", err)
	}
	fmt.Printf("\n%s: %s\n", q.brain, q.shown)
	fmt.Printf("  answer       %s (confidence %.3f)\n", a.Answer.Label, a.Answer.Confidence)
	fmt.Printf("  attestation: %s\n", a.Attestation)
	fmt.Printf("  in clear     %s\n", public(a.Public))
	for _, in := range s.Inputs {
		fmt.Printf("  node saw     input  %-6s %s  %d bytes\n", in.Name, in.Digest, in.Bytes)
	}
	for _, o := range s.Outputs {
		fmt.Printf("  node saw     output %-6s %s  %d bytes\n", o.Name, o.Digest, o.Bytes)
	}
	fmt.Printf("  sent         %.1f KB encrypted, %.1f KB keys; received %.1f KB\n",
		float64(a.Bytes.Upload)/1e3, float64(a.Bytes.Keys)/1e3, float64(a.Bytes.Download)/1e3)
	fmt.Printf("  ms           %s (engine %s)\n", timings(a.Timings), a.Engine)
	return a, nil
}

func public(args map[string]string) string {
	if len(args) == 0 {
		return "nothing"
	}
	parts := make([]string, 0, len(args))
	for _, k := range slices.Sorted(maps.Keys(args)) {
		parts = append(parts, k+"="+args[k])
	}
	return strings.Join(parts, ", ")
}

func timings(ms map[string]float64) string {
	var parts []string
	for _, phase := range []string{
		"encode", "keygen", "encrypt", "upload", "queue", "infer", "execute", "attest", "download",
		"decrypt",
	} {
		parts = append(parts, fmt.Sprintf("%s %.1f", phase, ms[phase]))
	}
	return strings.Join(parts, ", ")
}
