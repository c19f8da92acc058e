package lattigo

// Guarded runs f as every exported entry of this package runs.
func Guarded(f func()) (err error) {
	defer guard(&err)
	f()
	return nil
}
