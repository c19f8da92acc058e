package tidy

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// fileBytesMax bounds the files that Load reads. Larger ones are models and data,
// which no text rule is about.
const fileBytesMax = 1 << 20

// Finding is one place that breaks a rule.
type Finding struct {
	// Rule is the name of the rule, as Exceptions uses it.
	Rule string
	// Path is relative to the root of the tree, with slashes.
	Path string
	// Line counts from 1; 0 means the file as a whole.
	Line int
	// Name is what an exception names besides the path: a function, an import path.
	// It is empty where the file as a whole breaks the rule.
	Name string
	// Text says what is wrong and what to do.
	Text string
}

// String returns the finding in the form of a compiler's message.
func (f Finding) String() string {
	return fmt.Sprintf("%s:%d: %s [%s %s]", f.Path, f.Line, f.Text, f.Rule, f.Name)
}

// File is a text file of the tree.
type File struct {
	// Path is relative to the root of the tree, with slashes.
	Path string
	// Data is the whole content. Checks only read it.
	Data []byte
}

// Tree is the repository as the checks see it: sorted, without what is built,
// fetched or binary. It is safe for concurrent use once made.
type Tree struct {
	// Root is the folder that holds go.mod.
	Root string
	// Files are the text files, sorted by path.
	Files []File

	paths map[string]bool // every file and folder, also those not read
}

// Load reads the tree below root. It leaves out what .gitignore leaves out and the
// folders of package managers.
func Load(root string) (*Tree, error) {
	t := &Tree{Root: root, paths: map[string]bool{".": true}}
	err := filepath.WalkDir(root, func(full string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, full)
		if err != nil {
			return fmt.Errorf("walk: %w", err)
		}
		return t.add(full, filepath.ToSlash(rel), entry)
	})
	if err != nil {
		return nil, fmt.Errorf("load tree: %w", err)
	}
	slices.SortFunc(t.Files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return t, nil
}

// FromFiles returns a tree that exists only in memory, for the tests of the rules.
func FromFiles(files map[string]string) *Tree {
	t := &Tree{paths: map[string]bool{".": true}}
	for name, data := range files {
		t.Files = append(t.Files, File{Path: name, Data: []byte(data)})
		for ; name != "."; name = path.Dir(name) {
			t.paths[name] = true
		}
	}
	slices.SortFunc(t.Files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return t
}

// Has reports whether the tree has a file or folder at the path.
func (t *Tree) Has(name string) bool { return t.paths[path.Clean(name)] }

// Under returns the files below a folder, in order.
func (t *Tree) Under(folder string) []File {
	var found []File
	for _, f := range t.Files {
		if strings.HasPrefix(f.Path, folder+"/") {
			found = append(found, f)
		}
	}
	return found
}

// File returns the file at the path, or nil.
func (t *Tree) File(name string) *File {
	i, ok := slices.BinarySearchFunc(t.Files, name, func(f File, name string) int {
		return cmp.Compare(f.Path, name)
	})
	if !ok {
		return nil
	}
	return &t.Files[i]
}

func (t *Tree) add(full, rel string, entry fs.DirEntry) error {
	if entry.IsDir() {
		if skipFolder(rel) {
			return filepath.SkipDir
		}
		t.paths[rel] = true
		return nil
	}
	if !entry.Type().IsRegular() {
		return nil
	}
	t.paths[rel] = true
	if !isText(rel) {
		return nil
	}
	info, err := entry.Info()
	if err != nil {
		return fmt.Errorf("stat %s: %w", rel, err)
	}
	if info.Size() > fileBytesMax {
		return nil
	}
	data, err := os.ReadFile(full)
	if err != nil {
		return fmt.Errorf("read %s: %w", rel, err)
	}
	t.Files = append(t.Files, File{Path: rel, Data: data})
	return nil
}

func skipFolder(rel string) bool {
	return rel == "bin" || rel == "dist" || rel == ".git" || path.Base(rel) == "node_modules"
}

// isText goes by name, so that a wrong byte in a source file is still found.
func isText(rel string) bool {
	if path.Base(rel) == "Makefile" || strings.HasPrefix(rel, ".ci/") {
		return true
	}
	switch path.Ext(rel) {
	case ".go", ".mod", ".md", ".proto", ".yaml", ".yml", ".toml", ".sh", ".sha256",
		".rs", ".c", ".h", ".cu", ".ts", ".tsx", ".css", ".html", ".json", ".txt", ".txtar":
		return true
	default:
		return false
	}
}
