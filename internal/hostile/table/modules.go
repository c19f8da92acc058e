package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cerberus-host/cerberus/internal/hostile"
)

// writeModules writes the module of every case into a folder, named by group and case.
func writeModules(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	plain := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}
	for _, c := range hostile.Cases() {
		if c.Module == nil {
			continue
		}
		name := fmt.Sprintf("%02d-%s.wasm", c.Group, strings.Map(plain, c.Name))
		if err := os.WriteFile(filepath.Join(dir, name), c.File(), 0o600); err != nil {
			return err
		}
	}
	return nil
}
