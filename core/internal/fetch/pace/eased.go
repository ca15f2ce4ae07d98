// eased lowers the rate while a host returns server errors: multiplicative decrease for a burst of
// errors, additive increase after it. After errors only, as from a host that was down, the increase
// begins with doublings, because nothing shows that the host can take little.

package pace

import (
	"math"
	"time"
)

const (
	easedOver  = 20   // replies in the fraction of failures
	easedClean = 5    // consecutive successes after which the trouble is over
	easedShare = 0.25 // fraction of failures that means trouble
	easedBy    = 0.7
	easedUp    = 0.05   // increase per second without trouble, as a fraction of the rate at its beginning
	easedFast  = 1. / 3 // fraction of that rate up to which it doubles,
	easedOpen  = 1.5    // or this, if that rate was not measured for a second; above, it is not lowered any more
	easedLeast = 0.2    // requests per second: the breaker, not this, stops requests;
	// largest reduction below the rate at the beginning, because some requests fail at any rate,
	easedDeep  = 20
	easedMild  = 2   // and while fewer than easedMost fail: a host in trouble fails more
	easedLong  = 100 // replies in the fraction of failures that decides it
	easedMost  = 0.36
	easedEvery = time.Second
)

type eased struct {
	share  float64 // recent fraction of failures
	long   float64 // fraction over a longer time
	clean  int     // successes since the last failure
	at     float64 // current rate; +Inf: none
	began  float64 // rate at the beginning of the trouble
	fast   float64 // easedFast or easedOpen
	change time.Time
	// The rate of replies, measured each second:
	second time.Time
	count  float64
	speed  float64
	known  bool // for a whole second
}

func newEased() eased { return eased{at: math.Inf(1)} }

func (e *eased) rate() float64 { return e.at }

// add processes a reply.
func (e *eased) add(now time.Time, failed bool) {
	e.measure(now)
	x := 0.0
	e.clean++
	if failed {
		x, e.clean = 1, 0
	}
	e.share += (x - e.share) / easedOver
	e.long += (x - e.long) / easedLong
	if e.clean >= easedClean {
		e.share = min(e.share, easedShare)
	}
	since := now.Sub(e.change)
	switch {
	case e.share > easedShare && since >= easedEvery:
		if math.IsInf(e.at, 1) {
			e.began, e.at, e.fast = e.speed, e.speed, easedFast
			if !e.known {
				e.fast = easedOpen
			}
		}
		deep := easedDeep
		if e.long < easedMost {
			deep = easedMild
		}
		e.at, e.change = max(easedLeast, e.began/float64(deep), easedBy*e.at), now
	case math.IsInf(e.at, 1) || e.share > easedShare || since < easedEvery:
	case e.at >= easedOpen*e.began:
		e.at = math.Inf(1)
	default:
		up := max(easedLeast, easedUp*e.began) * min(since.Seconds(), 10)
		if e.clean >= easedClean {
			up = max(up, min(e.at, e.fast*e.began-e.at))
		}
		e.at, e.change = e.at+up, now
	}
}

// back begins the increase for a host that was down, whose failures were those of the outage.
func (e *eased) back(now time.Time) {
	if math.IsInf(e.at, 1) {
		return
	}
	e.share, e.clean = min(e.share, easedShare), easedClean
	e.at, e.change = max(e.at, easedFast*e.began), now
}

// measure keeps the rate of the last whole second, or of a longer time with few replies; with
// failures, that of the second before.
func (e *eased) measure(now time.Time) {
	if e.second.IsZero() {
		e.second = now
	}
	e.count++
	if passed := now.Sub(e.second).Seconds(); passed >= 1 {
		speed := e.count / passed
		if e.share > easedShare/8 {
			speed = max(speed, e.speed) // failures slow requests down by themselves through backoff
		}
		e.speed, e.second, e.count, e.known = speed, now, 0, true
	} else {
		e.speed = max(e.speed, e.count)
	}
}
