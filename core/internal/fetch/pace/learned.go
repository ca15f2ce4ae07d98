// What one run learns for the next.

package pace

import (
	"math"
	"time"
)

const (
	learnedFresh = 36 * time.Hour // longer ago, it is where the search begins, no more; a run a day is within it
	mostLearned  = 1e6            // requests a second: more is a mistake
)

// Forgotten is the age at which nothing is left of what was learned.
const Forgotten = 7 * 24 * time.Hour

// Learned is what was learned of one host. Zeros are what was not learned.
type Learned struct {
	Rate    float64   `json:"rate,omitzero"`    // requests a second, learned of refusals
	Ceiling float64   `json:"ceiling,omitzero"` // that was refused
	Crowd   int       `json:"crowd,omitzero"`   // requests under way, learned of refusals
	Latency float64   `json:"latency,omitzero"` // likewise, learned of the latency
	At      time.Time `json:"at"`
	// CrowdAt is when more than Crowd were last refused. A run that keeps to it is not refused, and
	// so does not make it any truer.
	CrowdAt time.Time `json:"crowd_at,omitzero"`
}

// Recall begins with what an earlier run has learned, if nothing is known yet.
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
	if l.Latency >= 1 && l.Latency < unlimited {
		p.gradient.most = l.Latency
	}
}

// Learned returns what is to be kept; false if there is nothing.
func (p *Pace) Learned(now time.Time) (Learned, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := Learned{At: now}
	if !math.IsInf(p.learned, 1) {
		l.Rate = p.learned
		if !math.IsInf(p.ceiling, 1) {
			l.Ceiling = p.ceiling
		}
		if p.probing { // it is not known whether the host takes it
			l.Rate, l.Ceiling = max(p.proven, leastLearned), 0
		}
	}
	if l.Crowd = p.crowd.lesson(now); l.Crowd > 0 {
		l.CrowdAt = p.crowd.last
	}
	if !math.IsInf(p.gradient.most, 1) {
		l.Latency = p.gradient.most
	}
	return l, l.Rate > 0 || l.Crowd > 0 || l.Latency > 0
}
