// Measuring: packages are listed by go, parsed and type-checked against the export data of what
// they import.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// pkg is a package and what was found of it.
type pkg struct {
	path               string
	files              []string // in the order in which the fewest arrows run back up
	lines              int
	long, longComments int
	functions          []int // how long they are
	interfaces         []iface
	arrows, back       []arrow
}

type iface struct {
	name    string
	methods int
}

// arrow leads from a file to one whose names it uses.
type arrow struct {
	from, to int // places in files
	names    []string
}

// listed is what go list says of a package.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	DepOnly                 bool
}

func measure(dir string, patterns []string, members bool) ([]pkg, error) {
	cmd := exec.CommandContext(context.Background(), "go",
		append([]string{"list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,DepOnly", "--"},
			patterns...)...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	exports := map[string]string{}
	var chosen []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var l listed
		if err := dec.Decode(&l); err != nil {
			return nil, err
		}
		if exports[l.ImportPath] = l.Export; !l.DepOnly && len(l.GoFiles) > 0 {
			chosen = append(chosen, l)
		}
	}
	fset := token.NewFileSet()
	imports := importer.ForCompiler(fset, "gc",
		func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	var all []pkg
	for _, l := range chosen {
		p, err := measureOne(fset, imports, l, members)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.ImportPath, err)
		}
		all = append(all, p)
	}
	return all, nil
}

func measureOne(fset *token.FileSet, imports types.Importer, l listed, members bool) (pkg, error) {
	p := pkg{path: l.ImportPath}
	var parsed []*ast.File
	for _, name := range l.GoFiles {
		raw, err := os.ReadFile(filepath.Join(l.Dir, name))
		if err != nil {
			return p, err
		}
		f, err := parser.ParseFile(fset, filepath.Join(l.Dir, name), raw, parser.ParseComments)
		if err != nil {
			return p, err
		}
		if parsed = append(parsed, f); !ast.IsGenerated(f) {
			p.files = append(p.files, name)
			p.measureLines(string(raw))
			p.measureFunctions(fset, f)
		}
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	checked, err := (&types.Config{Importer: imports}).Check(l.ImportPath, fset, parsed, info)
	if err != nil {
		return p, err
	}
	p.measureInterfaces(checked)
	p.measureArrows(fset, checked, info, members)
	return p, nil
}

func (p *pkg) measureLines(text string) {
	for line := range strings.Lines(text) {
		p.lines++
		length, comment := utf8.RuneCountInString(strings.TrimRight(line,
			"\r\n")), strings.HasPrefix(strings.TrimSpace(line), "//")
		switch {
		case comment && length > 100:
			p.longComments++
		case !comment && length > 120:
			p.long++
		}
	}
}

func (p *pkg) measureFunctions(fset *token.FileSet, f *ast.File) {
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			p.functions = append(p.functions, fset.Position(fn.End()).Line-fset.Position(fn.Pos()).Line+1)
		}
	}
}

func (p *pkg) measureInterfaces(checked *types.Package) {
	scope := checked.Scope()
	for _, name := range scope.Names() {
		if t, ok := scope.Lookup(name).(*types.TypeName); ok && !t.IsAlias() {
			if i, ok := t.Type().Underlying().(*types.Interface); ok {
				p.interfaces = append(p.interfaces, iface{name, i.NumMethods()})
			}
		}
	}
}

// member reports whether something is a method or a field.
func member(obj types.Object) bool {
	switch obj := obj.(type) {
	case *types.Var:
		return obj.IsField()
	case *types.Func:
		return obj.Signature().Recv() != nil
	}
	return false
}

// measureArrows finds the arrows, and puts the files in order.
func (p *pkg) measureArrows(fset *token.FileSet, checked *types.Package, info *types.Info, members bool) {
	place := func(pos token.Pos) int { return slices.Index(p.files, filepath.Base(fset.Position(pos).Filename)) }
	names := map[[2]int][]string{}
	for id, obj := range info.Uses {
		if obj.Parent() != checked.Scope() && !(members && obj.Pkg() == checked && member(obj)) {
			continue
		}
		from, to := place(id.Pos()), place(obj.Pos())
		if between := [2]int{from, to}; from >= 0 && to >= 0 && from != to &&
			!slices.Contains(names[between], obj.Name()) {
			names[between] = append(names[between], obj.Name())
		}
	}
	below := make([]map[int]bool, len(p.files))
	for between := range names {
		if below[between[0]] == nil {
			below[between[0]] = map[int]bool{}
		}
		below[between[0]][between[1]] = true
	}
	order := arrange(below)
	at := make([]int, len(order))
	files := make([]string, len(order))
	for i, f := range order {
		at[f], files[i] = i, p.files[f]
	}
	p.files = files
	for between, used := range names {
		slices.Sort(used)
		a := arrow{at[between[0]], at[between[1]], used}
		if p.arrows = append(p.arrows, a); a.from > a.to {
			p.back = append(p.back, a)
		}
	}
	slices.SortFunc(p.back, func(a, b arrow) int { return (a.from-b.from)*len(p.files) + a.to - b.to })
}
