package features

import "errors"

var (
	// ErrDictionary is returned when a dictionary is not a sorted list of distinct,
	// non-empty lines.
	ErrDictionary = errors.New("dictionary is not a sorted list of distinct terms")
	// ErrLength is returned when a vector is too short for the dictionary.
	ErrLength = errors.New("vector is shorter than the dictionary and its constant")
	// ErrUnknown is returned when no term of the dictionary occurs in a text.
	ErrUnknown = errors.New("no term of the dictionary is in the text: write an English review")
)
