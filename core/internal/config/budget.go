// Budget: limits for the memory and time of evaluating a file's expressions. A short file can ask
// for more than there is: nested lists, repeated texts, a search for a pattern that never ends, a
// special file that never ends.

package config

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

const (
	// maxUnits bounds the weight of all values of a file that evaluation makes or uses. A byte of
	// text is one unit.
	maxUnits = 32 << 20
	// unitsOfValue is the weight of a value in addition to its text.
	unitsOfValue = 32
	// maxEvaluation bounds the time of evaluating all expressions of a file together. It is for
	// what never ends; a user presses Ctrl-C earlier.
	maxEvaluation = time.Minute
)

// budget is the budget of one call of Load. Its methods may be called by several goroutines at the
// same time: an evaluation that times out continues in the background.
type budget struct {
	ctx   context.Context
	left  atomic.Int64
	spent time.Duration // time of finished evaluations

	mu   sync.Mutex
	over bool // set on timeout: the abandoned evaluation must change nothing any more
}

func newBudget(ctx context.Context) *budget {
	b := &budget{ctx: ctx}
	b.left.Store(maxUnits)
	return b
}

// errTooLarge is the error of a function when the budget is used up.
const errTooLarge = shownError("the values of this file grow too large: together they may have some millions of " +
	"characters")

// spend subtracts units, and reports whether enough were left.
func (b *budget) spend(units int64) bool { return b.left.Add(-units) >= 0 }

// weigh subtracts the weight of a value. It stops when the budget is used up.
func (b *budget) weigh(v cty.Value) bool {
	v, _ = v.Unmark()
	if !b.spend(unitsOfValue) {
		return false
	}
	switch {
	case !v.IsKnown() || v.IsNull():
		return true
	case v.Type() == cty.String:
		return b.spend(int64(len(v.AsString())))
	case !v.CanIterateElements():
		return true
	}
	for it := v.ElementIterator(); it.Next(); {
		if _, inner := it.Element(); !b.weigh(inner) {
			return false
		}
	}
	return true
}

// stopped reports whether the evaluation was abandoned.
func (b *budget) stopped() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.over
}

// note changes the loader from within an expression, unless the evaluation was abandoned.
func (b *budget) note(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.over {
		change()
	}
}

// metered is an expression that weighs each of its values.
type metered struct {
	hclsyntax.Expression
	budget *budget
}

// Value returns the value, if the budget suffices.
func (m *metered) Value(scope *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	if m.budget.left.Load() < 0 || m.budget.stopped() {
		return cty.DynamicVal, m.refused()
	}
	v, found := m.Expression.Value(scope)
	if found.HasErrors() || m.budget.weigh(v) {
		return v, found
	}
	return cty.DynamicVal, m.refused()
}

func (m *metered) refused() hcl.Diagnostics {
	at := m.Range()
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: string(errTooLarge), Subject: &at}}
}

// meter wraps the parts of an expression that can have many values. undo unwraps them, for code
// that inspects expressions.
func (b *budget) meter(expr hclsyntax.Expression) (undo func()) {
	var slots []*hclsyntax.Expression
	add := func(slot *hclsyntax.Expression) {
		if *slot != nil {
			slots = append(slots, slot)
		}
	}
	// The callback returns no diagnostics, so VisitAll returns none.
	_ = hclsyntax.VisitAll(expr, func(node hclsyntax.Node) hcl.Diagnostics {
		switch e := node.(type) {
		case *hclsyntax.ForExpr:
			add(&e.KeyExpr)
			add(&e.ValExpr)
			add(&e.CondExpr)
		case *hclsyntax.TemplateExpr:
			for i := range e.Parts {
				add(&e.Parts[i])
			}
		case *hclsyntax.TupleConsExpr:
			for i := range e.Exprs {
				add(&e.Exprs[i])
			}
		case *hclsyntax.ObjectConsExpr:
			for i := range e.Items {
				add(&e.Items[i].ValueExpr)
			}
		case *hclsyntax.FunctionCallExpr:
			for i := range e.Args {
				add(&e.Args[i])
			}
		case *hclsyntax.SplatExpr:
			add(&e.Each)
		}
		return nil
	})
	bare := make([]hclsyntax.Expression, len(slots))
	for i, slot := range slots {
		bare[i] = *slot
		*slot = &metered{*slot, b}
	}
	return func() {
		for i, slot := range slots {
			*slot = bare[i]
		}
	}
}

// value evaluates an expression within the budget.
func (l *loader) value(expr hclsyntax.Expression, scope *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	b := l.budget
	refuse := func(text string) (cty.Value, hcl.Diagnostics) {
		at := expr.Range()
		return cty.DynamicVal, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: text, Subject: &at}}
	}
	switch {
	case b.stopped() || b.ctx.Err() != nil:
		return refuse("it was not evaluated: the loading of the file was stopped")
	case b.left.Load() < 0:
		return refuse(string(errTooLarge))
	}
	type result struct {
		v     cty.Value
		found hcl.Diagnostics
	}
	done := make(chan result, 1)
	undo := b.meter(expr)
	began := time.Now()
	go func() { // evaluation cannot be cancelled: it is abandoned, and ends with the process at the latest
		v, found := expr.Value(scope)
		if !found.HasErrors() && (b.left.Load() < 0 || !b.weigh(v)) {
			v, found = refuse(string(errTooLarge))
		}
		done <- result{v, found}
	}()
	late := time.NewTimer(maxEvaluation - b.spent)
	defer late.Stop()
	select {
	case r := <-done:
		b.spent += time.Since(began)
		undo()
		return r.v, r.found
	case <-b.ctx.Done():
		b.note(func() { b.over = true })
		return refuse("it was not evaluated: the loading of the file was stopped")
	case <-late.C:
		b.note(func() { b.over = true })
		return refuse(fmt.Sprintf("the expressions of this file take longer than %s", maxEvaluation))
	}
}

// costs are the costs of functions beyond the weight of their arguments. They are charged before
// the call, because a single call can be too much.
var costs = map[string]func(args []cty.Value) int64{
	"join": func(args []cty.Value) int64 {
		n := int64(0)
		for _, list := range args[1:] {
			n += lengthOf(list)
		}
		return n * textLength(args[0])
	},
	"replace":      replaceCost,
	"regexreplace": replaceCost,
	"indent": func(args []cty.Value) int64 {
		return wholeNumber(args[0]) * (1 + int64(strings.Count(text(args[1]), "\n")))
	},
	"format": func(args []cty.Value) int64 { return widths(text(args[0])) },
	"formatlist": func(args []cty.Value) int64 {
		n := int64(1)
		for _, list := range args[1:] {
			n = max(n, lengthOf(list))
		}
		return n * (textLength(args[0]) + widths(text(args[0])))
	},
	"setproduct": func(args []cty.Value) int64 {
		n := int64(unitsOfValue * (1 + len(args)))
		for _, set := range args {
			if n *= lengthOf(set); n > maxUnits {
				break
			}
		}
		return n
	},
	// It compares each pair.
	"distinct": func(args []cty.Value) int64 { return lengthOf(args[0]) * lengthOf(args[0]) },
}

// replaceCost is the cost of replacing every match. A pattern has the most matches if it matches
// the empty string.
func replaceCost(args []cty.Value) int64 {
	in, old, by := text(args[0]), text(args[1]), text(args[2])
	n := int64(strings.Count(in, old))
	if len(old) > 1 && old[0] == '/' || strings.ContainsAny(old, `.*+?()[]{}|\^$`) {
		n = int64(len(in)) + 1
	}
	return n*int64(len(by)) + int64(strings.Count(by, "$"))*int64(len(in))
}

// widths returns the sum of the numbers in a format.
func widths(format string) int64 {
	sum, n := int64(0), int64(0)
	for _, c := range format {
		if c < '0' || c > '9' {
			sum, n = sum+n, 0
			continue
		}
		n = min(10*n+int64(c-'0'), maxUnits+1)
	}
	return sum + n
}

// text returns an argument that is a string, or "".
func text(v cty.Value) string {
	v, _ = v.Unmark()
	if !v.IsKnown() || v.IsNull() || v.Type() != cty.String {
		return ""
	}
	return v.AsString()
}

func textLength(v cty.Value) int64 { return int64(len(text(v))) }

func lengthOf(v cty.Value) int64 {
	v, _ = v.Unmark()
	if !v.IsKnown() || v.IsNull() || !v.CanIterateElements() {
		return 0
	}
	return int64(v.LengthInt())
}

// wholeNumber returns a numeric argument, clamped to a range from 0 to more than any budget.
func wholeNumber(v cty.Value) int64 {
	v, _ = v.Unmark()
	if !v.IsKnown() || v.IsNull() || v.Type() != cty.Number {
		return 0
	}
	n, _ := v.AsBigFloat().Int64()
	return min(max(n, 0), maxUnits+1)
}
