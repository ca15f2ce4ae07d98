// Every plugin of this repository joins the suites that prove plugins right.

package core_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// suites are what a package must call in its tests, by what it calls or has in its code.
var suites = []struct {
	has   string
	calls []string
}{
	{"sdk.SourcePlugin", []string{"sdktest.TestSource"}},
	{"sdk.SourceOf", []string{"sdktest.TestSource"}},
	{"sdk.TransformPlugin", []string{"sdktest.TestTransform"}},
	{"sdk.TransformOf", []string{"sdktest.TestTransform"}},
	{"sdk.SinkPlugin", []string{"sdktest.TestSink", "sdktest.CrashSink"}},
	{"method Guarantee", []string{"sdktest.TestSink", "sdktest.CrashSink"}}, // a sink of the host's own
	{"a transform with state", []string{"sdktest.TestTransform", "sdktest.CrashTransform"}},
}

// names lists the qualified names that some files of a folder use.
func names(t *testing.T, dir string, tests bool) []string {
	t.Helper()
	var out []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") != tests {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, namesIn(file)...)
	}
	return out
}

// namesIn lists the qualified names in a file. That it has a method Transform, Commit or Guarantee
// is one too.
func namesIn(file *ast.File) []string {
	var out []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok {
				out = append(out, x.Name+"."+n.Sel.Name)
			}
		case *ast.FuncDecl:
			if n.Recv != nil && slices.Contains([]string{"Transform", "Commit", "Guarantee"}, n.Name.Name) {
				out = append(out, "method "+n.Name.Name)
			}
		}
		return true
	})
	return out
}

// missing lists the suites that code has to join and its tests do not.
func missing(code, tests []string) []string {
	if slices.Contains(code, "method Transform") && slices.Contains(code, "method Commit") {
		code = append(code, "a transform with state")
	}
	var out []string
	for _, s := range suites {
		for _, call := range s.calls {
			if slices.Contains(code, s.has) && !slices.Contains(tests, call) {
				out = append(out, s.has+" without "+call)
			}
		}
	}
	return out
}

// TestEveryPluginJoinsTheSuites leaves out what plugins share: it is tested as a part of each.
func TestEveryPluginJoinsTheSuites(t *testing.T) {
	t.Parallel()
	plugins := 0
	for _, root := range []string{"../plugins", "../examples", "."} {
		err := filepath.WalkDir(root, func(dir string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			if d.Name() == "testdata" || dir == "internal" || dir == filepath.Join("..", "plugins", "internal") {
				return fs.SkipDir
			}
			code := names(t, dir, false)
			if slices.ContainsFunc(suites, func(s struct {
				has   string
				calls []string
			}) bool {
				return slices.Contains(code, s.has)
			}) {
				plugins++
			}
			for _, m := range missing(code, names(t, dir, true)) {
				t.Errorf("%s has %s: it is a line in a test, see sdk/sdktest", dir, m)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if plugins < 9 {
		t.Errorf("only %d plugins were found: the shipped ones alone are more", plugins)
	}
}

func TestMissingSuites(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code, tests []string
		want        int
	}{
		{nil, nil, 0},
		{[]string{"sdk.SinkPlugin"}, nil, 2},
		{[]string{"sdk.SinkPlugin"}, []string{"sdktest.TestSink"}, 1},
		{[]string{"sdk.SinkPlugin", "method Commit"}, []string{"sdktest.TestSink", "sdktest.CrashSink"}, 0},
		{[]string{"method Guarantee", "method Commit"}, []string{"sdktest.TestSink"}, 1},
		{[]string{"sdk.TransformPlugin", "method Transform"}, []string{"sdktest.TestTransform"}, 0},
		{[]string{"sdk.TransformPlugin", "method Transform", "method Commit"}, []string{"sdktest.TestTransform"}, 1},
	} {
		if got := missing(c.code, c.tests); len(got) != c.want {
			t.Errorf("%v with tests %v: %v, want %d", c.code, c.tests, got, c.want)
		}
	}
}
