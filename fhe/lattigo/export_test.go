package lattigo

import "context"

// Guarded runs f as every exported entry of this package runs.
func Guarded(f func()) (err error) {
	defer guard(&err)
	f()
	return nil
}

// ForEach exports forEach to tests.
func ForEach(ctx context.Context, n int, f func(i int) error) error { return forEach(ctx, n, f) }
