package learn_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cerberus-host/cerberus/internal/learn"
)

func TestWriteScoresKeepsTheProse(t *testing.T) {
	const begin = "<!-- scores: written by the training program -->"
	const end = "<!-- end of scores -->"
	file := filepath.Join(t.TempDir(), "README.md")
	text := "before\n" + begin + "\nold\n" + end + "\nafter\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	want := "before\n" + begin + "\n\n| new |\n\n" + end + "\nafter\n"
	for range 2 { // a second time changes nothing
		if err := learn.WriteScores(file, "| new |\n"); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != want {
			t.Errorf("wrote %q (%v)", got, err)
		}
	}
	if err := os.WriteFile(file, []byte(begin), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := learn.WriteScores(file, "x"); err == nil {
		t.Error("a file without the end mark was accepted")
	}
}
