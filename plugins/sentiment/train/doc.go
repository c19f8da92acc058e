// Command train makes the dictionary and the weights of the sentiment Brains from the
// Stanford Sentiment Treebank, in the two-class form of the GLUE benchmark:
//
//	go run ./plugins/sentiment/train -out plugins/sentiment
//	go run ./plugins/sentiment/train -out plugins/sentiment-large -large
//
// The data are expected in ../shared/data; -data names another folder. The program
// writes dictionary.txt and its index, model.bin, manifest.json, report.json and the table
// of scores in README.md, and prints that table. A rerun on the same architecture gives the
// same bytes. With -tune it writes nothing and prints the cross-validation of a grid of
// settings instead; this is how the settings in settings.go were chosen.
//
// The model is a logistic regression over the terms of package features. The training set
// holds the phrases of parsed sentences, so a random split would test on phrases of
// sentences that were trained on. Here a fold is a set of whole sentences, and training
// for it leaves out every phrase that occurs in no sentence of another fold (groups.go).
// The dev sentences are read once, after everything is fixed.
package main
