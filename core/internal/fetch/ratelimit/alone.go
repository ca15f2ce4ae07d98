// alone finds endpoints that are refused for themselves, by refusals that do not say so.

package ratelimit

import (
	"maps"
	"time"
)

const (
	recentMost = 64 // replies that are weighed
	// unlikely is how improbable the refusals must be for a limit of the whole host. It need not be
	// much: an endpoint that is taken to be apart by mistake keeps to the host's limit as well.
	unlikely = 0.55
	// faded is the weight of a refusal that is forgotten, after some hundred replies.
	faded = 1.0 / 8
)

// alone weighs who is refused against who is taken. A limit of the whole host refuses endpoints as
// often as they are asked, so that of some refusals hardly all are of the same endpoint while
// others are asked as well.
//
// It counts from the first refusal on. That the refused endpoint is taken again, after a pause,
// ends nothing: its own limit would let it pass too. Where another endpoint is refused as well,
// both are weighed against the rest, and it takes twice as much to be believed.
type alone struct {
	since   time.Time          // when the first request that was refused was sent
	replies map[string]float64 // of each endpoint since, of late
	refused map[string]float64 // of these, refusals
	doubt   float64            // doubles with each endpoint that is refused, but the first
}

// add takes in a reply to a request sent at a time, and reports whether its endpoint is refused for
// itself.
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

// chance is how probable it is that as many replies, taken at random, are all of the endpoints that
// are refused.
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

// fade makes what has been count half, once there are many replies.
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
