// Load: the steps from the file to the pipeline.

package config

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// loader holds what the steps of one Load share.
type loader struct {
	options Options
	file    string // as given
	dir     string // absolute
	out     string // where sinks write in a replay; "": where the file says
	src     []byte
	secrets secrets
	scope   *hcl.EvalContext
	found   hcl.Diagnostics
	late    []Secret
	sandbox string // level in the pipeline block
	own     []ownPlace
	budget  *budget
}

// Load reads and checks a pipeline file. The pipeline is nil if one of the diagnostics is an error.
// All errors are reported, except that a syntax error ends the check.
func Load(ctx context.Context, file string, o Options) (*Pipeline, Diagnostics) {
	l := &loader{options: o, file: file, secrets: secrets{}, budget: newBudget(ctx)}
	body, ok := l.parse()
	if !ok {
		return nil, l.diagnostics()
	}
	root := l.split(body)
	l.evaluateVariables(root.variables)
	l.evaluateSecrets(root.secrets)
	l.evaluateLocals(root.locals)
	p := &Pipeline{File: file, Dir: l.dir}
	plugins := l.pipelineBlock(p, root.pipeline)
	l.stages(ctx, p, root, plugins)
	p.Secrets, p.Late = l.secrets.list(), l.late
	diagnostics := l.diagnostics()
	if diagnostics.HasErrors() {
		return nil, diagnostics
	}
	return p, diagnostics
}

// withoutEchoes keeps only the first report of an unclosed quote, because the parser then confuses
// opening and closing quotes after it.
func withoutEchoes(found hcl.Diagnostics) hcl.Diagnostics {
	for i, d := range found {
		if d.Summary == "Invalid multi-line string" {
			return found[:i+1]
		}
	}
	return found
}

// root has the file's blocks by type, each in the order of the file.
type root struct {
	variables, secrets, locals, pipeline, sources, transforms, sinks []*hclsyntax.Block
}

// parse reads the file and its syntax.
func (l *loader) parse() (*hclsyntax.Body, bool) {
	dir, err := filepath.Abs(filepath.Dir(l.file))
	if err != nil {
		l.failGiven("", "pipeline file %s: its folder: %v", l.file, err)
		return nil, false
	}
	l.dir = dir
	l.own = l.ownPlaces()
	if l.src, err = read(l.file); err != nil {
		hint := ""
		if errors.Is(err, errNoFile) {
			hint = suggestFile(l.file)
		}
		l.failGiven(hint, "pipeline file %s: %v", l.file, err)
		return nil, false
	}
	if at, deep := tooDeep(l.src, l.file); deep {
		l.fail(at, "", "expressions or blocks nest too deep")
		return nil, false
	}
	parsed, found := hclsyntax.ParseConfig(l.src, l.file, hcl.InitialPos)
	if found.HasErrors() {
		l.report(withoutEchoes(found))
		return nil, false
	}
	body, ok := parsed.Body.(*hclsyntax.Body)
	return body, ok
}

// split sorts the file's blocks by type.
func (l *loader) split(body *hclsyntax.Body) root {
	var r root
	kinds := map[string]*[]*hclsyntax.Block{
		"variable": &r.variables, "secret": &r.secrets, "locals": &r.locals, "pipeline": &r.pipeline,
		"source": &r.sources, "transform": &r.transforms, "sink": &r.sinks,
	}
	names := []string{"variable", "secret", "locals", "pipeline", "source", "transform", "sink"}
	for _, b := range body.Blocks {
		if list := kinds[b.Type]; list != nil {
			*list = append(*list, b)
			continue
		}
		l.fail(b.TypeRange, didYouMean(b.Type, names), "there is no block type %q", b.Type)
	}
	for _, a := range body.Attributes {
		hint := "settings stand in a block: source, transform, sink or pipeline"
		if slices.Contains(names, a.Name) {
			hint = "it is a block: leave out the equals sign"
		}
		l.fail(a.NameRange, hint, "%q cannot stand here", a.Name)
	}
	l.once(r.pipeline, "pipeline")
	l.once(r.sources, "source")
	return r
}

// once reports every block after the first.
func (l *loader) once(blocks []*hclsyntax.Block, what string) {
	for i, b := range blocks {
		if i > 0 {
			l.fail(b.DefRange(), "the first is at "+l.pos(blocks[0].TypeRange), "a second %s block: a pipeline has one",
				what)
		}
	}
}

// pos formats a place for people: "jira.hcl:12".
func (l *loader) pos(at hcl.Range) string {
	return fmt.Sprintf("%s:%d", filepath.Base(l.file), at.Start.Line)
}

func sortByPlace(d Diagnostics) {
	slices.SortStableFunc(d, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Summary, b.Summary))
	})
}
