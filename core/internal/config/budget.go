// Budget: what the expressions of a file may take of memory and time. A file of a few lines can ask
// for more of both than there is: lists of lists of lists, texts that repeat themselves, a search
// for a pattern that never ends, a file of the kernel's that is never full.

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
	// maxUnits is what all values of a file may weigh that are worked out on the way, used and used
	// again: a byte of a text is one unit.
	maxUnits = 32 << 20
	// unitsOfValue is the weight of a value beside its text.
	unitsOfValue = 32
	// maxEvaluation is how long the expressions of a file may take together. It is for what never
	// ends: Ctrl-C is sooner.
	maxEvaluation = time.Minute
)

// budget is that of one loading. Its methods may be called by several goroutines at once: one that
// works on is left behind.
type budget struct {
	ctx   context.Context
	left  atomic.Int64
	spent time.Duration // for what was evaluated

	mu   sync.Mutex
	over bool // what is left behind changes nothing any more
}

func newBudget(ctx context.Context) *budget {
	b := &budget{ctx: ctx}
	b.left.Store(maxUnits)
	return b
}

// errTooLarge is what a function of the file returns once the budget is spent.
const errTooLarge = shownError("the values of this file grow too large: together they may have some millions of characters")

// spend takes units off, and reports whether there were as many.
func (b *budget) spend(units int64) bool { return b.left.Add(-units) >= 0 }

// weigh takes the weight of a value off. It looks at no more of it than can be paid.
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

// stopped reports that nobody waits for a value any more.
func (b *budget) stopped() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.over
}

// note changes something of the loader's from within an expression, unless the loader has gone on
// without it.
func (b *budget) note(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.over {
		change()
	}
}

// metered is an expression whose every value is weighed.
type metered struct {
	hclsyntax.Expression
	budget *budget
}

// Value is the value, if it can be paid.
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

// meter weighs the parts of an expression that can be many. undo takes the scales away: what looks
// at expressions does not know them.
func (b *budget) meter(expr hclsyntax.Expression) (undo func()) {
	var slots []*hclsyntax.Expression
	add := func(slot *hclsyntax.Expression) {
		if *slot != nil {
			slots = append(slots, slot)
		}
	}
	// The callback returns no diagnostics, and so VisitAll none.
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
	go func() { // nothing calls off what it is at: it is left behind, and ends with the process at the latest
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

// costs are what some functions take beyond the weight of what they are given: known before they
// are called, for one call can be too much.
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
	// it compares each with each
	"distinct": func(args []cty.Value) int64 { return lengthOf(args[0]) * lengthOf(args[0]) },
}

// replaceCost is that of a text in which every match grows. Of a pattern the empty matches are the
// most that there can be.
func replaceCost(args []cty.Value) int64 {
	in, old, by := text(args[0]), text(args[1]), text(args[2])
	n := int64(strings.Count(in, old))
	if len(old) > 1 && old[0] == '/' || strings.ContainsAny(old, `.*+?()[]{}|\^$`) {
		n = int64(len(in)) + 1
	}
	return n*int64(len(by)) + int64(strings.Count(by, "$"))*int64(len(in))
}

// widths sums up the numbers in a format.
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

// text is an argument that is a text, or "".
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

// wholeNumber is an argument that is a number from 0 to what no budget has.
func wholeNumber(v cty.Value) int64 {
	v, _ = v.Unmark()
	if !v.IsKnown() || v.IsNull() || v.Type() != cty.Number {
		return 0
	}
	n, _ := v.AsBigFloat().Int64()
	return min(max(n, 0), maxUnits+1)
}
