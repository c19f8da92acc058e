package ceremony

import "errors"

var (
	// ErrRules is returned for rules that are malformed or that no ceremony can follow.
	ErrRules = errors.New("rules of the ceremony are not valid")
	// ErrTranscript is returned when the folder's files do not make up a ceremony: one is
	// missing, damaged, too many or out of its place.
	ErrTranscript = errors.New("transcript of the ceremony is not valid")
	// ErrContribution is returned for a contribution that is malformed, not signed by whom it
	// names, or does not build on the one before it.
	ErrContribution = errors.New("contribution is not valid")
	// ErrRepeated is returned when an identity contributes to a phase a second time.
	ErrRepeated = errors.New("identity has contributed to this phase already")
	// ErrTooFew is returned when a phase ends without enough contributions.
	ErrTooFew = errors.New("too few contributions")
	// ErrOperators is returned when a phase ends without a contribution by an identity that
	// is no operator.
	ErrOperators = errors.New("only operators contributed")
	// ErrLate is returned for a contribution at or after the time of its phase's beacon.
	ErrLate = errors.New("contribution comes too late")
	// ErrEarly is returned for a beacon before its announced time.
	ErrEarly = errors.New("beacon comes too early")
	// ErrPowers is returned for powers of tau that are malformed, trivial, too few or not
	// powers of one number.
	ErrPowers = errors.New("powers of tau are not valid")
	// ErrFinished is returned when something is asked of a ceremony that has ended.
	ErrFinished = errors.New("ceremony has ended")
)
