package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
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
	Attestation struct {
		State string `json:"state"`
	} `json:"attestation"`
	Public map[string]string `json:"public_arguments"`
	Bytes  struct {
		Upload   int64 `json:"upload"`
		Keys     int64 `json:"keys"`
		Download int64 `json:"download"`
	} `json:"bytes"`
	Timings map[string]float64 `json:"timings_ms"`
	Engine  string             `json:"engine"`
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
	for _, q := range questions() {
		if err := ask(ctx, n, q); err != nil {
			return err
		}
	}
	fmt.Print("\nThe node stops now. Every answer above was computed on ciphertexts; only the\n" +
		"client's key opens them. attestation: none, so in this version the node is trusted\n" +
		"to have computed what it was asked to.\n")
	return nil
}

func ask(ctx context.Context, n *node, q question) error {
	out, err := n.cerberus(ctx, "ask", q.brain, q.request, "--json", "--quiet")
	if err != nil {
		return err
	}
	var a answer
	if err := json.Unmarshal(out, &a); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	out, err = n.cerberus(ctx, "tasks", "show", a.Task)
	if err != nil {
		return err
	}
	var s seen
	if err := json.Unmarshal(out, &s); err != nil {
		return fmt.Errorf("read task: %w", err)
	}
	fmt.Printf("\n%s: %s\n", q.brain, q.shown)
	fmt.Printf("  answer       %s (confidence %.3f)\n", a.Answer.Label, a.Answer.Confidence)
	fmt.Printf("  attestation  %s\n", a.Attestation.State)
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
	return nil
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
		"encode", "keygen", "encrypt", "upload", "queue", "infer", "execute", "download", "decrypt",
	} {
		parts = append(parts, fmt.Sprintf("%s %.1f", phase, ms[phase]))
	}
	return strings.Join(parts, ", ")
}
