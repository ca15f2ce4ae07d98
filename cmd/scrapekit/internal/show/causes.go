// Causes: shows an error that affects many splits once, and then the number of further splits.

package show

import (
	"fmt"
	"strings"
	"sync"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/core/observe"
)

// maxCauses bounds the number of different causes that are shown. Beyond it, only splits are
// counted.
const maxCauses = 100

// causes are the causes shown so far. The zero value is ready for use. Readers of splits call it
// for each event, so it takes constant time.
type causes struct {
	mu    sync.Mutex
	all   []*causeCount // in order of appearance
	known map[causeKey]*causeCount
	rest  causeCount // for all further causes
}

// causeKey identifies a cause.
type causeKey struct {
	broken bool // its splits are given up
	cause  string
}

// causeCount is one cause, with the splits since it was last shown.
type causeCount struct {
	causeKey
	times  int
	splits map[string]bool
}

// add counts a split.
func (a *causeCount) add(split string) {
	a.times++
	if a.splits == nil {
		a.splits = map[string]bool{}
	}
	a.splits[split] = true
}

// suppress processes an event and reports whether its message is already shown or must not be
// shown.
func (c *causes) suppress(e observe.Event) bool {
	var key causeKey
	split, _, err := observe.Trouble(e)
	switch e.(type) {
	case observe.SplitRetried:
		key = causeKey{cause: cause(split, err)}
	case observe.SplitBroken:
		key = causeKey{broken: true, cause: cause(split, err)}
	default:
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch a := c.known[key]; {
	case a != nil:
		a.add(split)
	case len(c.all) < maxCauses:
		if c.known == nil {
			c.known = map[causeKey]*causeCount{}
		}
		a = &causeCount{causeKey: key}
		c.known[key], c.all = a, append(c.all, a)
		return false
	default:
		c.rest.add(split)
	}
	return true
}

// more returns a line for each cause with further splits, and resets their counts.
func (c *causes) more() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var lines []string
	for _, a := range c.all {
		switch {
		case a.times == 0:
		case a.broken:
			lines = append(lines, fmt.Sprintf("given up for this run too, %s: %s", Many(int64(len(a.splits)), "split"),
				a.cause))
		default:
			lines = append(lines, fmt.Sprintf("the same %s more, in %s: %s", times(a.times),
				Many(int64(len(a.splits)), "split"), a.cause))
		}
		a.times, a.splits = 0, nil
	}
	if c.rest.times > 0 {
		lines = append(lines, fmt.Sprintf("more causes than the %d shown, in %s; the report lists what is missing",
			maxCauses, Many(int64(len(c.rest.splits)), "split")))
		c.rest = causeCount{}
	}
	return lines
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return Count(int64(n)) + " times"
}

// gap is what is missing for one cause.
type gap struct {
	parts   bool // parts that a source left out, not splits
	splits  []string
	records int64
	problem string
}

// gapKey identifies a gap.
type gapKey struct {
	problem string
	parts   bool
}

// gaps groups missing parts by cause.
func gaps(missing []core.Missing) []*gap {
	var out []*gap
	known := map[gapKey]*gap{}
	for _, m := range missing {
		why := strings.TrimPrefix(m.Problem, m.Split+": ")
		key := gapKey{why, m.Part != ""}
		g := known[key]
		if g == nil {
			g = &gap{problem: why, parts: key.parts}
			known[key], out = g, append(out, g)
		}
		name := m.Split
		if m.Part != "" {
			name = m.Part
			if m.Times > 1 {
				name += fmt.Sprintf(" (%s times)", Count(m.Times))
			}
		}
		g.splits = append(g.splits, name)
		g.records += m.Records
	}
	return out
}

// String is for example "issues[A], issues[B] and 14 more splits (120 records of them are
// delivered): host.example is down".
func (g *gap) String() string {
	const shown = 5
	n := len(g.splits)
	names, whose := strings.Join(g.splits[:min(n, shown+1)], ", "), "it"
	if n > shown+1 {
		what := "splits"
		if g.parts {
			what = "parts"
		}
		names = fmt.Sprintf("%s and %s more %s", strings.Join(g.splits[:shown], ", "), Count(int64(n-shown)), what)
	}
	if g.parts {
		return names + ": " + g.problem
	}
	if len(g.splits) > 1 {
		whose = "them"
	}
	return fmt.Sprintf("%s (%s records of %s are delivered): %s", names, Count(g.records), whose, g.problem)
}
