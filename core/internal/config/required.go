// Required plugins: the third-party plugins of a file.

package config

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
)

// NotInstalledError asks the user to run `scrapekit init`.
type NotInstalledError struct{ Text string }

func (e *NotInstalledError) Error() string { return e.Text }

// requiredPlugins reads
//
//	required_plugins {
//	  jira = { source = "registry.example.com/acme/scrapekit-jira", version = "~> 1.4" }
//	  mine = { source = "./bin/mine" }
//	}
//
// It reports errors; a requirement with an error has no Source and no Path.
func (l *loader) requiredPlugins(b *hclsyntax.Block) map[string]Requirement {
	plugins := map[string]Requirement{}
	if b == nil {
		return plugins
	}
	for _, inner := range b.Body.Blocks {
		l.fail(inner.TypeRange, fmt.Sprintf("write %s = { source = \"…\" }", inner.Type),
			"required_plugins holds no blocks")
		plugins[inner.Type] = Requirement{}
	}
	for name, a := range b.Body.Attributes {
		r, ok := l.requirement(name, a)
		if !ok {
			r = Requirement{}
		}
		plugins[name] = r
	}
	return plugins
}

func (l *loader) requirement(name string, a *hclsyntax.Attribute) (Requirement, bool) {
	at := a.Expr.Range()
	r := Requirement{Name: name, Pos: l.pos(at), at: at}
	v, ok := l.evaluate(a.Expr)
	if !ok {
		return r, false
	}
	v, _ = v.UnmarkDeep()
	if r.Source, r.Constraint, ok = sourceOf(v); !ok {
		l.fail(at, fmt.Sprintf(`write %s = { source = "registry.example.com/acme/scrapekit-%s", version = "~> 1.2" `+
			`}, or %s = { source = "./path" }`, name, name, name),
			"required_plugins: %s does not say where the plugin is", name)
		return r, false
	}
	if path, local := artifact.LocalPath(r.Source); local {
		r.Path = l.executable(path)
		if r.Constraint != "" {
			l.fail(at, "leave version out", "required_plugins: %s: a program of your own has no version to choose",
				name)
		}
		return r, r.Constraint == ""
	}
	if _, err := artifact.ParseSource(r.Source); err != nil {
		l.fail(at, "", "required_plugins: %s: %v", name, err)
		return r, false
	}
	if _, err := artifact.ParseConstraint(r.Constraint); err != nil {
		l.fail(at, "", "required_plugins: %s: version: %v", name, err)
		return r, false
	}
	return r, true
}

// sourceOf returns the attributes of { source = "…", version = "…" }; version is optional.
func sourceOf(v cty.Value) (source, version string, ok bool) {
	t := v.Type()
	if !v.IsWhollyKnown() || v.IsNull() || !t.IsObjectType() || !t.HasAttribute("source") {
		return "", "", false
	}
	for name, of := range t.AttributeTypes() {
		one := v.GetAttr(name)
		if of != cty.String || one.IsNull() {
			return "", "", false
		}
		switch name {
		case "source":
			source = one.AsString()
		case "version":
			version = one.AsString()
		default:
			return "", "", false
		}
	}
	return source, version, true
}

// installed finds the program of a published plugin.
func (l *loader) installed(ref BlockRef, r Requirement) (BlockRef, bool) {
	ref.Source = r.Source
	if l.options.Installed == nil {
		l.fail(r.at, "", "plugin %s: plugins that are published are not looked for here", r.Name)
		return ref, false
	}
	p, err := l.options.Installed(r)
	if err != nil {
		hint := ""
		if missing := (*NotInstalledError)(nil); errors.As(err, &missing) {
			hint = "scrapekit init " + l.file
		}
		l.fail(r.at, hint, "plugin %s: %v", r.Name, err)
		return ref, false
	}
	if p.Warning != "" {
		l.warn(r.at, "", "plugin %s: %s", r.Name, p.Warning)
	}
	ref.Path, ref.Digest, ref.Version = p.Path, p.Digest, p.Version
	return ref, true
}

// Requirements reads only the plugins that a file requires, for installation: those of
// required_plugins, and programs given by path. A file that is no pipeline requires none. The
// diagnostics concern only the requirements.
func Requirements(ctx context.Context, file string, o Options) ([]Requirement, Diagnostics) {
	l := &loader{options: o, file: file, secrets: secrets{}, budget: newBudget(ctx)}
	body, ok := l.parse()
	if !ok {
		return nil, l.diagnostics()
	}
	root := l.split(body)
	l.evaluateVariables(root.variables)
	l.evaluateSecrets(root.secrets)
	l.evaluateLocals(root.locals)
	l.found = nil // other errors are reported when the file is run
	var out []Requirement
	for _, b := range first(root.pipeline) {
		required := l.requiredPlugins(l.section("pipeline", b.Body).bare("required_plugins"))
		for _, r := range required {
			if r.at != (hcl.Range{}) {
				out = append(out, r)
			}
		}
	}
	for _, b := range slices.Concat(root.sources, root.transforms, root.sinks) {
		if len(b.Labels) > 0 && isPath(b.Labels[0]) {
			out = append(out, Requirement{Name: b.Labels[0], Source: b.Labels[0], Path: l.executable(b.Labels[0]),
				Pos: l.pos(b.TypeRange), at: b.LabelRanges[0]})
		}
	}
	slices.SortFunc(out, func(a, b Requirement) int {
		return cmp.Or(cmp.Compare(a.at.Start.Line, b.at.Start.Line), cmp.Compare(a.Name, b.Name))
	})
	return out, l.diagnostics()
}

func first(blocks []*hclsyntax.Block) []*hclsyntax.Block { return blocks[:min(1, len(blocks))] }
