//go:build !unix

package bench

import "time"

// processorTime is not known here; figures that rest on it are 0.
func processorTime() time.Duration { return 0 }
