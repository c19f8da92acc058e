package opening

import (
	"sync"

	"github.com/consensys/gnark/logger"
)

// quiet switches gnark's log off: by default it writes to standard output, which belongs to
// the program. Every function that calls into gnark calls it first.
var quiet = sync.OnceFunc(logger.Disable) //nolint:gochecknoglobals // so is what it sets
