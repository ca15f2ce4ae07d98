// eased lowers the rate while a host is in trouble: multiplicatively for a burst of server errors, and additively back up.

package fetch

import (
	"math"
	"time"
)

const (
	easedOver  = 20   // replies over which the share of failures is taken
	easedShare = 0.25 // more than that is trouble
	easedBy    = 0.7
	easedUp    = 0.05 // of the rate at which the trouble began, for each second without it
	easedLeast = 0.2  // requests a second: whether a host is to be asked at all is not decided here;
	easedDeep  = 20   // nor less than the rate at which the trouble began by so much: some fail at times, however seldom they are asked
	easedEvery = time.Second
)

type eased struct {
	share  float64 // of failures, lately
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
	if failed {
		x = 1
	}
	e.share += (x - e.share) / easedOver
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
		e.at, e.change = e.at+max(easedLeast, easedUp*e.began)*min(since.Seconds(), 10), now
	}
}

// measure keeps the speed: that of the last whole second, or of a longer time in which hardly anything came.
func (e *eased) measure(now time.Time) {
	if e.second.IsZero() {
		e.second = now
	}
	e.count++
	if passed := now.Sub(e.second).Seconds(); passed >= 1 {
		e.speed, e.second, e.count = e.count/passed, now, 0
	} else {
		e.speed = max(e.speed, e.count)
	}
}
