// Causes: what ails many splits at once is told once, and then how many more it ails.

package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/scrapekit/scrapekit/core"
)

// causes are those that were told. The zero value works.
type causes struct {
	mu  sync.Mutex
	all []*ail
}

// ail is one cause, and what it has brought about since it was told last.
type ail struct {
	kind   core.EventKind
	cause  string
	times  int
	splits []string
}

// told takes in an event and reports whether what it says was said already.
func (c *causes) told(e core.Event) bool {
	if e.Kind != core.SplitRetried && e.Kind != core.SplitBroken {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	why := cause(e)
	i := slices.IndexFunc(c.all, func(a *ail) bool { return a.kind == e.Kind && a.cause == why })
	if i < 0 {
		c.all = append(c.all, &ail{kind: e.Kind, cause: why})
		return false
	}
	a := c.all[i]
	a.times++
	if !slices.Contains(a.splits, e.Split) {
		a.splits = append(a.splits, e.Split)
	}
	return true
}

// more returns what there is to say beyond what was told, a line for each cause, and begins anew.
func (c *causes) more() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var lines []string
	for _, a := range c.all {
		switch {
		case a.times == 0:
		case a.kind == core.SplitBroken:
			lines = append(lines, fmt.Sprintf("given up for this run too, %s: %s", many(int64(len(a.splits)), "split"), a.cause))
		default:
			lines = append(lines, fmt.Sprintf("the same %s more, in %s: %s", times(a.times), many(int64(len(a.splits)), "split"), a.cause))
		}
		a.times, a.splits = 0, nil
	}
	return lines
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return count(int64(n)) + " times"
}

// gap is what is missing for one cause.
type gap struct {
	parts   bool // they are parts that a source has left out, not splits
	splits  []string
	records int64
	problem string
}

// gaps puts together what is missing for the same cause.
func gaps(missing []core.Missing) []gap {
	var out []gap
	for _, m := range missing {
		why := strings.TrimPrefix(m.Problem, m.Split+": ")
		i := slices.IndexFunc(out, func(g gap) bool { return g.problem == why && g.parts == (m.Part != "") })
		if i < 0 {
			i = len(out)
			out = append(out, gap{problem: why, parts: m.Part != ""})
		}
		name := m.Split
		if m.Part != "" {
			name = m.Part
			if m.Times > 1 {
				name += fmt.Sprintf(" (%s times)", count(m.Times))
			}
		}
		out[i].splits = append(out[i].splits, name)
		out[i].records += m.Records
	}
	return out
}

// String reads like "issues[A], issues[B] and 14 more splits (120 records of them are delivered): host.example is down".
func (g gap) String() string {
	names, whose := strings.Join(g.splits, ", "), "it"
	const shown = 5
	if n := len(g.splits); n > shown+1 {
		what := "splits"
		if g.parts {
			what = "parts"
		}
		names = fmt.Sprintf("%s and %s more %s", strings.Join(g.splits[:shown], ", "), count(int64(n-shown)), what)
	}
	if g.parts {
		return names + ": " + g.problem
	}
	if len(g.splits) > 1 {
		whose = "them"
	}
	return fmt.Sprintf("%s (%s records of %s are delivered): %s", names, count(g.records), whose, g.problem)
}
