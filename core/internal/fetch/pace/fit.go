// fit estimates the rate of a token bucket, the most common kind of limit, from accepted and
// refused requests.

package pace

import (
	"math"
	"time"
)

const (
	fitLeast   = 0.05 // requests per second
	fitMost    = 5000
	fitStep    = 1.02 // factor between candidate rates
	fitSlack   = 0.3  // requests: latency varies, so the host's time of a request is not known exactly
	fitDeepest = 0.5  // seconds to fill a bucket; a larger bucket cannot be distinguished from a fixed window so soon
	fitRange   = 2    // a larger factor between the bounds is useless
)

// fit follows many candidate rates at once. For each, it computes the length of a queue that gains
// each accepted request and drains at that rate. A token bucket refuses exactly the requests that
// find the queue as long as the bucket is deep. So a candidate is wrong if a refused request found
// a shorter queue than an accepted one. For too low rates, the queues of accepted requests are
// long; for too high ones, those of refused requests are short. The depth of the bucket need not be
// known, and two refusals at different speeds suffice.
type fit struct {
	tries   []try
	last    time.Time // when the latest request was sent
	empty   time.Time // time of the last refusal, when the bucket was empty
	taken   int       // accepted since then
	granted float64   // requests per second between two refusals: a lower bound of the host's rate
}

type try struct {
	rate, queue float64
	taken       float64 // longest queue with an accepted request
	refused     float64 // shortest queue with a refused request
}

func newFit() *fit {
	f := &fit{}
	for r := fitLeast; r < fitMost; r *= fitStep {
		f.tries = append(f.tries, try{rate: r, taken: math.Inf(-1), refused: math.Inf(1)})
	}
	return f
}

// add processes a reply. Replies come out of order; before is the number of requests sent no later
// than this one that have no reply yet.
func (f *fit) add(sent time.Time, refused bool, before int) {
	var passed, late float64
	switch {
	case f.last.IsZero():
		f.last = sent
	case sent.After(f.last):
		passed, f.last = sent.Sub(f.last).Seconds(), sent
	default:
		late = f.last.Sub(sent).Seconds()
	}
	for i := range f.tries {
		t := &f.tries[i]
		t.queue = max(0, t.queue-t.rate*passed)
		if refused {
			t.refused = min(t.refused, t.queue+t.rate*late+float64(before)) // an upper bound of its queue
			continue
		}
		t.taken = max(t.taken, t.queue)
		t.queue++
	}
	if !refused {
		f.taken++
	}
}

// rates returns the lowest and highest rate that explain all replies, after a refusal at now with
// the rate inForce. It returns false if there is none, or the bounds are too far apart.
func (f *fit) rates(now time.Time, inForce float64) (low, high float64, ok bool) {
	if !f.empty.IsZero() {
		f.granted = max(f.granted, float64(f.taken-1)/now.Sub(f.empty).Seconds())
	}
	f.empty, f.taken = now, 0
	for _, t := range f.tries {
		if !t.explains() || t.rate*fitStep < f.granted {
			continue
		}
		if low == 0 {
			low = t.rate
		}
		high = t.rate
	}
	high = min(high, inForce)
	return low, high, low > 0 && low <= high && high < fitRange*low
}

// explains reports whether a host with this rate would have accepted and refused the same requests.
func (t try) explains() bool { return t.taken < t.refused+fitSlack && t.refused <= fitDeepest*t.rate }
