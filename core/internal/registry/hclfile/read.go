// Reading: the blocks and attributes of a file, each requested by name.

package hclfile

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// File is a file being read. It collects errors; Err returns them.
type File struct {
	path   string
	errors Errors
	root   *Body
}

// Body is the content of a file or block. Done reports what was not requested.
type Body struct {
	file  *File
	title string // for messages: `plugin "…"`; "" for the file
	line  int
	body  *hclsyntax.Body
	asked []string
}

// Read reads the file. The error is fs.ErrNotExist if it is missing.
func Read(path string) (*File, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	raw, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(raw) > maxFile:
		return nil, fmt.Errorf("%s: longer than %d bytes", path, maxFile)
	}
	return Parse(path, raw)
}

// maxDepth bounds the nesting of brackets, because the parser is recursive.
const maxDepth = 50

// Parse parses the content of a file. path is for messages.
func Parse(path string, raw []byte) (*File, error) {
	f := &File{path: path}
	for _, mark := range []string{"<<<<<<< ", ">>>>>>> "} {
		if i := bytes.Index(append([]byte("\n"), raw...), []byte("\n"+mark)); i >= 0 {
			return nil, Errors{{path, 1 + bytes.Count(raw[:i], []byte("\n")), errConflict.Error()}}
		}
	}
	depth := 0
	for i, c := range raw {
		if c == '{' || c == '[' || c == '(' {
			depth++
		} else if c == '}' || c == ']' || c == ')' {
			depth--
		}
		if depth > maxDepth {
			return nil, Errors{{path, 1 + bytes.Count(raw[:i], []byte("\n")), "brackets nest too deep"}}
		}
	}
	parsed, found := hclsyntax.ParseConfig(raw, path, hcl.InitialPos)
	if found.HasErrors() {
		for _, d := range found {
			f.report(d)
		}
		return nil, f.Err()
	}
	body, ok := parsed.Body.(*hclsyntax.Body)
	if !ok {
		return nil, fmt.Errorf("%s: not HCL in its own syntax", path)
	}
	// Refuse for expressions: nested ones can exhaust the memory, and the file may come with a
	// cloned repository.
	loops := hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n.(type) {
		case *hclsyntax.ForExpr, *hclsyntax.SplatExpr:
			at := n.Range()
			return hcl.Diagnostics{{Severity: hcl.DiagError,
				Summary: "a loop cannot stand here: this file holds values", Subject: &at}}
		}
		return nil
	})
	for _, d := range loops {
		f.report(d)
	}
	f.root = &Body{file: f, line: 1, body: body}
	return f, f.Err()
}

// Body returns the top level.
func (f *File) Body() *Body { return f.root }

// Fail adds an error.
func (f *File) Fail(line int, text string, args ...any) {
	f.errors = append(f.errors, &Error{f.path, line, fmt.Sprintf(text, args...)})
}

func (f *File) report(d *hcl.Diagnostic) {
	line := 1
	if d.Subject != nil {
		line = d.Subject.Start.Line
	}
	text := d.Summary
	if d.Detail != "" {
		text += ": " + d.Detail
	}
	f.Fail(line, "%s", strings.ToLower(text[:1])+strings.TrimSuffix(text[1:], "."))
}

// Err returns all errors, or nil.
func (f *File) Err() error {
	if len(f.errors) == 0 {
		return nil
	}
	slices.SortStableFunc(f.errors, func(a, b *Error) int { return cmp.Compare(a.Line, b.Line) })
	return f.errors
}

// Line returns the line of the attribute, or of the block if it is missing.
func (b *Body) Line(name string) int {
	if a := b.body.Attributes[name]; a != nil {
		return a.NameRange.Start.Line
	}
	return b.line
}

// Fail adds an error about an attribute.
func (b *Body) Fail(name, text string, args ...any) {
	b.file.Fail(b.Line(name), "%s", b.about(name)+fmt.Sprintf(text, args...))
}

func (b *Body) about(name string) string {
	text := ""
	if b.title != "" {
		text = b.title + ": "
	}
	if name != "" {
		text += name + ": "
	}
	return text
}

// value returns the value of an attribute; false: it is missing or invalid.
func (b *Body) value(name string) (cty.Value, bool) {
	b.asked = append(b.asked, name)
	a := b.body.Attributes[name]
	if a == nil {
		return cty.NilVal, false
	}
	v, found := a.Expr.Value(nil)
	switch {
	case found.HasErrors():
		for _, d := range found {
			b.file.report(d)
		}
		return cty.NilVal, false
	case !v.IsWhollyKnown() || v.IsNull():
		b.Fail(name, "it has no value")
		return cty.NilVal, false
	}
	return v, true
}

// Text returns a string attribute, or "" if it is missing.
func (b *Body) Text(name string) string {
	v, ok := b.value(name)
	if !ok {
		return ""
	}
	if v.Type() != cty.String {
		b.Fail(name, `want text in quotes`)
		return ""
	}
	return v.AsString()
}

// Need is Text for a required attribute.
func (b *Body) Need(name string) string {
	text := b.Text(name)
	if text == "" && b.body.Attributes[name] == nil {
		b.file.Fail(b.line, "%s%s is missing", b.about(""), name)
	}
	return text
}

// Whole returns a required integer attribute.
func (b *Body) Whole(name string) int {
	v, ok := b.value(name)
	if !ok {
		if b.body.Attributes[name] == nil {
			b.file.Fail(b.line, "%s%s is missing", b.about(""), name)
		}
		return 0
	}
	if v.Type() == cty.Number {
		if n, exact := v.AsBigFloat().Int64(); exact == 0 && n >= 0 && n < 1<<31 {
			return int(n)
		}
	}
	b.Fail(name, "want a whole number")
	return 0
}

// Flag returns a bool attribute.
func (b *Body) Flag(name string) bool {
	v, ok := b.value(name)
	if ok && v.Type() != cty.Bool {
		b.Fail(name, "want true or false")
		return false
	}
	return ok && v.True()
}

// Texts returns an attribute that is a list of strings.
func (b *Body) Texts(name string) []string {
	v, ok := b.value(name)
	if !ok {
		return nil
	}
	out, ok := texts(v)
	if !ok {
		b.Fail(name, `want a list such as ["…", "…"]`)
	}
	return out
}

func texts(v cty.Value) ([]string, bool) {
	if !v.Type().IsTupleType() {
		return nil, false
	}
	var out []string
	for _, one := range v.AsValueSlice() {
		if one.Type() != cty.String || one.IsNull() {
			return nil, false
		}
		out = append(out, one.AsString())
	}
	return out, true
}

// Row is one line of a table: name = { field = "…", field = "…" }.
type Row struct {
	Name   string
	Line   int
	Fields map[string]string
}

// Table returns an attribute that is an object of objects of strings, each with exactly these
// fields.
func (b *Body) Table(name string, fields ...string) []Row {
	b.asked = append(b.asked, name)
	a := b.body.Attributes[name]
	if a == nil {
		return nil
	}
	object, ok := a.Expr.(*hclsyntax.ObjectConsExpr)
	if !ok {
		b.Fail(name, "want { NAME = { %s = … } }", strings.Join(fields, " = …, "))
		return nil
	}
	var out []Row
	seen := map[string]bool{}
	for _, item := range object.Items {
		row, ok := b.row(item, fields)
		if ok && seen[row.Name] {
			b.file.Fail(row.Line, "%s%q is there twice", b.about(name), row.Name)
			continue
		}
		if ok {
			seen[row.Name] = true
			out = append(out, row)
		}
	}
	return out
}

func (b *Body) row(item hclsyntax.ObjectConsItem, fields []string) (Row, bool) {
	row := Row{Line: item.KeyExpr.Range().Start.Line, Fields: map[string]string{}}
	key, found := item.KeyExpr.Value(nil)
	v, more := item.ValueExpr.Value(nil)
	found = append(found, more...)
	for _, d := range found {
		b.file.report(d)
	}
	if found.HasErrors() {
		return Row{}, false
	}
	if key.Type() != cty.String || key.IsNull() || !key.IsKnown() || !v.Type().IsObjectType() || v.IsNull() {
		b.file.Fail(row.Line, "%swant NAME = { %s = … }", b.about(""), strings.Join(fields, " = …, "))
		return Row{}, false
	}
	row.Name = key.AsString()
	for field := range v.Type().AttributeTypes() {
		one := v.GetAttr(field)
		if !slices.Contains(fields, field) || one.Type() != cty.String || one.IsNull() {
			b.file.Fail(row.Line, "%s%s: %q is not one of %s, or no text", b.about(""), row.Name, field,
				strings.Join(fields, ", "))
			return Row{}, false
		}
		row.Fields[field] = one.AsString()
	}
	for _, field := range fields {
		if row.Fields[field] == "" {
			b.file.Fail(row.Line, "%s%s: %s is missing", b.about(""), row.Name, field)
			return Row{}, false
		}
	}
	return row, true
}

// Block returns the only block of a type, which has no label; nil: none.
func (b *Body) Block(name string) *Body {
	b.asked = append(b.asked, name)
	var out *Body
	for _, inner := range b.body.Blocks {
		switch {
		case inner.Type != name:
		case len(inner.Labels) > 0:
			b.file.Fail(inner.TypeRange.Start.Line, "%sthe block %s has no label", b.about(""), name)
		case out != nil:
			b.file.Fail(inner.TypeRange.Start.Line, "%sa second block %s; the first is in line %d", b.about(""), name,
				out.line)
		default:
			out = &Body{file: b.file, title: b.about("") + name, line: inner.TypeRange.Start.Line, body: inner.Body}
		}
	}
	return out
}

// Labelled is a block with a label.
type Labelled struct {
	Label string
	Line  int
	*Body
}

// Blocks returns the blocks of a type, each with one label.
func (b *Body) Blocks(name string) []Labelled {
	b.asked = append(b.asked, name)
	var out []Labelled
	for _, inner := range b.body.Blocks {
		if inner.Type != name {
			continue
		}
		line := inner.TypeRange.Start.Line
		if len(inner.Labels) != 1 || inner.Labels[0] == "" {
			b.file.Fail(line, `%swant %s "…" { … }`, b.about(""), name)
			continue
		}
		title := fmt.Sprintf("%s%s %q", b.about(""), name, inner.Labels[0])
		out = append(out, Labelled{inner.Labels[0], line,
			&Body{file: b.file, title: title, line: line, body: inner.Body}})
	}
	return out
}

// Done reports everything that was not requested.
func (b *Body) Done() {
	for name, a := range b.body.Attributes {
		if !slices.Contains(b.asked, name) {
			b.file.Fail(a.NameRange.Start.Line, "%sthere is no %q; known: %s", b.about(""), name,
				strings.Join(b.asked, ", "))
		}
	}
	for _, inner := range b.body.Blocks {
		if !slices.Contains(b.asked, inner.Type) {
			b.file.Fail(inner.TypeRange.Start.Line, "%sthere is no block %q; known: %s", b.about(""), inner.Type,
				strings.Join(b.asked, ", "))
		}
	}
}
