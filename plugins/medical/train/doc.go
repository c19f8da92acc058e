// Command train makes the table of columns and the weights of the medical Brain from two
// public data sets, the Wisconsin diagnostic breast cancer set and the Cleveland heart
// disease set:
//
//	go run ./plugins/medical/train -data ../shared/data -out plugins/medical
//
// It writes columns.tsv, model.bin, manifest.json, report.json and the table of scores in
// README.md, and prints that table. A rerun on the same architecture gives the same
// bytes. With -tune it writes nothing and prints the cross-validation of a grid of
// settings instead; this is how the settings in settings.go were chosen.
//
// Each exam has a net with one hidden layer of quadratic units, the average of a few nets
// from different starting weights, merged into one. Everything that is learned, the
// medians and deviations of the columns included, is learned inside a fold.
//
// # Bounds
//
// bounds.go scales the net so that no request, however odd, makes a value on the host
// exceed what the parameter set holds: hidden units stay within 8, their squares within
// 16, the output within 16. The bounds are proven from the weights, not observed.
package main
