// Package opening commits to vectors and shows the inner product of a committed vector with
// a public one.
package opening
