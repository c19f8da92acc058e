package attest

import (
	"strings"

	"github.com/cerberus-host/cerberus/abi"
)

// reader takes a text apart line by line. After the first error it returns zero values. What
// it accepts too much of, the comparison with the printed form refuses.
type reader struct {
	rest string
	line int
	err  error
}

func (r *reader) failf(field, format string, args ...any) {
	if r.err == nil {
		r.err = formatError(field, format, args...)
	}
}

// next returns the next line without its end.
func (r *reader) next(field string) string {
	if r.err != nil {
		return ""
	}
	line, rest, ok := strings.Cut(r.rest, "\n")
	if !ok {
		r.failf(field, "the text ends after line %d", r.line)
		return ""
	}
	r.rest = rest
	r.line++
	return line
}

// header takes a line that has no value.
func (r *reader) header(want string) {
	if got := r.next(want); r.err == nil && got != want {
		r.failf(want, "line %d is %.40q", r.line, got)
	}
}

// word takes a line and returns its value.
func (r *reader) word(field string) string {
	line := r.next(field)
	value, ok := strings.CutPrefix(line, field+" ")
	if r.err == nil && !ok {
		r.failf(field, "line %d is %.40q", r.line, line)
	}
	return value
}

// follows reports whether the next line has that field.
func (r *reader) follows(field string) bool {
	return r.err == nil && strings.HasPrefix(r.rest, field+" ")
}

func (r *reader) digest(field string) abi.Digest { return r.toDigest(field, r.word(field)) }

func (r *reader) toDigest(field, word string) abi.Digest {
	if r.err != nil {
		return abi.Digest{}
	}
	d, err := abi.ParseDigest(word)
	if err != nil {
		r.failf(field, "%v", err)
	}
	return d
}

func (r *reader) optionalDigest(field string) abi.Digest {
	word := r.word(field)
	if word == none {
		return abi.Digest{}
	}
	d := r.toDigest(field, word)
	if r.err == nil && d.IsZero() {
		r.failf(field, "a missing digest is %q", none)
	}
	return d
}

func (r *reader) args() abi.Args {
	var args abi.Args
	for r.follows("arg") {
		if len(args) == ArgsMax {
			r.failf("arg", "more than %d", ArgsMax)
			return nil
		}
		name, value, ok := strings.Cut(r.word("arg"), "=")
		if !ok {
			r.failf("arg", "line %d is not name=value", r.line)
		}
		args = append(args, abi.Arg{Name: name, Value: value})
	}
	return args
}

func (r *reader) named(field string, most int) []NamedDigest {
	var list []NamedDigest
	for r.follows(field) {
		if len(list) == most {
			r.failf(field, "more than %d", most)
			return nil
		}
		digest, name, _ := strings.Cut(r.word(field), " ")
		list = append(list, NamedDigest{Name: name, Digest: r.toDigest(field, digest)})
	}
	return list
}

func (r *reader) task(field string) [32]byte {
	word := r.word(field)
	if r.err != nil {
		return [32]byte{}
	}
	t, err := abi.ParseTaskID(word)
	if err != nil {
		r.failf(field, "%v", err)
	}
	return t
}

func (r *reader) address(field string) abi.Address {
	word := r.word(field)
	if r.err != nil {
		return abi.Address{}
	}
	a, err := abi.ParseAddress(word)
	if err != nil {
		r.failf(field, "%v", err)
	}
	return a
}

func (r *reader) count(field string) int64 {
	word := r.word(field)
	if r.err != nil {
		return 0
	}
	v, ok := decimal(word)
	if !ok {
		r.failf(field, "%.40q is no count", word)
	}
	return v
}

// end returns the first error, or one if something is left.
func (r *reader) end() error {
	if r.err == nil && r.rest != "" {
		r.failf("text", "%d bytes follow its last line", len(r.rest))
	}
	return r.err
}
