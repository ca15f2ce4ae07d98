// items are the members of a field that is a list, with their parameters.

package limits

import (
	"strings"
	"time"
)

// item is one member of a list: names, which some leave out, and parameters.
//
//	"burst";q=100;w=60          "fixed window";"api";q=500;w=300          100;w=60          limit=100
type item struct {
	names  []string
	params map[string]string
}

func (i item) number(key string) (float64, bool) { return number(i.params[key]) }

func (i item) any(keys ...string) (float64, bool) {
	for _, k := range keys {
		if n, ok := number(i.params[k]); ok {
			return n, true
		}
	}
	return 0, false
}

func (i item) first() string {
	if len(i.names) == 0 {
		return ""
	}
	return i.names[0]
}

func (i item) last() string {
	if len(i.names) == 0 {
		return ""
	}
	return i.names[len(i.names)-1]
}

// numbered reports whether the first name is a number: "100;w=60".
func (i item) numbered() bool {
	_, ok := number(i.first())
	return ok
}

// is reports whether the member has a name.
func (i item) is(name string) bool {
	for _, n := range i.names {
		if n == name {
			return true
		}
	}
	return false
}

// items reads a list. What stands in quotes is not looked into.
func items(field string) []item {
	var all []item
	for _, member := range split(field, ',') {
		i := item{params: map[string]string{}}
		for _, p := range split(member, ';') {
			k, v, ok := cut(p)
			switch {
			case ok:
				i.params[strings.ToLower(k)] = strings.Trim(v, `"`)
			case p != "":
				i.names = append(i.names, strings.Trim(p, `"`))
			}
		}
		if len(i.params) > 0 || len(i.names) > 0 {
			all = append(all, i)
		}
	}
	return all
}

// cut divides a parameter, if it is one: a quoted name with an equals sign in it is none.
func cut(p string) (key, value string, ok bool) {
	if strings.HasPrefix(p, `"`) {
		return "", "", false
	}
	key, value, ok = strings.Cut(p, "=")
	return strings.TrimSpace(key), strings.TrimSpace(value), ok
}

// split divides a text at a separator outside of quotes, and trims the parts.
func split(text string, by byte) []string {
	var all []string
	quoted, begin := false, 0
	for i := 0; i <= len(text); i++ {
		switch {
		case i == len(text) || text[i] == by && !quoted:
			if part := strings.TrimSpace(text[begin:i]); part != "" {
				all = append(all, part)
			}
			begin = i + 1
		case text[i] == '"':
			quoted = !quoted
		}
	}
	return all
}

// joinParams joins members without names, which are the parameters of one: "limit=100,
// remaining=50, reset=5".
func joinParams(all []item) (item, bool) {
	if len(all) < 2 {
		return item{}, false
	}
	joined := item{params: map[string]string{}}
	for _, it := range all {
		if len(it.names) > 0 || len(it.params) != 1 {
			return item{}, false
		}
		for k, v := range it.params {
			joined.params[k] = v
		}
	}
	return joined, true
}

// policyOf finds the policy of a state: by a name, else by its size.
func policyOf(policies []item, state item, states int) item {
	for _, p := range policies {
		for _, name := range state.names {
			if p.is(name) {
				return p
			}
		}
	}
	var open []item
	for _, p := range policies {
		if len(p.names) == 0 || p.numbered() || states == 1 {
			open = append(open, p)
		}
	}
	size, _ := state.any("limit", "total", "max", "q")
	left, _ := state.any("r", "remaining", "left")
	reset, _ := state.any("t", "reset", "resets")
	p, _ := fitting(open, size, left, seconds(reset))
	return p
}

// size is how many units a policy grants; 0: it does not tell.
func (i item) size() float64 {
	if q, ok := i.number("q"); ok {
		return q
	}
	q, _ := number(i.first())
	return q
}

// window is how long that is for; 0: it does not tell.
func (i item) window() time.Duration {
	w, _ := i.number("w")
	return min(seconds(w), longest)
}

// fitting finds the policy of a limit of this size, of which so much is left until the reset:
// whatever the order, one of the same size, and of several of these the shortest that is not over
// before the reset. A size of 0 is not known: then the one policy that can be is the one.
func fitting(policies []item, size, left float64, reset time.Duration) (item, bool) {
	if reset > longest {
		reset = 0 // a moment
	}
	var best item
	found := 0
	for _, p := range policies {
		switch q := p.size(); {
		case size > 0 && q != size && p.burst() != size && !(q == 0 && len(policies) == 1):
			continue
		case size == 0 && len(policies) > 1 && (q == 0 || q < left || p.window() > 0 && p.window() < reset):
			continue
		}
		if found++; found == 1 || nearer(p.window(), best.window(), reset) {
			best = p
		}
	}
	if found == 0 || size == 0 && found > 1 {
		return item{}, false
	}
	return best, true
}

// burst is how many units a policy grants at once.
func (i item) burst() float64 {
	n, _ := i.number("burst")
	return n
}

// nearer reports whether a window fits a reset better than another one.
func nearer(window, other, reset time.Duration) bool {
	if over := window < reset; over != (other < reset) {
		return !over
	}
	return (window < other) == (window >= reset)
}
