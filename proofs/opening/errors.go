package opening

import "errors"

// ErrOpening is returned when an opening does not show what it is said to show.
var ErrOpening = errors.New("opening is not valid")
