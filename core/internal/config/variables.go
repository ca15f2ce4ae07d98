// Variables: declared in the file; their values come from the command line, the environment or the
// default.

package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// envPrefix is the prefix of environment variables that set variables.
const envPrefix = "SCRAPEKIT_VAR_"

// variable is a declaration.
type variable struct {
	name      string
	block     *hclsyntax.Block
	typ       cty.Type
	typed     bool               // the file gives a type
	optional  *typeexpr.Defaults // defaults of an object type's optional attributes; nil: none
	preset    *hclsyntax.Attribute
	sensitive bool
}

// given is a value from outside the file.
type given struct {
	text string
	from string // "--var url" or "SCRAPEKIT_VAR_url"
}

// evaluateVariables makes the scope with all variables.
func (l *loader) evaluateVariables(blocks []*hclsyntax.Block) {
	l.scope = &hcl.EvalContext{
		Functions: l.functions(),
		Variables: map[string]cty.Value{},
	}
	values := map[string]cty.Value{}
	declared := map[string]*hclsyntax.Block{}
	for _, b := range blocks {
		v, ok := l.variable(b)
		if !ok {
			continue
		}
		if first := declared[v.name]; first != nil {
			l.fail(b.DefRange(), "the first is at "+l.pos(first.TypeRange), "a second variable %q", v.name)
			continue
		}
		declared[v.name] = b
		value := l.variableValue(v)
		if v.sensitive {
			l.secrets.add(value, marked)
			value = value.Mark(sensitiveMark)
		}
		values[v.name] = value
	}
	for _, name := range slices.Sorted(maps.Keys(l.options.Vars)) {
		if declared[name] == nil {
			l.failGiven(didYouMean(name, slices.Collect(maps.Keys(declared))),
				"--var %s: the file declares no such variable", name)
		}
	}
	l.scope.Variables["var"] = cty.ObjectVal(values)
}

// variable reads a declaration.
func (l *loader) variable(b *hclsyntax.Block) (variable, bool) {
	v := variable{block: b, typ: cty.DynamicPseudoType}
	if len(b.Labels) != 1 || !hclsyntax.ValidIdentifier(b.Labels[0]) {
		l.fail(b.DefRange(), `write variable "name" { … }; a name is letters, digits, _ and -`,
			"a variable has one label, its name")
		return v, false
	}
	v.name = b.Labels[0]
	s := l.section(fmt.Sprintf("variable %q", v.name), b.Body)
	if a := s.attribute("type"); a != nil {
		typ, optional, found := typeexpr.TypeConstraintWithDefaults(a.Expr)
		l.report(found)
		if !found.HasErrors() {
			v.typ, v.optional, v.typed = typ, optional, true
		}
	}
	v.preset = s.attribute("default")
	s.text("description")
	v.sensitive = s.flag("sensitive")
	s.end()
	return v, true
}

// variableValue returns the value of highest priority: command line, environment, default.
func (l *loader) variableValue(v variable) cty.Value {
	if text, ok := l.options.Vars[v.name]; ok {
		return l.givenValue(v, given{text, "--var " + v.name})
	}
	if text, ok := l.getenv(envPrefix + v.name); ok {
		return l.givenValue(v, given{text, envPrefix + v.name})
	}
	if v.preset == nil {
		hint := fmt.Sprintf("give it with --var %s=… or in the environment as %s%s, or add a default", v.name,
			envPrefix, v.name)
		l.fail(v.block.DefRange(), hint, "variable %q has no value", v.name)
		return cty.UnknownVal(v.typ)
	}
	value, ok := l.evaluate(v.preset.Expr)
	if !ok {
		return cty.UnknownVal(v.typ)
	}
	typed, err := v.convert(value)
	if err != nil {
		l.fail(v.preset.Expr.Range(), "", "the default of variable %q is not of type %s%s", v.name,
			typeexpr.TypeString(v.typ), v.why(err, value))
		return cty.UnknownVal(v.typ)
	}
	return typed
}

// givenValue parses a value from outside the file: literally for a string, number or bool,
// otherwise as an expression.
func (l *loader) givenValue(v variable, g given) cty.Value {
	value := cty.StringVal(g.text)
	if v.sensitive {
		l.secrets.addText(g.text, marked)
	}
	if l.wantsExpression(v) {
		var ok bool
		if value, ok = l.parseValue(g); !ok {
			hint := fmt.Sprintf(`write the value as in the file, for example '%s=["a", "b"]'`, g.from)
			l.failGiven(hint, "%s: not a value of type %s", g.from, typeexpr.TypeString(v.typ))
			return cty.UnknownVal(v.typ)
		}
	}
	typed, err := v.convert(value)
	if err != nil {
		l.failGiven("declared at "+l.pos(v.block.TypeRange), "%s: not of type %s%s", g.from, typeexpr.TypeString(v.typ),
			v.why(err, value))
		return cty.UnknownVal(v.typ)
	}
	return typed
}

// parseValue evaluates an expression without variables and functions.
func (l *loader) parseValue(g given) (cty.Value, bool) {
	if _, deep := tooDeep([]byte(g.text), g.from); deep {
		return cty.DynamicVal, false
	}
	expr, found := hclsyntax.ParseExpression([]byte(g.text), g.from, hcl.InitialPos)
	if found.HasErrors() {
		return cty.DynamicVal, false
	}
	value, found := l.value(expr, nil)
	return value, !found.HasErrors()
}

// wantsExpression reports whether a value from outside is an expression. Without a type, the
// default decides.
func (l *loader) wantsExpression(v variable) bool {
	if v.typed {
		return !v.typ.IsPrimitiveType()
	}
	if v.preset == nil {
		return false
	}
	value, found := l.value(v.preset.Expr, l.scope)
	return !found.HasErrors() && !value.Type().IsPrimitiveType()
}

// convert converts a value to the declared type.
func (v variable) convert(value cty.Value) (cty.Value, error) {
	if v.optional != nil && !value.IsNull() && value.IsKnown() {
		plain, marks := value.UnmarkDeep()
		value = v.optional.Apply(plain).WithMarks(marks)
	}
	return convert.Convert(value, v.typ)
}

// why returns the reason of a failed conversion, if it may be shown.
func (v variable) why(err error, value cty.Value) string {
	if v.sensitive || value.ContainsMarked() {
		return ""
	}
	return ": " + err.Error()
}

// failGiven reports an error in a value from outside the file.
func (l *loader) failGiven(detail, summary string, args ...any) {
	l.found = append(l.found, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: fmt.Sprintf(summary, args...),
		Detail: detail})
}
