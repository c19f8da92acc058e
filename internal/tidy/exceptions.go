package tidy

import "fmt"

// Exception lets one place break one rule. The reason is for the reader who wonders
// whether it still holds.
type Exception struct {
	// Rule, Path and Name must equal those of the Finding.
	Rule, Path, Name string
	// Reason says why the rule does not serve here.
	Reason string
}

// Exceptions is the whole list, by rule and path.
func Exceptions() []Exception {
	return []Exception{
		{
			Rule: "clock", Path: "client/client.go", Name: "New",
			Reason: "the default of Config.Now; whoever needs repeatable times sets the field",
		},
		{
			Rule: "panic", Path: "host/runtime/bind.go", Name: "stop",
			Reason: "the runtime has no other way to end a guest within a host function; it " +
				"recovers and returns the error to the caller of the guest",
		},
	}
}

// Filter returns the findings that no exception names, then one finding for each
// exception that names nothing or gives no reason.
func Filter(findings []Finding, exceptions []Exception) []Finding {
	used := make([]bool, len(exceptions))
	var left []Finding
	for _, f := range findings {
		excepted := false
		for i, e := range exceptions {
			if e.Rule == f.Rule && e.Path == f.Path && e.Name == f.Name {
				used[i], excepted = true, true
			}
		}
		if !excepted {
			left = append(left, f)
		}
	}
	for i, e := range exceptions {
		switch {
		case !used[i]:
			left = append(left, Finding{
				Rule: "exception", Path: e.Path, Name: e.Name,
				Text: fmt.Sprintf("nothing breaks the rule %q here any more: delete the exception", e.Rule),
			})
		case e.Reason == "":
			left = append(left, Finding{
				Rule: "exception", Path: e.Path, Name: e.Name, Text: "an exception needs a reason",
			})
		}
	}
	return left
}
