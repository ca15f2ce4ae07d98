// Fields with members and parameters: those of the IETF draft in its versions, and what resembles them.

package limits

import (
	"strings"
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

// drafts reads a field that states one limit or several:
//
//	RateLimit-Policy: "burst";q=100;w=60                RateLimit: "burst";r=50;t=30
//	RateLimit-Policy: 100;w=60                          RateLimit: limit=100, remaining=50, reset=5
//	zendesk-ratelimit-tickets-index: total=100; remaining=99; resets=41
//
// A policy without a name is that of all limits that have none of their own, and so is the only one there is, whatever its name.
func (r *reader) drafts(g *group, policies []item) {
	states := items(g.bare)
	if joined, ok := joinParams(states); ok {
		states = []item{joined}
	}
	for _, it := range states {
		left, ok := it.any("r", "remaining", "left")
		if !ok {
			continue
		}
		l := Limit{Name: display(g.name), Left: left}
		if name := it.first(); name != "" {
			l.Name += " " + name
		}
		p := policyOf(policies, it, len(states))
		if unit := p.params["qu"]; unit == "concurrent-requests" {
			l.Crowd = true
		} else if unit != "" && unit != "requests" {
			l.Name += " (" + unit + ")"
		}
		if q, ok := it.any("limit", "total", "max", "q"); ok {
			l.Max = q
		} else if q, ok := p.any("q"); ok {
			l.Max = q
		} else if q, ok := number(p.first()); ok {
			l.Max = q
		}
		if w, ok := p.any("w"); ok {
			l.Window = min(seconds(w), longest)
		}
		for _, key := range []string{"t", "reset", "resets"} {
			if v, ok := it.params[key]; ok {
				l.Reset, l.Unsure, ok = r.clock.wait(v, 0, r.date)
				if !ok || l.Reset > longest {
					l.Reset = 0
					r.ignore(l.Name, key+"="+v)
				}
			}
		}
		r.add(l)
	}
	if !strings.Contains(g.bare, "/") { // "api-usage=18/5000" is no draft
		g.bare = ""
	}
}

// joinParams joins members without names, which are the parameters of one: "limit=100, remaining=50, reset=5".
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

// policyOf finds the policy of a state.
func policyOf(policies []item, state item, states int) item {
	for _, p := range policies {
		for _, name := range state.names {
			if p.is(name) {
				return p
			}
		}
	}
	for _, p := range policies {
		if len(p.names) == 0 || p.numbered() {
			return p
		}
	}
	if len(policies) == 1 && states == 1 {
		return policies[0]
	}
	return item{}
}
