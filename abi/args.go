package abi

import (
	"fmt"
	"slices"
	"strings"
)

// Arg is one public argument of a task: it leaves the client's machine in clear.
type Arg struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Args is a list of public arguments, sorted by name, names unique. The zero value means
// "no public arguments".
type Args []Arg

// NewArgs sorts and checks a list of public arguments.
func NewArgs(list []Arg) (Args, error) {
	out := slices.Clone(list)
	slices.SortFunc(out, func(a, b Arg) int { return strings.Compare(a.Name, b.Name) })
	for i, a := range out {
		if !ValidName(a.Name) || !ValidName(a.Value) {
			return nil, fmt.Errorf("%w: public argument %.80q=%.80q is not a pair of names",
				ErrRequest, a.Name, a.Value)
		}
		if i > 0 && out[i-1].Name == a.Name {
			return nil, fmt.Errorf("%w: public argument %q is given twice", ErrRequest, a.Name)
		}
	}
	return Args(out), nil
}

// Get returns the value of a public argument.
func (a Args) Get(name string) (string, bool) {
	for _, x := range a {
		if x.Name == name {
			return x.Value, true
		}
	}
	return "", false
}

// String returns the canonical text: name=value pairs joined by commas, "" for none.
func (a Args) String() string {
	parts := make([]string, len(a))
	for i, x := range a {
		parts[i] = x.Name + "=" + x.Value
	}
	return strings.Join(parts, ",")
}

// ParseArgs reads what String returns.
func ParseArgs(s string) (Args, error) {
	if s == "" {
		return nil, nil
	}
	var list []Arg
	for part := range strings.SplitSeq(s, ",") {
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			return nil, fmt.Errorf("%w: %.80q is not name=value", ErrRequest, part)
		}
		list = append(list, Arg{Name: name, Value: value})
	}
	return NewArgs(list)
}

// Equal reports whether both lists hold the same pairs.
func (a Args) Equal(b Args) bool { return slices.Equal(a, b) }

// ValidName reports whether s can be a name: 1 to [NameBytesMax] bytes of letters, digits,
// "_", "-", "." and inner spaces, which can be printed, compared and put into a canonical
// text as they are.
func ValidName(s string) bool {
	if len(s) == 0 || len(s) > NameBytesMax || s[0] == ' ' || s[len(s)-1] == ' ' {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '_', c == '-', c == '.', c == ' ':
		default:
			return false
		}
	}
	return true
}
