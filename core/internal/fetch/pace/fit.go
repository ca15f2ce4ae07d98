// fit finds the rate of a token bucket, the commonest kind of limit, out of what it took and what
// it refused.

package pace

import (
	"math"
	"time"
)

const (
	fitLeast   = 0.05 // requests a second
	fitMost    = 5000
	fitStep    = 1.02 // from one rate that is tried to the next
	fitSlack   = 0.3  // requests: latency varies, so that the time at which the host counted one is not known exactly
	fitDeepest = 0.5  // seconds that a bucket takes to fill: a deeper one cannot be told from a fixed window so soon
	fitRange   = 2    // rates that are further apart are of no use
)

// fit tries many rates at once. For each it follows how long a queue would be that gains each
// request that was taken and is emptied at that rate. A token bucket refuses what finds that queue
// as long as the bucket is deep, and nothing else. So the host's rate is none at which a queue that
// was refused was shorter than another that was taken: if a rate is too low, the queues that were
// taken seem long; if it is too high, those that were refused seem short. How deep the bucket is
// need not be known, and two refusals at unequal speeds are enough.
type fit struct {
	tries   []try
	last    time.Time // when the latest request was sent
	empty   time.Time // the last refusal: the bucket was empty
	taken   int       // since then
	granted float64   // requests a second from one refusal to another: the host's rate is no less
}

type try struct {
	rate, queue float64
	taken       float64 // the longest queue that let a request in
	refused     float64 // the shortest that did not
}

func newFit() *fit {
	f := &fit{}
	for r := fitLeast; r < fitMost; r *= fitStep {
		f.tries = append(f.tries, try{rate: r, taken: math.Inf(-1), refused: math.Inf(1)})
	}
	return f
}

// add takes in the fate of a request. Replies come out of order: so many requests that were sent no
// later than this one have none yet.
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
			t.refused = min(t.refused, t.queue+t.rate*late+float64(before)) // it was no longer than that
			continue
		}
		t.taken = max(t.taken, t.queue)
		t.queue++
	}
	if !refused {
		f.taken++
	}
}

// rates returns the lowest and the highest rate that explain all that was seen, after a refusal at
// now of the rate inForce. It returns false if there is none, or if they are too far apart.
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

// explains reports whether a host with the rate of t would have taken and refused what was taken
// and refused.
func (t try) explains() bool { return t.taken < t.refused+fitSlack && t.refused <= fitDeepest*t.rate }
