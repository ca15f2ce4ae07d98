// What one run saves for the next.

package pace

import (
	"math"
	"time"
)

const mostLearned = 1e6 // requests per second; higher values are errors

// Forgotten is the age at which saved results are ignored.
const Forgotten = 7 * 24 * time.Hour

// Learned is what was learned about one host. Zero means not learned.
type Learned struct {
	Rate    float64 `json:"rate,omitzero"`    // requests per second, from refusals
	Ceiling float64 `json:"ceiling,omitzero"` // the refused rate
	Crowd   int     `json:"crowd,omitzero"`   // concurrent requests, from refusals
	Latency float64 `json:"latency,omitzero"` // likewise, from the latency
	// Requests are allowed per window of so many seconds, learned from refusals.
	Requests int       `json:"requests,omitzero"`
	Window   float64   `json:"window,omitzero"`
	At       time.Time `json:"at"`
	// CrowdAt is when more than Crowd concurrent requests were last refused. A run within the limit
	// is not refused, and so does not confirm it.
	CrowdAt time.Time `json:"crowd_at,omitzero"`
}

// Recall starts with the results of an earlier run, if nothing is known yet.
func (p *Pace) Recall(l Learned, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	age := now.Sub(l.At)
	if age < 0 || age > Forgotten || !p.since.IsZero() || !math.IsInf(p.learned, 1) {
		return
	}
	if l.Rate >= leastLearned && l.Rate <= mostLearned {
		p.learned, p.proven, p.longest, p.stepAt = l.Rate, l.Rate, longest, now
		p.recalled = true
		if age < learnedFresh && l.Ceiling >= l.Rate && l.Ceiling <= 2*l.Rate {
			p.ceiling = l.Ceiling
		}
	}
	if since := now.Sub(l.CrowdAt); l.Crowd > 0 && l.Crowd < crowdSeen && since >= 0 && since <= learnedFresh {
		p.crowd.recall(l.Crowd, l.CrowdAt, now)
	}
	window := time.Duration(l.Window * float64(time.Second))
	if l.Requests >= budgetFew && l.Requests <= budgetMost && window >= time.Second && window <= time.Hour &&
		age <= learnedFresh {
		p.budget, p.before = budget{n: l.Requests, window: window, least: window, most: window,
			top: window}, newLesson()
	}
	if l.Latency >= 1 && l.Latency < unlimited {
		p.gradient.most = l.Latency
	}
}

// Learned returns what to save; false: nothing.
func (p *Pace) Learned(now time.Time) (Learned, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := Learned{At: now}
	if !math.IsInf(p.learned, 1) {
		l.Rate = p.learned
		if !math.IsInf(p.ceiling, 1) {
			l.Ceiling = p.ceiling
		}
		if p.probing { // not confirmed yet
			l.Rate, l.Ceiling = max(p.proven, leastLearned), 0
		}
	}
	if l.Crowd = p.crowd.lesson(now); l.Crowd > 0 {
		l.CrowdAt = p.crowd.last
	}
	if !math.IsInf(p.gradient.most, 1) {
		l.Latency = p.gradient.most
	}
	if p.budget.known() && !p.budget.slowly {
		l.Requests, l.Window = p.budget.n, p.budget.window.Seconds()
	}
	return l, l.Rate > 0 || l.Requests > 0 || l.Crowd > 0 || l.Latency > 0
}
