package features

// The weights of the kinds of terms, before the vector is scaled to length one. Longer
// terms repeat what their words say already, so they weigh less; a word's pieces are many.
const (
	weightWord    = 1.0
	weightPair    = 0.7
	weightTriple  = 0.5
	weightPiece   = 0.4
	weightNegated = 1.0
	// weightBefore scales what comes before a "but": the point follows after it.
	weightBefore = 0.4
)

const (
	// orderMax is the most words of a term.
	orderMax = 3
	// A piece is a run of pieceMin to pieceMax bytes of "^word$"; words shorter than
	// pieceWordMin have none, and of longer ones than pieceWordMax only the start counts.
	pieceMin     = 4
	pieceMax     = 6
	pieceWordMin = 4
	pieceWordMax = 40
	// scopeTokens is how many tokens a negation reaches, unless punctuation ends it.
	scopeTokens = 4
	// butTokens is how many tokens must stand before and after a "but" that divides.
	butTokens = 3
)

// The first bytes of terms that are no plain words. [Tokens] lets no token of more than
// one byte start with them.
const (
	markNegated = '!'
	markPiece   = '#'
)

// termBytesMax is the length of the buffer that terms are put together in; longer ones
// occur in no dictionary and are left out.
const termBytesMax = 256

// Walk calls visit with every term of the tokens and its weight. The terms are, in this
// order at each place: the word, the pair and the triple of words that start there, the
// pieces of the word; for a word within the reach of a negation the one term "!word" stands
// in place of the word and its pieces. A term that occurs again is visited again; the
// largest weight is the one that counts. The bytes are valid until visit returns.
func Walk(tokens [][]byte, visit func(term []byte, weight float64)) {
	w := walker{visit: visit, turn: turn(tokens)}
	reach := 0
	for i, token := range tokens {
		negated := false
		switch {
		case isNegation(token):
			reach = scopeTokens
		case !isWord(token[0]) && token[0] != '\'' || string(token) == "but":
			reach = 0
		case reach > 0:
			reach--
			negated = true
		}
		w.at(tokens, i, negated)
	}
}

type walker struct {
	visit  func(term []byte, weight float64)
	turn   int
	buffer [termBytesMax]byte
}

// at visits the terms that start at token i.
func (w *walker) at(tokens [][]byte, i int, negated bool) {
	scale := 1.0
	if i < w.turn {
		scale = weightBefore
	}
	if negated {
		w.marked(markNegated, tokens[i], scale*weightNegated)
	} else {
		w.plain(tokens[i], scale*weightWord)
		w.pieces(tokens[i], scale*weightPiece)
	}
	w.joined(tokens[i:], scale)
}

func (w *walker) plain(token []byte, weight float64) {
	if len(token) <= termBytesMax {
		w.visit(token, weight)
	}
}

func (w *walker) marked(mark byte, token []byte, weight float64) {
	if len(token) < termBytesMax {
		w.buffer[0] = mark
		w.visit(w.buffer[:1+copy(w.buffer[1:], token)], weight)
	}
}

// joined visits the pair and the triple at the start of tokens.
func (w *walker) joined(tokens [][]byte, scale float64) {
	n := 0
	for k, token := range tokens[:min(orderMax, len(tokens))] {
		if n+1+len(token) > termBytesMax {
			return
		}
		if k > 0 {
			w.buffer[n] = ' '
			n++
		}
		n += copy(w.buffer[n:], token)
		switch k {
		case 1:
			w.visit(w.buffer[:n], scale*weightPair)
		case 2:
			w.visit(w.buffer[:n], scale*weightTriple)
		}
	}
}

// pieces visits the pieces of a word: "#^goo" and so on.
func (w *walker) pieces(word []byte, weight float64) {
	if len(word) < pieceWordMin || !isWord(word[0]) {
		return
	}
	word = word[:min(len(word), pieceWordMax)]
	var framed [pieceWordMax + 2]byte
	framed[0] = '^'
	n := 1 + copy(framed[1:], word)
	framed[n] = '$'
	n++
	w.buffer[0] = markPiece
	for size := pieceMin; size <= pieceMax; size++ {
		for i := 0; i+size <= n; i++ {
			copy(w.buffer[1:], framed[i:i+size])
			w.visit(w.buffer[:1+size], weight)
		}
	}
}

// turn returns the place of the last "but", "yet" or "however" that has enough before and
// after it to divide the text, 0 if there is none.
func turn(tokens [][]byte) int {
	for i := len(tokens) - 1 - butTokens; i >= butTokens; i-- {
		switch string(tokens[i]) {
		case "but", "yet", "however":
			return i
		}
	}
	return 0
}

func isNegation(token []byte) bool {
	switch string(token) {
	case "not", "n't", "no", "never", "without", "neither", "nor", "hardly", "barely",
		"lack", "lacks", "lacking", "none", "nothing":
		return true
	default:
		return false
	}
}
