package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/cerberus-host/cerberus/client"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/fhe/lattigo"
	"github.com/cerberus-host/cerberus/host/runtime"
)

// canary is planted in the node's environment. It is found, or the scanner is blind.
const canary = "canary-in-the-environment-of-the-node"

// TestNodeNeverSeesTheQuestion plants a question and a secret key that this test knows, has
// the question answered by a node in a process of its own, and then looks for both in the
// node's data directory, its log and its memory. That the same scanner finds canaries, which
// the node must hold, shows that it looks in the right places.
func TestNodeNeverSeesTheQuestion(t *testing.T) {
	node := startDev(t, "CERBERUS_CANARY="+canary)
	params, err := fhe.ParamsByName("ckks-13")
	if err != nil {
		t.Fatal(err)
	}
	secret, err := lattigo.GenerateSecret(params, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	marker := "ymarker-" + rand.Text()
	request := `{"text":"` + marker + `"}`
	needles := append(textNeedles(marker, request), keyNeedles(t, secret, params)...)

	result := askPlanted(t, node.URL, secret.Bytes(), request)
	if result.Answer.Label != "cheerful" {
		t.Fatalf("the answer is %+v", result.Answer)
	}
	canaries := []needle{
		{"canary: environment", []byte(canary)},
		{"canary: module digest", []byte(hex.EncodeToString(result.Module[:]))},
		{"canary: parameter set", []byte("ckks-13")},
	}
	all := slices.Concat(needles, canaries)

	memory := make(map[string][]string)
	read, err := scanMemory(node.cmd.Process.Pid, all, memory)
	if err != nil {
		t.Fatal(err)
	}
	disk := make(map[string][]string)
	files, err := scanFolder(node.DataDir, all, disk)
	if err != nil {
		t.Fatal(err)
	}
	node.stop(t)
	log := make(map[string][]string)
	if err := scan(strings.NewReader(node.log.String()), all, "log", log); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d MB of memory, %d files, %d bytes of log", read>>20, files, node.log.Len())
	for _, n := range needles {
		for _, where := range slices.Concat(memory[n.name], disk[n.name], log[n.name]) {
			t.Errorf("%s is in the node's %s", n.name, where)
		}
	}
	for _, n := range canaries {
		if len(memory[n.name]) == 0 {
			t.Errorf("%s was not found in memory: the scanner is blind", n.name)
		}
	}
	if len(disk["canary: parameter set"]) == 0 || files < 5 {
		t.Errorf("the scanner is blind on disk: %v", slices.Collect(maps.Keys(disk)))
	}
	if node.log.Len() == 0 {
		t.Error("the node logged nothing: there was no log to look at")
	}
}

// askPlanted asks the Brain mood with a given secret key.
func askPlanted(t *testing.T, url string, secret []byte, request string) *client.Result {
	t.Helper()
	sandbox, err := runtime.New(t.Context(), runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := sandbox.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	c, err := client.New(client.Config{Node: url, Store: client.NewMemStore(), Sandbox: sandbox})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.ImportKey("planted", "ckks-13", secret); err != nil {
		t.Fatal(err)
	}
	ask := func(ref, document string) *client.Result {
		brain, err := c.Open(t.Context(), ref, client.OpenOptions{Key: "planted"})
		if err != nil {
			t.Fatal(err)
		}
		result, err := brain.Ask(t.Context(), []byte(document))
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	// The Brain exam takes evaluation keys of the planted key to the node, too.
	ask("exam", `{"exam":"squares","features":{"first":1}}`)
	return ask("mood", request)
}

// textNeedles are the forms in which the question could lie about.
func textNeedles(marker, request string) []needle {
	var utf16Marker []byte
	for _, u := range utf16.Encode([]rune(marker)) {
		utf16Marker = binary.LittleEndian.AppendUint16(utf16Marker, u)
	}
	return []needle{
		{"the question's marker", []byte(marker)},
		{"the request document", []byte(request)},
		{"the question's marker as hex", []byte(hex.EncodeToString([]byte(marker)))},
		{"the question's marker as UTF-16", utf16Marker},
	}
}

// keyNeedles are the forms of a secret key: its file, and the first coefficients as they lie
// in memory where code computes with them.
func keyNeedles(t *testing.T, secret *lattigo.SecretKey, params *fhe.Params) []needle {
	t.Helper()
	const run = 64
	raw := secret.Bytes()
	coeffs := raw[len(raw)-params.N()/4:]
	out := []needle{
		{"the secret key's file", coeffs[:256]},
		{"the secret key's file as hex", []byte(hex.EncodeToString(coeffs[:64]))},
	}
	ternary := make([]int64, run)
	for i := range ternary {
		code := int64(coeffs[i/4]>>(2*(i%4))) & 3
		ternary[i] = code - 3*(code>>1) // 0, 1, and 2 for -1
	}
	var bytewise, signed []byte
	for _, c := range ternary {
		bytewise = append(bytewise, byte(int8(c)))
		signed = binary.LittleEndian.AppendUint64(signed, uint64(c))
	}
	out = append(out, needle{"the secret key as int8", bytewise},
		needle{"the secret key as int64", signed})
	for i, q := range params.Moduli(params.MaxLevel()) {
		var limb []byte
		for _, c := range ternary {
			if c < 0 {
				c += int64(q)
			}
			limb = binary.LittleEndian.AppendUint64(limb, uint64(c))
		}
		out = append(out, needle{fmt.Sprintf("the secret key modulo prime %d", i), limb})
	}
	return out
}

// TestScannerFindsWhatIsThere: needles across a border of blocks, at both ends, and not
// what differs by a bit.
func TestScannerFindsWhatIsThere(t *testing.T) {
	x := needle{"x", []byte("needle-of-some-length")}
	for _, at := range []int{0, 1, scanBlockBytes - 10, scanBlockBytes + 9, 2*scanBlockBytes - 3, -1} {
		hay := bytes.Repeat([]byte{'n'}, 3*scanBlockBytes+5)
		if at < 0 {
			at = len(hay) - len(x.bytes)
		}
		copy(hay[at:], x.bytes)
		found := make(map[string][]string)
		if err := scan(bytes.NewReader(hay), []needle{x}, "hay", found); err != nil || len(found) != 1 {
			t.Errorf("at %d: %v, %v", at, found, err)
		}
		hay[at+5] ^= 1
		clear(found)
		if err := scan(bytes.NewReader(hay), []needle{x}, "hay", found); err != nil || len(found) != 0 {
			t.Errorf("at %d: %v, %v", at, found, err)
		}
	}
}
