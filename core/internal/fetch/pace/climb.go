// climb is how the learned rate of a pace rises again: towards the rate that was refused, in long
// steps while that is far and seldom when it is near, and it stays just below it. From time to
// time, at most once a minute or two and 500 requests, a probe goes beyond: the limit may have been
// raised.

package pace

import "time"

const (
	longest     = 0.15        // a step, as a share of the rate
	quick       = 0.5         // likewise, where hardly anything is known of the limit
	closeBy     = 0.1         // so near to the ceiling, steps are rare: one goes too far now and then
	closest     = 0.01        // here the climb is at an end
	probeUp     = 1.06        // a probe goes so far beyond the rate that was refused,
	probeNear   = 1.03        // or so far, if the last one was refused: the limit may lie between
	probeEvery  = time.Minute // at the earliest, since the last one or the last refusal
	probeAfter  = 500         // requests, likewise: a probe that fails costs one or two
	probeRarest = 2 * time.Minute
	probeStep   = 15 * time.Second // and
	probeSome   = 100              // requests, for which a probe that is not refused is kept before it goes on
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
		if now.Sub(p.refusedAt) < 2*p.paused { // what the host has saved up in the pause goes yet: nothing is proven
			p.stepAt, p.stepTaken = now, 0
			return
		}
		p.proven = max(p.proven, p.learned)
		p.learned *= 1 + min(gap/2, p.longest)
	}
	p.stepAt, p.stepTaken = now, 0
}

// used reports whether the rate was made use of since the last step: otherwise nothing is proven.
func (p *Pace) used(elapsed time.Duration) bool {
	return float64(p.stepTaken) >= 0.7*p.rate()*elapsed.Seconds()
}

// probe goes beyond the ceiling, if it is time.
func (p *Pace) probe(now time.Time) {
	gap, requests := p.probeGap, probeAfter
	if p.probing {
		gap, requests = probeStep, probeSome
	}
	elapsed := now.Sub(p.stepAt)
	if p.stepTaken < requests || elapsed < gap || !p.used(elapsed) {
		return
	}
	if p.probing { // nothing refused: the limit has been raised, go on in longer steps
		p.probeGain = min(2, 1+2*(p.probeGain-1))
		p.probeGap = probeEvery
	}
	p.proven, p.probing = p.learned, true
	p.ceiling *= p.probeGain
	p.learned = below * p.ceiling
	p.stepAt, p.stepTaken = now, 0
}
