// Package figures is the form of the files in docs/benchmarks: what one area measured, on
// which machine and when.
//
// [New] begins a [File], [File.Add] adds a [Row], [File.Print] shows it to people and
// [File.Write] records it. README.md quotes such rows, and package internal/tidy compares
// the quotes with the files.
//
// # What it is not
//
// It measures nothing: programs do, with clocks of their own.
package figures
