// alone detects endpoints with a limit of their own from refusals that do not say so.

package ratelimit

import (
	"maps"
	"time"
)

const (
	mostShapes = 256 // remembered shapes
	recentMost = 64  // replies that count
	// unlikely is the probability below which refusals are not attributed to a limit of the whole
	// host. It need not be small: an endpoint that is separated by mistake also obeys the host's
	// limit.
	unlikely = 0.55
	// faded is the weight of a refusal that is forgotten, after some hundred replies.
	faded = 1.0 / 8
)

// alone compares refused with accepted requests by endpoint. A limit of the whole host refuses
// endpoints in proportion to their requests, so several refusals of only one endpoint are unlikely
// while others are requested too.
//
// It counts from the first refusal. An accepted request of the refused endpoint after a pause ends
// nothing, because its own limit would accept it too. If another endpoint is refused as well, both
// are compared with the rest, and twice the evidence is needed.
type alone struct {
	since   time.Time          // when the first refused request was sent
	replies map[string]float64 // recent replies by endpoint
	refused map[string]float64 // of these, refusals
	doubt   float64            // doubles with each refused endpoint after the first
}

// add processes a reply to a request sent at sent, and reports whether its endpoint has a limit of
// its own.
func (a *alone) add(shape string, refused bool, sent time.Time) bool {
	if a.replies == nil && refused {
		*a = alone{since: sent, replies: map[string]float64{}, refused: map[string]float64{}, doubt: 0.5}
	}
	if a.replies == nil || sent.Before(a.since) || a.replies[shape] == 0 && len(a.replies) >= mostShapes {
		return false
	}
	a.replies[shape]++
	_, known := a.refused[shape]
	if refused {
		a.refused[shape]++
	}
	if refused && !known {
		a.doubt *= 2
	}
	if !known || a.chance()*a.doubt*float64(len(a.replies)) >= unlikely {
		a.fade()
		return false
	}
	delete(a.replies, shape)
	delete(a.refused, shape)
	return true
}

// chance returns the probability that as many random replies all belong to the refused endpoints.
func (a *alone) chance() float64 {
	var refusals, of, all float64
	for shape, n := range a.replies {
		all += n
		if r, ok := a.refused[shape]; ok {
			of, refusals = of+n, refusals+r
		}
	}
	p := 1.0
	for i := 0.0; i+1 <= refusals; i++ {
		p *= (of - i) / (all - i)
	}
	return p
}

// fade halves the weights after many replies.
func (a *alone) fade() {
	sum := 0.0
	for _, n := range a.replies {
		sum += n
	}
	if sum < recentMost {
		return
	}
	for _, m := range []map[string]float64{a.replies, a.refused} {
		for shape := range m {
			m[shape] /= 2
		}
		maps.DeleteFunc(m, func(_ string, n float64) bool { return n < faded })
	}
}
