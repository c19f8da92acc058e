package meter

import "errors"

var (
	// ErrReserved is returned when a module imports from [ImportModule] or exports a name
	// that begins with [ReservedPrefix].
	ErrReserved = errors.New("the module uses a name that is reserved for metering")
	// ErrOperator is returned when a module has an operator that changes a table.
	ErrOperator = errors.New("the module has an operator that cannot be metered")
	// ErrLimit is returned when a module's memory or table is larger at the start than it
	// may become, or when there is no room for what is added.
	ErrLimit = errors.New("the module is too large to be metered")
	// ErrInvalid is returned when a module turns out not to be valid.
	ErrInvalid = errors.New("the module is not valid")
	// ErrOptions is returned when options are out of range.
	ErrOptions = errors.New("metering options are out of range")
)
