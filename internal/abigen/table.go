package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
)

// errShape is returned for a parameter that no rule of [arguments] covers.
var errShape = errors.New("parameter shape unknown to the generator")

// argument is one parameter of the Go method: it stands for one or two of the table's.
type argument struct {
	name   string
	goType string
	// raw holds the parameters of the import stub and pass the expressions that the
	// method hands to it.
	raw, pass []string
}

// row is a function of the table with its Go form.
type row struct {
	abi.Function
	method string
	args   []argument
	result string
}

// element returns the Go type of an array's elements; the table's Doc says which arrays do
// not hold bytes.
func element(function, param string) string {
	switch function + "." + param {
	case "encode_put.values", "result.buf":
		return "float64"
	case "constant.values":
		return "int64"
	default:
		return "byte"
	}
}

func tableRows() ([]row, error) {
	var rows []row
	for _, f := range abi.Functions() {
		args, err := arguments(f)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{
			Function: f, method: camel(f.Name), args: args, result: goNumber(f.Result),
		})
	}
	return rows, nil
}

// arguments folds pointer and length into the Go value that they stand for: text_ptr and
// text_len into a string, buf_ptr and buf_cap or values_ptr and count into a slice, out_ptr
// into a pointer to a number.
func arguments(f abi.Function) ([]argument, error) {
	var out []argument
	for i := 0; i < len(f.Params); i++ {
		p := f.Params[i]
		base, isPointer := strings.CutSuffix(p.Name, "_ptr")
		if !isPointer {
			t := goNumber(p.Type)
			out = append(out, argument{p.Name, t, []string{p.Name + " " + t}, []string{p.Name}})
			continue
		}
		next := ""
		if i+1 < len(f.Params) {
			next = f.Params[i+1].Name
		}
		switch {
		case p.Type != abi.I32:
			return nil, fmt.Errorf("%w: %s.%s is no i32", errShape, f.Name, p.Name)
		case base == "out":
			out = append(out, argument{
				base, "*float64", []string{"out unsafe.Pointer"}, []string{"unsafe.Pointer(out)"},
			})
		case next == base+"_len":
			out = append(out, argument{base, "string", []string{base + " string"}, []string{base}})
			i++
		case next == base+"_cap" || next == "count":
			out = append(out, argument{
				base, "[]" + element(f.Name, base),
				[]string{base + " unsafe.Pointer", "count int32"},
				[]string{
					"unsafe.Pointer(unsafe.SliceData(" + base + "))", "int32(len(" + base + "))",
				},
			})
			i++
		default:
			return nil, fmt.Errorf("%w: %s.%s has no length beside it", errShape, f.Name, p.Name)
		}
	}
	return out, nil
}

func goNumber(t abi.ValueType) string {
	return map[abi.ValueType]string{abi.I32: "int32", abi.I64: "int64", abi.F64: "float64"}[t]
}

// camel turns a name of the ABI into that of a Go method.
func camel(name string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(name, "_") {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}

// constantDocs reads the doc comments of the constants of package abi, by name.
func constantDocs(dir string) (map[string]string, error) {
	docs := map[string]string{}
	for _, name := range []string{"errno.go", "limits.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil,
			parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("read constants: %w", err)
		}
		for _, decl := range f.Decls {
			group, ok := decl.(*ast.GenDecl)
			if !ok || group.Tok != token.CONST {
				continue
			}
			for _, s := range group.Specs {
				spec, ok := s.(*ast.ValueSpec)
				if ok && spec.Doc != nil {
					docs[spec.Names[0].Name] = strings.Join(strings.Fields(spec.Doc.Text()), " ")
				}
			}
		}
	}
	return docs, nil
}
