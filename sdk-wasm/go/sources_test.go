//go:build !wasip1

package brain

import (
	"io/fs"
	"testing"
)

func TestSourcesAreComplete(t *testing.T) {
	for _, name := range []string{"go.mod", "doc.go", "host_gen.go", "imports_gen_wasip1.go"} {
		if _, err := fs.Stat(Sources(), name); err != nil {
			t.Error(err)
		}
	}
}
