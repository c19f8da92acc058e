package validate

const (
	// ArityMax bounds the parameters and the results of a type. A branch costs as much as
	// the types that it carries, so this is the factor between bytes and time.
	ArityMax = 1_000
	// OperandsMax bounds the values on the stack of one function: an operator of two bytes
	// can push ArityMax of them.
	OperandsMax = 1 << 20
	// NestingMax bounds the blocks that are open at once.
	NestingMax = 1 << 16
	// PagesMax is the largest memory of 32-bit addresses, in pages of 64 KiB.
	PagesMax = 1 << 16
)
