package config

import "errors"

// ErrConfig is returned when a source cannot be read, or when a setting is unknown,
// malformed, or does not go with the others. The text names the setting and the fix.
var ErrConfig = errors.New("invalid configuration")
