package main

// settings are what is chosen rather than learned.
type settings struct {
	// c is the weight of the data against the penalty of the regression.
	c float64
	// countMin is in how many training phrases a term must occur.
	countMin int
	// countPower tells how much frequent terms are preferred when the dictionary is cut.
	countPower float64
	// lengthPower makes longer phrases count more: the task is whole sentences.
	lengthPower float64
	// length is the length of the encrypted vector: the constant and the terms.
	length int
}

// variant is one of the two Brains that this program makes.
type variant struct {
	name     string
	settings settings
	intended string
	limits   string
}

// coefficients is what one ciphertext of the parameter set ckks-13 carries.
const coefficients = 8192

func variantOf(large bool) variant {
	v := variant{
		name: "sentiment",
		settings: settings{
			c: 0.1, countMin: 2, countPower: 0.3, lengthPower: 0.5, length: 4 * coefficients,
		},
		intended: "Tells whether an English film review, of one sentence up to a page, is " +
			"favourable. For demonstrations and for studies of private text classification.",
		limits: "English film reviews only; on other texts the answer means little. Irony, " +
			"and praise of something other than the film, are often misread. The weights and " +
			"the dictionary are public. Trained on the Stanford Sentiment Treebank, which is " +
			"published for research use.",
	}
	if large {
		v.name = "sentiment-large"
		v.settings.length = 16 * coefficients
	}
	return v
}

// grid is what -tune tries, one change at a time from the variant's settings.
func grid(base settings) []settings {
	out := []settings{base}
	vary := func(change func(*settings)) {
		s := base
		change(&s)
		if s != base {
			out = append(out, s)
		}
	}
	for _, c := range []float64{0.05, 0.07, 0.1, 0.15, 0.2} {
		vary(func(s *settings) { s.c = c })
	}
	for _, n := range []int{1, 2, 3} {
		vary(func(s *settings) { s.countMin = n })
	}
	for _, p := range []float64{0, 0.3, 0.5} {
		vary(func(s *settings) { s.countPower = p })
	}
	for _, p := range []float64{0, 0.5, 0.7, 1} {
		vary(func(s *settings) { s.lengthPower = p })
	}
	for _, n := range []int{2, 4, 6, 8, 16, 31} {
		vary(func(s *settings) { s.length = n * coefficients })
	}
	return out
}
