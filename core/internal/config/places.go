// Places: where a part of the settings is in the file, and which of it may be shown.

package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// rangeOf returns the place of a part of the settings, as deep as the file has literals. The place
// of all settings is the block's head.
func (c *checker) rangeOf(path []string) hcl.Range {
	if len(path) == 0 {
		return c.stage.block.DefRange()
	}
	a := c.stage.block.Body.Attributes[path[0]]
	if a == nil {
		return c.stage.block.DefRange()
	}
	expr := a.Expr
	for _, step := range path[1:] {
		inner := child(expr, step)
		if inner == nil {
			break
		}
		expr = inner
	}
	return expr.Range()
}

// child returns the expression of an element of a literal object or tuple, or nil.
func child(expr hclsyntax.Expression, step string) hclsyntax.Expression {
	switch e := expr.(type) {
	case *hclsyntax.ParenthesesExpr:
		return child(e.Expression, step)
	case *hclsyntax.TupleConsExpr:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(e.Exprs) {
			return e.Exprs[i]
		}
	case *hclsyntax.ObjectConsExpr:
		for _, item := range e.Items {
			key, found := item.KeyExpr.Value(nil)
			if !found.HasErrors() && key.Type() == cty.String && key.IsKnown() && !key.IsNull() && !key.IsMarked() &&
				key.AsString() == step {
				return item.ValueExpr
			}
		}
	}
	return nil
}

// elementRange returns the place of an element of a literal list.
func elementRange(expr hclsyntax.Expression, i int, whole hcl.Range) hcl.Range {
	if inner := child(expr, strconv.Itoa(i)); inner != nil {
		return inner.Range()
	}
	return whole
}

// trace follows a path through the values in the file. It returns the value, the length of the path
// that may be shown, and whether the value is sensitive.
func (c *checker) trace(path []string) (v cty.Value, shown int, sensitive bool) {
	if len(path) == 0 {
		return cty.NilVal, 0, false
	}
	v, given := c.values[path[0]]
	if !given {
		return cty.NilVal, len(path), false
	}
	for i, step := range path[1:] {
		if v.IsMarked() {
			return v, i + 1, true
		}
		next, ok := element(v, step)
		if !ok {
			return v, len(path), v.ContainsMarked()
		}
		v = next
	}
	return v, len(path), v.ContainsMarked()
}

// element returns the part of a value to which one step of a path leads.
func element(v cty.Value, step string) (cty.Value, bool) {
	t := v.Type()
	if v.IsNull() {
		return v, false
	}
	i, err := strconv.Atoi(step)
	switch {
	case t.IsObjectType() && t.HasAttribute(step):
		return v.GetAttr(step), true
	case t.IsMapType() && v.HasIndex(cty.StringVal(step)).True():
		return v.Index(cty.StringVal(step)), true
	case err == nil && (t.IsTupleType() || t.IsListType()) && i >= 0 && i < v.LengthInt():
		return v.Index(cty.NumberIntVal(int64(i))), true
	}
	return v, false
}

// sensitiveAt reports whether a part of the settings must not be shown.
func (c *checker) sensitiveAt(path []string) bool {
	for i := range path {
		if c.secret[pointer(path[:i+1])] {
			return true
		}
	}
	_, _, sensitive := c.trace(path)
	return sensitive
}

// shown formats a path for people: tasks[0].name.
func (c *checker) shown(path []string) string {
	_, n, _ := c.trace(path)
	var out strings.Builder
	for i, step := range path[:n] {
		_, err := strconv.Atoi(step)
		switch {
		case i == 0:
			out.WriteString(step)
		case err == nil:
			out.WriteString("[" + step + "]")
		default:
			out.WriteString("." + step)
		}
	}
	if n < len(path) {
		out.WriteString(".…")
	}
	return out.String()
}

// value formats the value at a path for a message; "" if it is long or sensitive.
func (c *checker) value(path []string) string {
	v, _, _ := c.trace(path)
	if v == cty.NilVal || c.sensitiveAt(path) || !v.IsKnown() || v.IsNull() {
		return ""
	}
	switch v.Type() {
	case cty.String:
		return c.quoted(path, v.AsString())
	case cty.Number:
		return " (" + numberText(v.AsBigFloat()) + ")"
	case cty.Bool:
		return fmt.Sprintf(" (%t)", v.True())
	}
	return ""
}

// quoted quotes a text for a message; "" if it is long or sensitive.
func (c *checker) quoted(path []string, text string) string {
	const long = 60
	if c.sensitiveAt(path) || len(text) > long {
		return ""
	}
	return fmt.Sprintf(" (%q)", text)
}

// pointer returns a path as a map key.
func pointer(path []string) string { return strings.Join(path, "\x00") }

// plainValue converts a value without marks to what encoding/json would decode. It leaves out null
// attributes of objects, which mean not set.
func plainValue(v cty.Value) (any, error) {
	t := v.Type()
	switch {
	case v.IsNull():
		return nil, nil
	case t == cty.String:
		return v.AsString(), nil
	case t == cty.Bool:
		return v.True(), nil
	case t == cty.Number:
		return plainNumber(v.AsBigFloat())
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		out := []any{}
		for _, inner := range v.AsValueSlice() {
			one, err := plainValue(inner)
			if err != nil {
				return nil, err
			}
			out = append(out, one)
		}
		return out, nil
	case t.IsObjectType() || t.IsMapType():
		out := map[string]any{}
		for name, inner := range v.AsValueMap() {
			one, err := plainValue(inner)
			if err != nil {
				return nil, err
			}
			if one != nil {
				out[name] = one
			}
		}
		return out, nil
	}
	return nil, fmt.Errorf("a value of type %s cannot be a setting", t.FriendlyName())
}

// numberText formats a number for people. Integers have all digits, unless they are very long.
func numberText(n *big.Float) string {
	const digits = 40
	if text := n.Text('f', -1); !n.IsInf() && n.IsInt() && n.MantExp(nil) < 256 && len(text) <= digits {
		return text
	}
	return n.Text('g', 17)
}

// plainNumber converts a number exactly. It refuses numbers beyond the range of float64, whose
// decimals would fill the memory, and integers longer than HCL numbers hold exactly.
func plainNumber(n *big.Float) (any, error) {
	if f, _ := n.Float64(); n.IsInf() || f > 1e300 || f < -1e300 || (f == 0 && n.Sign() != 0) {
		return nil, errors.New("the number is out of range")
	}
	text := n.Text('f', -1)
	const exact = 150 // digits that an HCL number certainly holds, not counting zeros at the end
	if n.IsInt() && len(strings.TrimRight(text, "0")) > exact {
		return nil, fmt.Errorf("the number has more than %d digits, and would be rounded: write it in quotes", exact)
	}
	return json.Number(text), nil
}
