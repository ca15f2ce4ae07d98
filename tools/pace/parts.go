// The parts, and how each is left out.

package main

import "github.com/scrapekit/scrapekit/tools/internal/overlay"

func in(file, from, to string) overlay.Edit {
	return overlay.Edit{fetch + "/" + file, from, to}
}

var parts = []part{
	{"the limit of requests under way", []overlay.Edit{in("pace/pace.go",
		`if teaches && !windows || !w.Refused || w.Crowd {`,
		`if false && (teaches && !windows || !w.Refused || w.Crowd) {`)}},
	{"more under way tried again", []overlay.Edit{in("pace/crowd.go", `if c.due(now) {`, `if false {`)}},
	{"the trial of bare 503s", []overlay.Edit{in("pace/pace.go", `if p.suspect.see(`, `if false && p.suspect.see(`)}},
	{"503s with a pause taken for refusals", []overlay.Edit{in("pace/pace.go", `w.Refused && p.again.see(`,
		`false && p.again.see(`)}},
	{"fit", []overlay.Edit{in("pace/refuse.go", `fits = fits && p.live < 2`, `fits = false`)}},
	{"budgets that refusals show", []overlay.Edit{in("pace/refuse.go",
		`!p.book.Found(p.taken, w.Pause, sent, now, p.serial)`,
		`true`)}},
	{"windows that bare refusals show", []overlay.Edit{in("pace/budget.go",
		`if now.Before(b.barred) || len(b.sends) == 0 {`, `if true || now.Before(b.barred) {`)}},
	{"windows tried for more", []overlay.Edit{in("pace/budget.go", `if b.since >= budgetTest*b.n &&`,
		`if false && rest < 0 || false && b.since >= budgetTest*b.n &&`), in("pace/budget.go",
		`|| b.since >= budgetLate*b.n {`, `|| false {`)}},
	{"large steps while little is known", []overlay.Edit{in("pace/refuse.go", `(elapsed+saved), quick`,
		`(elapsed+saved), longest`)}},
	{"the volley counted after its refusal", []overlay.Edit{in("pace/refuse.go", `p.ceiling, p.volley = granted, true`,
		`p.ceiling = granted`)}},
	{"probes", []overlay.Edit{in("pace/climb.go", `p.probe(now)
			return`, `return`)}},
	{"rare probes where a refusal costs much", []overlay.Edit{in("pace/climb.go",
		`max(p.probeGap, min(times*p.cost, probeLatest))`, `max(p.probeGap, min(0*times*p.cost, probeLatest))`)}},
	{"easing", []overlay.Edit{in("pace/eased.go", `func (e *eased) rate() float64 { return e.at }`,
		`func (e *eased) rate() float64 { return math.Inf(1) }`)}},
	{"a short easing before a rate is measured", []overlay.Edit{in("pace/eased.go", `if !e.known {`, `if false {`)}},
	{"the limit of latency", []overlay.Edit{in("pace/gradient.go", `case math.IsInf(g.most, 1): return unlimited`,
		`case true: return unlimited`)}},
	{"one by one after a pause", []overlay.Edit{in("pace/pace.go", `{p.window, "start"}`, `{unlimited, "start"}`)}},
}
