//go:build !linux

package runtime_test

// children is empty where there are none.
func children() map[string]func(args []string) int { return nil }
