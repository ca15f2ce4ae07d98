// Fields with members and parameters: those of the IETF draft in its versions, and what resembles
// them.

package limits

import (
	"slices"
	"strings"
)

// drafts reads a field that states one limit or several:
//
//	RateLimit-Policy: "burst";q=100;w=60                RateLimit: "burst";r=50;t=30
//	RateLimit-Policy: 100;w=60                          RateLimit: limit=100, remaining=50, reset=5
//	zendesk-ratelimit-tickets-index: total=100; remaining=99; resets=41
//
// A policy that has the name of a limit, or its size, is its own, and so is the only one there is
// if the limit tells no size, whatever its name. The other ones are limits too.
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
		} else {
			l.Max = p.size()
		}
		l.Window = p.window()
		for _, key := range []string{"t", "reset", "resets"} {
			if v, ok := it.params[key]; ok {
				l.Reset, l.Unsure, ok = r.clock.wait(v, 0, r.date)
				if !ok || l.Reset > longest {
					l.Reset, l.Unread = 0, true
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

// rest adds the policies that no limit of the group has been found to be: they are limits too, and
// what is left of them is not known.
func (r *reader) rest(g *group, policies []item) {
	for _, p := range policies {
		l := Limit{Name: display(g.name) + "-Policy", Max: p.size(), Left: -1, Window: p.window()}
		switch p.params["qu"] {
		case "", "requests":
		case "concurrent-requests":
			l.Crowd, l.Window = true, 0
		default:
			continue // what a request costs in these units is not known
		}
		if l.Max < 1 || l.Window == 0 && !l.Crowd {
			continue
		}
		if name := p.last(); name != "" && !p.numbered() {
			l.Name += " " + name
		}
		alike := func(o item) bool {
			return o.last() == p.last() && o.size() == p.size() && o.window() != p.window()
		}
		if slices.ContainsFunc(policies, alike) { // a name is to tell them apart
			l.Name += " (" + Short(l.Window) + ")"
		}
		if !r.has(l, p.burst()) {
			r.s.Limits = append(r.s.Limits, l)
		}
	}
}

// has reports whether a limit is stated already, by what grants so much at once.
func (r *reader) has(l Limit, burst float64) bool {
	return slices.ContainsFunc(r.s.Limits, func(o Limit) bool {
		size := o.Max == l.Max || burst > 0 && o.Max == burst
		return o.Crowd == l.Crowd && size && (o.Window == l.Window || o.Fill > 0)
	})
}
