package features

import (
	"slices"
	"unicode/utf8"
)

// TextBytesMax is how much of a text is read; what follows is left out, as a reader who
// stops would. The manifest refuses longer requests before that.
const TextBytesMax = 8192

// Tokens cuts text into lower-case tokens in the style of the Penn Treebank: "don't" is
// "do" "n't", "Smith's" is "smith" "'s", punctuation stands alone, runs of dots, dashes,
// exclamation and question marks are one token, quotation marks of every kind are "\"".
// Text in that form already stays as it is. Letters with a Latin accent lose it. Bytes that
// are no UTF-8 separate tokens. The tokens are slices of one new buffer and never contain
// a space; a token of more than one byte never starts with '!' or '#'.
func Tokens(text string) [][]byte {
	text = text[:min(len(text), TextBytesMax)]
	t := &tokeniser{buffer: normalise(text)}
	for t.at < len(t.buffer) {
		t.next()
	}
	return t.tokens
}

type tokeniser struct {
	buffer []byte
	at     int
	tokens [][]byte
}

// next reads one token or one separator.
func (t *tokeniser) next() {
	c := t.buffer[t.at]
	switch {
	case isWord(c):
		t.word()
	case c == '\'':
		t.apostrophe()
	case c == ' ':
		t.at++
	default:
		t.punctuation(c)
	}
}

// word reads a word with its inner hyphens, apostrophes and dots, and splits clitics off.
func (t *tokeniser) word() {
	start := t.at
	for t.at < len(t.buffer) {
		if !isWord(t.buffer[t.at]) && !t.joins(start) {
			break
		}
		t.at++
	}
	w := t.buffer[start:t.at]
	if t.at < len(t.buffer) && t.buffer[t.at] == '.' && keepsDot(w) {
		t.at++
		w = t.buffer[start:t.at]
	}
	t.emitWord(w)
}

// joins reports whether the byte at t.at holds two parts of one word together.
func (t *tokeniser) joins(start int) bool {
	if t.at == start || t.at+1 >= len(t.buffer) || !isWord(t.buffer[t.at+1]) {
		return false
	}
	before := t.buffer[t.at-1]
	if !isWord(before) {
		return false
	}
	switch t.buffer[t.at] {
	case '-', '\'':
		return true
	case '.': // a number, or initials such as u.s.
		return isDigit(before) && isDigit(t.buffer[t.at+1]) ||
			t.at-1 == start || !isWord(t.buffer[t.at-2])
	case ',', '/':
		return isDigit(before) && isDigit(t.buffer[t.at+1])
	default:
		return false
	}
}

// keepsDot reports whether the word before a dot is an abbreviation or has initials.
func keepsDot(w []byte) bool {
	switch string(w) {
	case "mr", "mrs", "ms", "dr", "jr", "sr", "st", "vs":
		return true
	default:
		return len(w) >= 3 && w[len(w)-2] == '.' && !isDigit(w[len(w)-1])
	}
}

// emitWord appends a word without its clitics, then the clitics. Every clitic is split off,
// so that what is left and what was split off stay as they are when they are cut again.
func (t *tokeniser) emitWord(w []byte) {
	first := len(t.tokens)
	for n := clitic(w); n > 0; n = clitic(w) {
		t.tokens = append(t.tokens, w[len(w)-n:])
		w = w[:len(w)-n]
	}
	t.tokens = append(t.tokens, w)
	slices.Reverse(t.tokens[first:])
}

// clitic returns the length of the clitic that a longer word ends in, 0 if there is none.
func clitic(w []byte) int {
	n := len(w)
	if n > 3 && string(w[n-3:]) == "n't" && isWord(w[n-4]) || string(w) == "cannot" {
		return 3
	}
	for i := n - 2; i >= 1 && i >= n-3; i-- {
		if w[i] == '\'' && isClitic(w[i:]) {
			return n - i
		}
	}
	return 0
}

func isClitic(w []byte) bool {
	switch string(w) {
	case "'s", "'m", "'d", "'re", "'ve", "'ll":
		return true
	default:
		return false
	}
}

// apostrophe reads a clitic that stands alone, a double quotation mark made of two, or a
// single mark.
func (t *tokeniser) apostrophe() {
	rest := t.buffer[t.at:]
	for _, n := range []int{3, 2} {
		if len(rest) >= n && isClitic(rest[:n]) && (len(rest) == n || !isWord(rest[n])) {
			t.tokens = append(t.tokens, rest[:n])
			t.at += n
			return
		}
	}
	if len(rest) >= 2 && rest[1] == '\'' {
		t.buffer[t.at] = '"'
		t.tokens = append(t.tokens, rest[:1])
		t.at += 2
		return
	}
	t.tokens = append(t.tokens, rest[:1])
	t.at++
}

// punctuation reads one mark, or a run of equal ones that means one thing.
func (t *tokeniser) punctuation(c byte) {
	start := t.at
	for t.at < len(t.buffer) && t.buffer[t.at] == c {
		t.at++
	}
	run := t.at - start
	switch c {
	case '.':
		run = min(run, 3)
	case '-':
		run = min(run, 2)
	default:
		run = 1
	}
	t.tokens = append(t.tokens, t.buffer[start:start+run])
}

// normalise lower-cases text, drops accents, writes every kind of quotation mark, dash and
// space in one way and replaces what is neither letter, digit nor mark by spaces. The
// result is at most three times as long as text.
func normalise(text string) []byte {
	out := make([]byte, 0, len(text)+len(text)/8)
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			i++
			if c == '-' && hasBracket(text[i:]) { // -lrb- and -rrb- of treebanks
				out = append(out, bracket(text[i]))
				i += 4
				continue
			}
			out = append(out, asciiByte(c))
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		out = appendRune(out, r, size)
	}
	return out
}

func hasBracket(s string) bool {
	return len(s) >= 4 && (s[0]|0x20 == 'l' || s[0]|0x20 == 'r') && s[1]|0x20 == 'r' &&
		s[2]|0x20 == 'b' && s[3] == '-'
}

func bracket(c byte) byte {
	if c|0x20 == 'l' {
		return '('
	}
	return ')'
}

func asciiByte(c byte) byte {
	switch {
	case c >= 'A' && c <= 'Z':
		return c | 0x20
	case c < ' ' || c == 0x7f:
		return ' '
	case c == '`':
		return '\''
	default:
		return c
	}
}

// latin gives the letters of U+00C0 to U+00FF without their accents; a space marks the
// signs of multiplication and division.
const latin = "aaaaaaaceeeeiiiidnooooo ouuuuytsaaaaaaaceeeeiiiidnooooo ouuuuyty"

func appendRune(out []byte, r rune, size int) []byte {
	switch {
	case r == utf8.RuneError && size <= 1:
		return append(out, ' ')
	case r == 0x00df:
		return append(out, "ss"...)
	case r >= 0x00c0 && r <= 0x00ff:
		return append(out, latin[r-0x00c0])
	case r == 0x2018 || r == 0x2019 || r == 0x00b4:
		return append(out, '\'')
	case r == 0x201c || r == 0x201d || r == 0x00ab || r == 0x00bb:
		return append(out, '"')
	case r == 0x2013 || r == 0x2014:
		return append(out, "--"...)
	case r == 0x2026:
		return append(out, "..."...)
	case r < 0x00c0 || (r >= 0x2000 && r < 0x2c00) || (r >= 0x3000 && r < 0x3040) || r == 0xfeff:
		return append(out, ' ') // controls, signs, arrows, special spaces
	default:
		return utf8.AppendRune(out, r)
	}
}

// isWord reports whether a byte of normalised text belongs to words: a letter, a digit or
// a part of a letter beyond ASCII.
func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || isDigit(c) || c >= utf8.RuneSelf
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
