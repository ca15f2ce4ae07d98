// Local values: named expressions, which may use each other in any order.

package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// locals evaluates local values, each after those that it uses.
type locals struct {
	*loader
	attributes map[string]*hclsyntax.Attribute
	values     map[string]cty.Value
	open       []string // the chain of those being evaluated
}

// evaluateLocals adds all local values to the scope.
func (l *loader) evaluateLocals(blocks []*hclsyntax.Block) {
	all := locals{loader: l, attributes: map[string]*hclsyntax.Attribute{}, values: map[string]cty.Value{}}
	for _, b := range blocks {
		if len(b.Labels) > 0 {
			l.fail(b.DefRange(), "write locals { … }", "locals has no label")
		}
		for _, inner := range b.Body.Blocks {
			l.fail(inner.TypeRange, fmt.Sprintf("write %s = { … }", inner.Type), "locals holds no blocks")
		}
		for name, a := range b.Body.Attributes {
			if first := all.attributes[name]; first != nil {
				l.fail(a.NameRange, "the first is at "+l.pos(first.NameRange), "a second local value %q", name)
				continue
			}
			all.attributes[name] = a
		}
	}
	all.publish()
	for _, name := range slices.Sorted(maps.Keys(all.attributes)) {
		all.evaluateLocal(name)
	}
}

// evaluateLocal evaluates one local value, after those that it uses.
func (all *locals) evaluateLocal(name string) {
	if _, done := all.values[name]; done {
		return
	}
	a := all.attributes[name]
	if slices.Contains(all.open, name) {
		ring := append(slices.Clone(all.open[slices.Index(all.open, name):]), name)
		all.fail(a.NameRange, "", "local values refer to each other in a circle: %s", strings.Join(ring, " → "))
		all.values[name] = cty.DynamicVal
		all.publish()
		return
	}
	all.open = append(all.open, name)
	for _, used := range localsIn(a.Expr) {
		if all.attributes[used] != nil {
			all.evaluateLocal(used)
		}
	}
	all.open = all.open[:len(all.open)-1]
	if _, done := all.values[name]; done {
		return // it is part of a cycle
	}
	all.values[name], _ = all.evaluate(a.Expr)
	all.publish()
}

// publish adds the values to the scope. Values that are not evaluated yet are unknown, so that
// their names exist.
func (all *locals) publish() {
	scope := maps.Clone(all.values)
	for name := range all.attributes {
		if _, done := scope[name]; !done {
			scope[name] = cty.DynamicVal
		}
	}
	all.scope.Variables["local"] = cty.ObjectVal(scope)
}

// localsIn returns the local values that an expression uses.
func localsIn(expr hclsyntax.Expression) []string {
	var names []string
	for _, t := range expr.Variables() {
		if t.RootName() != "local" || len(t) < 2 {
			continue
		}
		if step, ok := t[1].(hcl.TraverseAttr); ok {
			names = append(names, step.Name)
		}
	}
	return names
}
