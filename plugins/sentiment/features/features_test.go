package features_test

import (
	"bytes"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cerberus-host/cerberus/plugins/sentiment/features"
)

func join(tokens [][]byte) string {
	parts := make([]string, len(tokens))
	for i, t := range tokens {
		parts[i] = string(t)
	}
	return strings.Join(parts, " ")
}

func TestTokens(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{" \t\r\n", ""},
		{"I didn't like it!!!", "i did n't like it !"},
		{"can't won't cannot", "ca n't wo n't can not"},
		{"It's Smith's; they'd say we've won.", "it 's smith 's ; they 'd say we 've won ."},
		{"it 's n't , ''quoted'' .", `it 's n't , " quoted " .`},
		{"“A joy” – truly…", `" a joy " -- truly ...`},
		{"clichés of the Übermensch Straße", "cliches of the ubermensch strasse"},
		{"a well-made, right-thinking film", "a well-made , right-thinking film"},
		{"wait -- what....", "wait -- what ..."},
		{"Mr. Jones, U.S.A., 3.30, 1,000 1/2", "mr. jones , u.s.a. , 3.30 , 1,000 1/2"},
		{"good.Bad and/or #1", "good . bad and / or # 1"},
		{"-lrb- yes -RRB-", "( yes )"},
		{"the '90s rock 'n' roll", "the ' 90s rock ' n ' roll"},
		{"--trailing- -leading", "-- trailing - - leading"},
		{"фильм très bon", "фильм tres bon"},
		{"a\x00b\xffc\xc3(d\u200be\ufefff", "a b c ( d e f"},
		{"<br />&amp;", "< br / > & amp ;"},
	} {
		if got := join(features.Tokens(c.text)); got != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
}

func TestTokensReadsNoMoreThanItsLimit(t *testing.T) {
	text := strings.Repeat("a ", features.TextBytesMax)
	if got := len(features.Tokens(text)); got != features.TextBytesMax/2 {
		t.Errorf("%d tokens", got)
	}
}

func TestWalk(t *testing.T) {
	for _, c := range []struct {
		text string
		want string
	}{
		{"a film", "a=1 a film=0.7 film=1 #^fil=0.4 #film=0.4 #ilm$=0.4 #^film=0.4 " +
			"#film$=0.4 #^film$=0.4"},
		{"not so bad", "not=1 not so=0.7 not so bad=0.5 !so=1 so bad=0.7 !bad=1"},
		{"no , so", "no=1 no ,=0.7 no , so=0.5 ,=1 , so=0.7 so=1"},
		{"an odd yet odd one", "an=1 an odd=0.7 an odd yet=0.5 odd=1 odd yet=0.7 odd yet odd=0.5 " +
			"yet=1 yet odd=0.7 yet odd one=0.5 odd=1 odd one=0.7 one=1"},
	} {
		var got []string
		features.Walk(features.Tokens(c.text), func(term []byte, weight float64) {
			got = append(got, string(term)+"="+trim(weight))
		})
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.text, s, c.want)
		}
	}
}

func trim(v float64) string {
	s := string(rune('0' + int(v)))
	if tenths := int(math.Round(v*10)) % 10; tenths != 0 {
		s += "." + string(rune('0'+tenths))
	}
	return s
}

func TestWhatComesBeforeButWeighsLess(t *testing.T) {
	weights := make(map[string]float64)
	text := "a dull old start but a fine bold end"
	features.Walk(features.Tokens(text), func(term []byte, weight float64) {
		weights[string(term)] = weight
	})
	if weights["dull"] != 0.4 || weights["fine"] != 1 || weights["but"] != 1 {
		t.Errorf("dull %v, but %v, fine %v", weights["dull"], weights["but"], weights["fine"])
	}
}

func TestDictionaryRefusesDisorder(t *testing.T) {
	for _, text := range []string{"\n", "a", "x\n" + "x\n", "b\na\n", "a\n\nb\n", "a\nb"} {
		if _, err := features.ParseDictionary(text); !errors.Is(err, features.ErrDictionary) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, c := range []struct{ text, index string }{
		{"a\n", ""},
		{"", "\x00\x00\x00\x00"},
		{"a\n", "\x00\x00\x00"},
		{"a\n", "\x02\x00\x00\x00"},
		{"a\nb\n", "\x00\x00\x00\x00\x00\x00\x00\x00"},
		{"ab\n", "\x01\x00\x00\x00"},
		{"a\n", "\x00\x00\x00\x80"},
		{"a\n", "\xff\xff\xff\xff"},
	} {
		_, err := features.OpenDictionary(c.text, c.index)
		if !errors.Is(err, features.ErrDictionary) {
			t.Errorf("%q with index %q: %v", c.text, c.index, err)
		}
	}
	d, err := features.ParseDictionary("")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := d.Find([]byte("a")); ok || d.Terms() != 0 {
		t.Error("the empty dictionary has a term")
	}
}

// brains are the folders of the committed dictionaries, with the lengths of their vectors.
func brains() map[string]int {
	return map[string]int{"..": 4 * 8192, "../../sentiment-large": 16 * 8192}
}

func committed(t testing.TB, dir string) (*features.Dictionary, string) {
	t.Helper()
	b, err := os.ReadFile(dir + "/dictionary.txt")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := features.ParseDictionary(string(b))
	if err != nil {
		t.Fatal(err)
	}
	index, err := os.ReadFile(dir + "/dictionary.index")
	if err != nil {
		t.Fatal(err)
	}
	if parsed.Index() != string(index) {
		t.Fatal("dictionary.index is of another dictionary")
	}
	d, err := features.OpenDictionary(string(b), string(index))
	if err != nil || d.Terms() != parsed.Terms() {
		t.Fatalf("%d terms, parsed %d: %v", d.Terms(), parsed.Terms(), err)
	}
	return d, string(b)
}

func TestEveryTermIsFoundOnItsLine(t *testing.T) {
	for dir, length := range brains() {
		d, text := committed(t, dir)
		if d.Terms() != length-1 {
			t.Errorf("%s: %d terms for a vector of %d", dir, d.Terms(), length)
		}
		for i, term := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
			if got, ok := d.Find([]byte(term)); !ok || got != i {
				t.Fatalf("%s: %q is on line %d, found %d, %v", dir, term, i, got, ok)
			}
			if got, ok := d.Find([]byte(term + "\x01")); ok {
				t.Fatalf("%s: %q is found on line %d", dir, term+"\x01", got)
			}
		}
	}
}

func TestVector(t *testing.T) {
	d, err := features.ParseDictionary("!good\nbad\ngood\nso good\n")
	if err != nil {
		t.Fatal(err)
	}
	x, err := d.Vector("Good, so good", 8)
	if err != nil {
		t.Fatal(err)
	}
	norm := math.Sqrt(1 + 0.7*0.7)
	if want := []float64{1, 0, 0, 1 / norm, 0.7 / norm, 0, 0, 0}; !slices.Equal(x, want) {
		t.Errorf("got %v, want %v", x, want)
	}
	if _, err := d.Vector("xyz", 8); !errors.Is(err, features.ErrUnknown) {
		t.Errorf("unknown words: %v", err)
	}
	if _, err := d.Vector("good", 4); !errors.Is(err, features.ErrLength) {
		t.Errorf("too short a vector: %v", err)
	}
}

func TestConfidence(t *testing.T) {
	for score, want := range map[float64]float64{0: 0.5, 1: 0.731059, -1: 0.731059, 1e9: 1} {
		if got := features.Confidence(score); math.Abs(got-want) > 1e-6 {
			t.Errorf("confidence of %v is %v, want %v", score, got, want)
		}
	}
}

// checkVector checks what the encryption relies on for every text.
func checkVector(t *testing.T, d *features.Dictionary, text string) {
	t.Helper()
	x, err := d.Vector(text, d.Terms()+1)
	if errors.Is(err, features.ErrUnknown) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	var square float64
	for i, v := range x[1:] {
		if !(v >= 0 && v <= 1) {
			t.Fatalf("element %d is %v", 1+i, v)
		}
		square += v * v
	}
	if x[0] != 1 || math.Abs(square-1) > 1e-9 {
		t.Fatalf("constant %v, squared length %v", x[0], square)
	}
}

func TestHostileTexts(t *testing.T) {
	d, _ := committed(t, "..")
	for _, text := range []string{
		strings.Repeat("good ", 10000),
		strings.Repeat("g", 100000),
		strings.Repeat("'", 100000),
		strings.Repeat("n't", 5000),
		strings.Repeat("-lrb-", 5000),
		strings.Repeat("\xff\xfe", 5000),
		strings.Repeat("a.", 5000),
		"not " + strings.Repeat("é", 5000),
	} {
		checkVector(t, d, text)
	}
}

func FuzzVector(f *testing.F) {
	d, _ := committed(f, "..")
	for _, text := range []string{
		"a fine film", "it's n't", "\xc3\x28 but yet but", "…’“-rrb-", "0's's", "x'n't", "i'd've",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tokens := features.Tokens(text)
		joined := join(tokens)
		if again := join(features.Tokens(joined)); len(joined) < features.TextBytesMax &&
			again != joined {
			t.Fatalf("tokens %q become %q", joined, again)
		}
		for _, token := range tokens {
			if len(token) == 0 || bytes.ContainsAny(token, " \n") ||
				(len(token) > 1 && (token[0] == '!' || token[0] == '#')) {
				t.Fatalf("token %q", token)
			}
		}
		checkVector(t, d, text)
	})
}

func FuzzParseDictionary(f *testing.F) {
	f.Add("a\nb\n", "a", "\x00\x00\x00\x00")
	f.Add("\n", "", "")
	f.Fuzz(func(t *testing.T, text, term, index string) {
		if loose, err := features.OpenDictionary(text, index); err == nil {
			loose.Find([]byte(term)) // it may find nothing, but must come back
		}
		parsed, err := features.ParseDictionary(text)
		if err != nil {
			return
		}
		want := -1
		if text != "" {
			want = slices.Index(strings.Split(strings.TrimSuffix(text, "\n"), "\n"), term)
		}
		opened, err := features.OpenDictionary(text, parsed.Index())
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range []*features.Dictionary{parsed, opened} {
			if got, ok := d.Find([]byte(term)); ok != (want >= 0) || (ok && got != want) {
				t.Fatalf("%q in %q: %d, %v; want %d", term, text, got, ok, want)
			}
		}
	})
}

func BenchmarkVector(b *testing.B) {
	d, _ := committed(b, "../../sentiment-large")
	text := strings.Repeat("an odd but likeable film that n't quite finds its feet . ", 10)
	for b.Loop() {
		if _, err := d.Vector(text, d.Terms()+1); err != nil {
			b.Fatal(err)
		}
	}
}
