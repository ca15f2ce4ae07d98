// Evaluation of expressions. Names are checked first, so that a wrong one gets a hint. Details are
// withheld where an expression uses a sensitive value.

package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// evaluate returns the value of an expression. If it has none, it reports that and returns an
// unknown value.
func (l *loader) evaluate(expr hclsyntax.Expression) (cty.Value, bool) {
	if !l.checkNames(expr) {
		return cty.DynamicVal, false
	}
	v, found := l.value(expr, l.scope)
	if !found.HasErrors() {
		return v, l.checkCalls(expr, v)
	}
	if l.sensitive(expr) {
		found = withhold(found)
	}
	l.report(found)
	return cty.DynamicVal, false
}

// sensitive reports whether an expression uses a sensitive value.
func (l *loader) sensitive(expr hclsyntax.Expression) bool {
	found := false
	for _, call := range calls(expr) {
		found = found || slices.Contains([]string{"env", "file", "keyring", "sensitive"}, call.Name)
	}
	for _, t := range expr.Variables() {
		v, problems := t[:min(len(t), 2)].TraverseAbs(l.scope) // only var.x: the rest of the path may be wrong
		found = found || (!problems.HasErrors() && v.ContainsMarked())
	}
	return found
}

// calls lists the function calls in an expression.
func calls(expr hclsyntax.Expression) []*hclsyntax.FunctionCallExpr {
	var out []*hclsyntax.FunctionCallExpr
	// The callback returns no diagnostics, so VisitAll returns none.
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		if call, ok := n.(*hclsyntax.FunctionCallExpr); ok {
			out = append(out, call)
		}
		return nil
	})
	return out
}

// checkNames reports the unknown functions and variables of an expression.
func (l *loader) checkNames(expr hclsyntax.Expression) bool {
	ok := true
	for _, call := range calls(expr) {
		if _, known := l.scope.Functions[call.Name]; !known {
			ok = false
			l.fail(call.NameRange, didYouMean(call.Name, slices.Collect(maps.Keys(l.scope.Functions))),
				"there is no function %q", call.Name)
		}
	}
	for _, t := range expr.Variables() {
		ok = l.checkVariable(t) && ok
	}
	return ok
}

// checkVariable reports a reference like var.x to something that does not exist. Evaluation checks
// deeper parts of the path.
func (l *loader) checkVariable(t hcl.Traversal) bool {
	at := t.SourceRange()
	scope, known := l.scope.Variables[t.RootName()]
	if !known {
		l.fail(at, l.hintForName(t), "there is no %q here", t.RootName())
		return false
	}
	kinds := map[string]string{"var": "variable", "local": "local value", "secret": "secret"}
	if len(t) < 2 {
		l.fail(at, fmt.Sprintf("write %s.NAME", t.RootName()), "%q is the name of a group, not of a value",
			t.RootName())
		return false
	}
	step, isName := t[1].(hcl.TraverseAttr)
	if !isName || scope.Type().HasAttribute(step.Name) {
		return true
	}
	hint := didYouMean(step.Name, slices.Collect(maps.Keys(scope.Type().AttributeTypes())))
	if hint == "" && t.RootName() == "var" {
		hint = fmt.Sprintf("declare it: variable %q { … }", step.Name)
	}
	if hint == "" && t.RootName() == "secret" {
		hint = fmt.Sprintf("declare it: secret %q { exec = […] }", step.Name)
	}
	l.fail(at, hint, "there is no %s %q", kinds[t.RootName()], step.Name)
	return false
}

// hintForName guesses the meaning of a bare name.
func (l *loader) hintForName(t hcl.Traversal) string {
	name := t.RootName()
	if name == "var" || name == "local" || name == "secret" {
		return "the default of a variable cannot use other values; use a local value"
	}
	if len(t) > 1 {
		if group := closest(name, []string{"var", "local"}); group != "" {
			return fmt.Sprintf("did you mean %s?", group)
		}
	}
	for _, group := range []string{"var", "local"} {
		if scope, ok := l.scope.Variables[group]; ok && scope.Type().HasAttribute(name) {
			return fmt.Sprintf("did you mean %s.%s?", group, name)
		}
	}
	return fmt.Sprintf("values are var.NAME and local.NAME; a text stands in quotes: %q; a placeholder of a plugin "+
		"has no dollar sign: {%s}", name, name)
}
