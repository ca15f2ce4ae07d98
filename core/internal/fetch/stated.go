// What a host states about its limit, turned into a rate.

package fetch

import (
	"math"
	"time"
)

const (
	shortWindow = 15 * time.Second // up to this, requests are spaced evenly over the window
	coarse      = 2 * time.Second  // by so much a stated reset may be later than the real one: both clocks round
	spendCredit = 10 * time.Second // what a full bucket holds above its reserve is spent in this time
	reserve     = 0.1              // share of a bucket that is left to others who share the limit
)

// A host that states more or less than this is not taken at its word: its headers are foreign input.
const (
	mostStated  = 1e6
	leastStated = 1.0 / 60
)

// state takes over the limit that h states and returns how long to wait if nothing of it is left.
func (p *pace) state(h hints) time.Duration {
	wait := p.read(h)
	if !math.IsInf(p.stated, 1) {
		p.stated = min(max(p.stated, leastStated), mostStated)
	}
	return wait
}

func (p *pace) read(h hints) time.Duration {
	if h.fill > 0 {
		p.stated = below*h.fill + p.credit(h)
		return 0
	}
	window := h.window
	if window == 0 {
		window = p.guessWindow(h)
	}
	if h.remaining < 0 || window <= 0 {
		return 0
	}
	left := h.remaining - float64(len(p.underway))
	switch {
	case h.limit > 0 && window <= shortWindow:
		// Evenly spaced requests below the limit are never refused, wherever the window begins. The time
		// to the reset comes in whole seconds: too coarse to be of use here.
		p.stated = below * h.limit / window.Seconds()
	case h.reset <= 0:
		// How much is left is known, but not for how long.
	case h.remaining <= 0:
		return h.reset
	case left > h.limit/2 && h.limit > 0:
		p.stated = math.Inf(1) // plenty: what is not used now is lost
	default:
		p.stated = max(left, 1) / h.reset.Seconds()
	}
	return 0
}

// guessWindow tells the length of a window that is not named by the longest time to a reset that was seen. Such times are
// rounded up, which matters where windows are short: then the guess begins low and each refusal adds to it.
func (p *pace) guessWindow(h hints) time.Duration {
	p.longestReset = max(p.longestReset, h.reset)
	if p.longestReset > shortWindow {
		return p.longestReset
	}
	return min(max(p.longestReset-coarse, time.Second)+p.windowMore, p.longestReset)
}

// credit is what may be added to a bucket's fill rate while it holds more than its reserve.
func (p *pace) credit(h hints) float64 {
	if h.remaining < 0 || h.limit <= 0 {
		return 0
	}
	return max(0, h.remaining-float64(len(p.underway))-reserve*h.limit) / spendCredit.Seconds()
}
