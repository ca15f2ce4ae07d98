// climb raises the learned rate again after a refusal: towards the refused rate, in large steps
// while that is far and rarely when it is near, staying just below it. At most once a minute or
// two, and after 500 requests, a probe exceeds it, because the limit may have been raised.

package pace

import "time"

const (
	longest    = 0.15        // step as a fraction of the rate
	quick      = 0.5         // likewise, while little is known of the limit
	closeBy    = 0.1         // within this distance to the ceiling, steps are rare, because some exceed it
	closest    = 0.01        // within this distance, the climb ends
	probeUp    = 1.06        // a probe as a multiple of the refused rate,
	probeNear  = 1.03        // or this, if the last one was refused: the limit may be in between
	probeEvery = time.Minute // minimum time since the last probe or refusal
	probeAfter = 500         // minimum number of requests, likewise: a failing probe costs one or two
	// probeCost is the minimum time since the last probe as a multiple of the time that a refusal
	// costs: failing probes cost 1.25 % of the time. Without it, a host that refuses everything for
	// 30 seconds is used to 69 %, not 95 %.
	probeCost time.Duration = 80
	// probeFirst is likewise for the first probe: the first guess may be far too low.
	probeFirst  time.Duration = 20
	probeLatest               = time.Hour
	probeRarest               = 2 * time.Minute
	probeStep                 = 15 * time.Second // minimum time of a probe, and
	probeSome                 = 100              // minimum requests of a successful probe before the next step
)

// climb raises the learned rate towards the ceiling, or beyond it if a probe is due.
func (p *Pace) climb(now time.Time) {
	elapsed := now.Sub(p.stepAt)
	top := below * p.ceiling
	gap := top/p.learned - 1
	requests, least := 5, time.Second
	switch {
	case p.longest == quick:
		least /= 2
	case gap < closeBy:
		requests, least = 100, 10*time.Second
	}
	if p.stepTaken < requests || elapsed < least {
		return
	}
	if gap < closest {
		p.probe(now)
		return
	}
	if p.used(elapsed) {
		// the capacity that the host saved up in the pause is still in use, so nothing is proven
		if now.Sub(p.refusedAt) < 2*p.paused {
			p.stepAt, p.stepTaken = now, 0
			return
		}
		p.proven = max(p.proven, p.learned)
		p.learned *= 1 + min(gap/2, p.longest)
	}
	p.stepAt, p.stepTaken = now, 0
}

// used reports whether the rate was used since the last step. Otherwise nothing is proven.
func (p *Pace) used(elapsed time.Duration) bool {
	return float64(p.stepTaken) >= 0.7*p.rate()*elapsed.Seconds()
}

// probe exceeds the ceiling if a probe is due.
func (p *Pace) probe(now time.Time) {
	times := probeFirst
	if p.failed {
		times = probeCost
	}
	gap, requests := max(p.probeGap, min(times*p.cost, probeLatest)), probeAfter
	if p.probing {
		gap, requests = max(probeStep, min(2*p.cost, probeLatest)), probeSome
	}
	elapsed := now.Sub(p.stepAt)
	if p.stepTaken < requests || elapsed < gap || !p.used(elapsed) {
		return
	}
	if p.probing { // not refused: the limit was raised, so continue in larger steps
		p.probeGain, p.failed = min(2, 1+2*(p.probeGain-1)), false
		p.probeGap = probeEvery
	}
	p.proven, p.probing = p.learned, true
	p.ceiling *= p.probeGain
	p.learned = below * p.ceiling
	p.stepAt, p.stepTaken = now, 0
}
