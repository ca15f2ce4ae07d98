// refuse: what follows from a refusal, for the pause and for what is learned of the rate.

package pace

import (
	"cmp"
	"math"
	"math/rand/v2"
	"time"
)

// refuse processes a refusal and returns the pause. left is how long a stated limit has nothing
// left.
func (p *Pace) refuse(sent, now time.Time, w Word, left time.Duration, teaches bool) time.Duration {
	p.window = 1
	if most := p.crowd.limit(); most < unlimited {
		p.window = most // the allowed number is known
	}
	if !sent.After(p.refusedAt) {
		return w.Pause // it was concurrent with another refused request, whose pause applies
	}
	if p.refusals++; p.refusals == 1 {
		p.outage, p.broken = now, w.Broken
	}
	if p.spend(sent, now, w) {
		teaches = false
	}
	if teaches && !w.Busy && p.crowd.limit() == unlimited &&
		(p.suspect.active || w.Broken || !p.book.Found(p.taken, w.Pause, sent, now, p.serial)) {
		// Further refusals say nothing about the rate if the host refuses everything for a time.
		if w.Pause > 0 || !p.stale || p.taken < budgetFew || now.Sub(p.outage) < budgetWait && p.cost < dear {
			p.learn(now, max(cmp.Or(w.Pause, w.Least), p.cost))
		}
	}
	if w.Suspected {
		p.doubt(now)
	}
	pause := w.Pause
	if pause == 0 && left > 0 {
		pause = left
	}
	if pause == 0 {
		pause = p.budget.wait(now, len(p.underway))
	}
	if pause == 0 {
		pause = p.unsaid(now, w)
	}
	p.refusedAt, p.paused, p.stale = now, pause, true
	p.stepAt, p.stepTaken = now, 0
	if p.longest == quick {
		p.stepAt = now.Add(pause) // the search continues right after it
	}
	return pause
}

// unsaid returns the pause after a refusal that states none. The pauses double; if nothing is known of
// the limit either, its end is to be found, and they grow more slowly.
func (p *Pace) unsaid(now time.Time, w Word) time.Duration {
	if took := p.crowd.took; p.refusals == 1 && p.crowd.limit() < unlimited && took > 0 && w.Least == 0 {
		return min(firstPause, took) // a place is free again when another request ends
	}
	pause := min(pauseCap, max(firstPause, w.Least)<<min(p.refusals-1, 10))
	if !p.states {
		pause = min(pause, max(w.Least, pauseSoon, now.Sub(p.outage)/pauseLate))
	}
	return pause + rand.N(pause/10)
}

// spend shows budget a refusal that states nothing, and reports whether it concerns a window.
func (p *Pace) spend(sent, now time.Time, w Word) bool {
	if w.Pause > 0 || p.states || w.Crowd || w.Busy || w.Suspected || p.live > 1 ||
		p.crowd.limit() < unlimited {
		if p.budget.known() {
			p.lesson = p.before
		}
		p.budget = budget{}
		return false
	}
	switch found, lost := p.budget.refuse(sent, now); {
	case found:
		p.before, p.lesson = p.lesson, newLesson()
	case lost:
		p.lesson = p.before
	}
	return p.budget.known()
}

// doubt ends the trial of a host's 503s if they lower the rate again and again: then they concern
// no rate.
func (p *Pace) doubt(now time.Time) {
	switch s := &p.suspect; {
	case s.runs < suspectRuns: // the first guess may be far too high
	case s.first == 0:
		s.first = p.learned
	case p.learned < suspectFall*s.first:
		s.bar(now)
		p.lesson = s.before
	}
}

// learn lowers the rate to just below what the host grants, after a refusal that asks for a pause
// of wait.
func (p *Pace) learn(now time.Time, wait time.Duration) {
	inForce := min(p.rate(), p.book.Verdict(now, len(p.underway), p.serial).Rate)
	elapsed := now.Sub(p.since).Seconds()
	granted := float64(p.taken) / max(elapsed, 1) // limits rarely apply to less than a second
	p.longest = longest
	if math.IsInf(p.ceiling, 1) && p.taken < few && wait < dear {
		granted, p.longest = float64(p.taken)/(elapsed+saved), quick
	}
	low, high, fits := p.fit.rates(now, inForce)
	fits = fits && p.live < 2 // it does not see the requests of other processes
	switch {
	case p.taken == 0:
		// Another user has used up the limit: nothing to learn.
	case p.probing:
		p.probing, p.failed = false, true
		p.learned, p.ceiling = p.proven, p.proven/below
		if p.probeGain > probeUp { // the limit was raised and is between the two
			p.ceiling = inForce
		}
		p.probeGap = min(2*p.probeGap, probeRarest)
		if p.probeGain == probeUp {
			p.probeGain = probeNear
		} else {
			p.probeGain = probeUp
		}
	case math.IsInf(inForce, 1):
		p.learned = below * granted
		if wait >= costly && elapsed < 1 { // most likely the limit per second
			p.ceiling, p.volley = granted, true
		}
	case wait >= dear: // an accepted step may have used the host's saved capacity, so it proves nothing
		p.learned, p.ceiling, p.proven = below*min(granted, inForce), min(granted, inForce), 0
	case fits:
		p.ceiling, p.longest = high, longest
		p.learned, p.proven = below*math.Sqrt(low*high), below*low
	// So soon after the last refusal, too little is known about the granted rate except the pause.
	case elapsed < .5 && p.taken < few:
		p.learned, p.ceiling = rash*inForce, inForce
		if gain := float64(p.taken+1) / now.Sub(p.refusedAt).Seconds(); !p.refusedAt.IsZero() && gain < p.learned {
			p.learned = max(gain, hasty*inForce) // of a bucket that was empty then
		}
	case p.stale:
		p.learned = min(p.learned, below*granted) // only the pause was too short
	default:
		p.fit = newFit() // the host has changed, or has another kind of limit
		p.fall(inForce, granted)
	}
	p.learned = max(p.learned, leastLearned)
	if v := p.book.Verdict(now, len(p.underway), p.serial); v.Rate < math.Inf(1) {
		p.learned = max(p.learned, v.Rate/2) // other users do not exhaust a stated limit for long
	}
}

// fall lowers the rate after a refusal of inForce to what was granted or is proven.
func (p *Pace) fall(inForce, granted float64) {
	if inForce <= p.proven {
		p.proven = 0 // not valid any more
	}
	first := math.IsInf(p.ceiling, 1)
	p.ceiling = inForce
	if first && p.taken < 10 {
		p.ceiling *= 1.25 // so few prove little
	}
	p.learned = min(max(below*granted, p.proven), below*inForce)
}
