package features

import "errors"

var (
	// ErrTable is returned when the table of columns is malformed.
	ErrTable = errors.New("malformed table of columns")
	// ErrCategory is returned, inside a [ValueError], when a value of a category is none
	// of those that the exam knows.
	ErrCategory = errors.New("value is not one of the category's")
	// ErrFinite is returned, inside a [ValueError], when a value is not a finite number.
	ErrFinite = errors.New("value is not a finite number")
	// ErrNegative is returned, inside a [ValueError], when a quantity is below zero.
	ErrNegative = errors.New("value is below zero")
	// ErrEmpty is returned when a request holds no value at all.
	ErrEmpty = errors.New("no value given: an answer would say nothing about this patient")
)

// ValueError tells which column of a request is wrong. It does not hold the value.
type ValueError struct {
	Column string
	// Fix says what the column may hold.
	Fix string
	// Err is the reason.
	Err error
}

// Error implements error.
func (e *ValueError) Error() string {
	return `column "` + e.Column + `": ` + e.Err.Error() + ": " + e.Fix
}

// Unwrap returns the reason.
func (e *ValueError) Unwrap() error { return e.Err }
