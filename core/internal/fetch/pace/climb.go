// climb raises the learned rate again after a refusal: towards the refused rate, in large steps
// while that is far and rarely when it is near, staying just below it. At most once a minute or
// two, and after 500 requests, a probe exceeds it, because the limit may have been raised.

package pace

import "time"

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
