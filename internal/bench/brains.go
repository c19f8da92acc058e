package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/fhe"
	"github.com/cerberus-host/cerberus/host/hostcall"
	"github.com/cerberus-host/cerberus/host/runtime"
)

// brainFile is a built Brain.
type brainFile struct {
	name          string
	module, model []byte
}

// readBrains reads the modules of a folder and the models beside them, in the order of
// their names.
func readBrains(dir string) ([]brainFile, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.wasm"))
	if err != nil {
		return nil, fmt.Errorf("folder of Brains: %w", err)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("there is no Brain in %s: run `make build` or give --brains", dir)
	}
	slices.Sort(paths)
	var out []brainFile
	for _, path := range paths {
		b := brainFile{name: strings.TrimSuffix(filepath.Base(path), ".wasm")}
		if b.module, err = os.ReadFile(path); err != nil {
			return nil, fmt.Errorf("read Brain: %w", err)
		}
		b.model, err = os.ReadFile(strings.TrimSuffix(path, ".wasm") + ".model")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read Brain: %w", err)
		}
		out = append(out, b)
	}
	return out, nil
}

// question is a request to one of the shipped Brains.
type question struct {
	brain string
	// label tells the questions of one Brain apart in figures.
	label   string
	request string
	// asked bounds are those that the project sets itself for this question.
	executeAsked, uploadAsked string
}

// questions returns the requests to a Brain that figures are measured with; none for one
// that does not ship.
func questions(brain string) []question {
	const review = `{"text":"a joy from start to end , with a heart as big as its jokes"}`
	all := []question{
		{"sentiment", "sentiment", review, "<= 5 ms", "<= 300 KB"},
		{"sentiment-large", "sentiment-large", review, "", "<= 1500 KB"},
		{
			"medical", "medical, breast", `{"exam":"breast","features":{"radius_mean":20.6,` +
				`"texture_mean":25.1,"perimeter_mean":136,"area_mean":1320,"concavity_mean":0.21}}`,
			"<= 400 ms", "",
		},
		{
			"medical", "medical, heart", `{"exam":"heart","features":{"age":45,"sex":0,"cp":3,` +
				`"trestbps":118,"chol":205,"thalach":170,"oldpeak":0}}`,
			"<= 400 ms", "",
		},
	}
	return slices.DeleteFunc(all, func(q question) bool { return q.brain != brain })
}

// prepared is a question, checked against its Brain.
type prepared struct {
	question

	module *runtime.Module
	model  fhe.Model
	args   abi.Args
	req    *hostcall.Request
}

// prepare loads the Brains and checks the questions to them.
func (b *bench) prepare(ctx context.Context, sandbox *runtime.Runtime) ([]prepared, error) {
	var out []prepared
	for _, file := range b.brains {
		module, err := sandbox.Load(ctx, file.module)
		if err != nil {
			return nil, fmt.Errorf("load %s: %w", file.name, err)
		}
		for _, q := range questions(file.name) {
			p := prepared{question: q, module: module}
			if file.model != nil {
				p.model = fhe.ReadModel(file.model)
			}
			p.req, err = hostcall.ParseRequest(module.Manifest(), []byte(q.request))
			if err != nil {
				return nil, fmt.Errorf("question to %s: %w", q.label, err)
			}
			if p.args, err = hostcall.PublicArgs(module.Manifest(), p.req); err != nil {
				return nil, fmt.Errorf("question to %s: %w", q.label, err)
			}
			out = append(out, p)
		}
	}
	return out, nil
}
