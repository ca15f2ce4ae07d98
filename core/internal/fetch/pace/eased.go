// eased lowers the rate while a host is in trouble: multiplicatively for a burst of server errors,
// and additively back up. After errors alone, as of a host that was away, the way up begins with
// doublings: how much such a host takes is not known to be little.

package pace

import (
	"math"
	"time"
)

const (
	easedOver  = 20   // replies over which the share of failures is taken
	easedClean = 5    // replies without a failure after which the trouble is over, whatever the share
	easedShare = 0.25 // more than that is trouble
	easedBy    = 0.7
	easedUp    = 0.05   // of the rate at which the trouble began, for each second without it
	easedFast  = 1. / 3 // of that rate, up to which it doubles
	easedLeast = 0.2    // requests a second: whether a host is to be asked at all is not decided here;
	// nor less than the rate at which the trouble began by so much: some fail at times, however
	// seldom they are asked
	easedDeep  = 20
	easedEvery = time.Second
)

type eased struct {
	share  float64 // of failures, lately
	clean  int     // replies since the last failure
	at     float64 // the rate now; +Inf: none
	began  float64 // the rate at which the trouble began
	change time.Time
	// How fast requests come back, measured from second to second:
	second time.Time
	count  float64
	speed  float64
}

func newEased() eased { return eased{at: math.Inf(1)} }

func (e *eased) rate() float64 { return e.at }

// add takes in a reply.
func (e *eased) add(now time.Time, failed bool) {
	e.measure(now)
	x := 0.0
	e.clean++
	if failed {
		x, e.clean = 1, 0
	}
	e.share += (x - e.share) / easedOver
	if e.clean >= easedClean {
		e.share = min(e.share, easedShare)
	}
	since := now.Sub(e.change)
	switch {
	case e.share > easedShare && since >= easedEvery:
		if math.IsInf(e.at, 1) {
			e.began, e.at = e.speed, e.speed
		}
		e.at, e.change = max(easedLeast, e.began/easedDeep, easedBy*e.at), now
	case math.IsInf(e.at, 1) || e.share > easedShare || since < easedEvery:
	case e.at > 1.5*e.began:
		e.at = math.Inf(1)
	default:
		up := max(easedLeast, easedUp*e.began) * min(since.Seconds(), 10)
		if e.clean >= easedClean {
			up = max(up, min(e.at, easedFast*e.began-e.at))
		}
		e.at, e.change = e.at+up, now
	}
}

// back begins the way up for a host that was away: its failures were those of an outage.
func (e *eased) back(now time.Time) {
	if math.IsInf(e.at, 1) {
		return
	}
	e.share, e.clean = min(e.share, easedShare), easedClean
	e.at, e.change = max(e.at, easedFast*e.began), now
}

// measure keeps the speed: that of the last whole second, or of a longer time in which hardly
// anything came; where there are failures, the one before them.
func (e *eased) measure(now time.Time) {
	if e.second.IsZero() {
		e.second = now
	}
	e.count++
	if passed := now.Sub(e.second).Seconds(); passed >= 1 {
		speed := e.count / passed
		if e.share > easedShare/8 {
			speed = max(speed, e.speed) // failures slow down by themselves: each waits for its next attempt
		}
		e.speed, e.second, e.count = speed, now, 0
	} else {
		e.speed = max(e.speed, e.count)
	}
}
