// crowd detects a host that refuses by the number of concurrent requests, and finds its limit.

package pace

import (
	"net/http"
	"time"
)

const (
	learnedFresh = 36 * time.Hour // older results only start the search; daily runs are within it
	crowdSeen    = 64             // larger numbers of concurrent requests are counted as this one
	// fraction of accepted requests that may exceed the limit: replies in transit still count as
	// concurrent
	crowdOver = 0.02
	crowdFew  = 3 // or this number
	// Requests before one more is tried, and a time: a minute at first, twice as long after a
	// failed attempt.
	crowdProbe   = 500
	crowdLeast   = 3                // concurrent requests; with fewer, the rate is an equal explanation
	crowdProven  = 200              // accepted requests, before a 429 is attributed to concurrency
	crowdSettled = 20 * time.Second // after this time, accepted requests at the limit are counted
	crowdBarred  = 10 * time.Minute
	crowdRepeats = 2   // refusals at the limit with hardly any accepted request in between: the limit is given up
	crowdHeld    = 100 // accepted requests at the limit, before it is saved for the next run
)

// crowd counts the accepted requests by their concurrency. Under a rate limit, requests are refused
// at any concurrency. Under a concurrency limit, refused requests had more concurrent requests than
// nearly all accepted ones; concurrent are those already sent when the request arrived. Two such
// refusals in a row give a limit; for 429s, as of a rate, three after some hundred requests. The
// limit then follows the host: one less after a refusal, one more after some hundred requests
// accepted at the limit, and soon doubling steps while nothing is refused, so that a wrong limit is
// gone in a minute or two. The next run tries more sooner. If the host states that concurrency is
// the reason, or a refusal comes far sooner than other replies, the first refusal gives a limit.
type crowd struct {
	taken    [crowdSeen + 1]int
	all      int
	refusals int           // consecutive refusals with more concurrency than accepted requests
	least    int           // smallest concurrency of them
	largest  int           // largest concurrency of them
	last     time.Time     // time of the last one
	took     time.Duration // recent latency of accepted requests
	turn     time.Duration // shortest latency of a refusal: the round trip
	most     int           // the limit; 0: none
	among    int           // processes using the host when the limit was found; the limit is for one of them
	gap      time.Duration
	changed  time.Time // when the limit was last changed
	since    int       // accepted requests since then
	used     int       // of these, sent while the limit was reached
	raised   int       // increase of the limit without a refusal since
	recalled bool      // from an earlier run, not tested yet
	held     int       // accepted requests at the limit
	repeats  int
	// Of the last burst of requests: the number of refusals, the largest concurrency of one, and
	// whether they gave a limit at once.
	inBurst, outermost int
	atOnce             bool

	barred time.Time // no limit before then, because the last one was wrong
}

func newCrowd() crowd { return crowd{} }

func (c *crowd) limit() int {
	if c.most == 0 {
		return unlimited
	}
	return c.most
}

// add processes a reply. at is the concurrency with which its request may have reached the host,
// together the largest of those under way. found: there is evidence for a limit, see adopt. lost:
// the limit was given up.
func (c *crowd) add(f *Flight, now time.Time, status, at, together int, w Word) (found, lost bool) {
	switch {
	case w.Refused || status == 503:
		if took := now.Sub(f.sent); c.turn == 0 || took < c.turn {
			c.turn = took
		}
		burst := f.sent.Before(c.last)
		if !burst {
			c.last, c.inBurst, c.outermost, c.atOnce = now, 0, 0, false
		}
		c.inBurst++
		c.outermost = max(c.outermost, at, together)
		switch {
		case c.atOnce: // all of the burst except the refused requests was accepted
			c.most = max(1, min(c.most, c.outermost-c.inBurst))
			return false, false
		case c.most > 0 && !burst:
			return false, c.shrink(now, w.Crowd)
		case c.most > 0:
			return false, false
		case w.Crowd || at >= crowdLeast && !now.Before(c.barred) && c.likely() && c.explains(at):
			c.atOnce, c.largest = true, c.outermost-c.inBurst+1
			return true, false
		case burst:
			return false, false
		}
		return c.refuse(min(f.crowd-f.gone, crowdSeen), now, status), false
	case status < 400:
		c.took += (now.Sub(f.sent) - c.took) / 4
		c.take(f, now)
	}
	return false, false
}

// likely reports whether accepted requests take far longer than refusals. Then requests stay in the
// host for long and may exceed a concurrency limit. If both take only the round trip, they hardly
// overlap.
func (c *crowd) likely() bool { return c.turn > 0 && c.took > 3*c.turn }

func (c *crowd) refuse(n int, now time.Time, status int) (found bool) {
	if now.Before(c.barred) {
		return false
	}
	switch {
	case c.refusals == 0:
		c.least, c.largest = n, n
	case n == c.least-1: // reordered with a request sent at the same time
		return false
	case n == c.least+1 && !c.explains(c.least) && c.explains(n): // the previous one was
		c.refusals, c.least, c.largest = 0, n, n
	}
	c.least, c.largest = min(c.least, n), max(c.largest, n)
	c.refusals++
	if !c.explains(c.least) {
		*c = crowd{last: c.last, turn: c.turn, took: c.took} // the rate explains the refusals
		return false
	}
	if status == http.StatusServiceUnavailable {
		return c.refusals >= 2
	}
	return c.refusals >= 3 && c.all >= crowdProven
}

// explains reports whether hardly any request with this concurrency was accepted.
func (c *crowd) explains(n int) bool {
	over := 0
	for i := n; i <= crowdSeen; i++ {
		over += c.taken[i]
	}
	return n >= crowdLeast && float64(over) <= max(crowdFew, crowdOver*float64(c.all))
}

// adopt sets a limit that was found while this number of processes used the host.
func (c *crowd) adopt(now time.Time, processes int) {
	c.among = max(1, processes)
	c.most, c.gap, c.repeats, c.raised, c.held = max(1, c.largest-1), probeEvery, 0, 0, 0
	c.changed, c.since, c.used = now, 0, 0
}

// shrink lowers the limit. It gives the limit up if refusals continue, unless the host has stated
// that concurrency is the reason.
func (c *crowd) shrink(now time.Time, said bool) (lost bool) {
	switch {
	case c.raised > 0:
		c.repeats, c.gap = 0, min(2*c.gap, 16*probeEvery)
	case c.since < crowdProbe && !said:
		c.repeats++
	default:
		c.repeats = 0
	}
	if c.repeats >= crowdRepeats {
		c.giveUp(now)
		return true
	}
	c.most, c.raised, c.recalled = max(1, c.most-max(1, c.raised)), 0, false
	c.changed, c.since, c.used = now, 0, 0
	return false
}

// recall sets the limit of an earlier run, which was last confirmed by a refusal at last.
func (c *crowd) recall(most int, last, now time.Time) {
	c.largest = most + 1
	c.adopt(now, 1)
	c.recalled, c.held, c.last = true, crowdHeld, last
}

// lesson returns the limit to save for the next run; 0: none. It excludes the latest, unconfirmed
// increase.
func (c *crowd) lesson(now time.Time) int {
	if c.held < crowdHeld || now.Sub(c.last) > learnedFresh {
		return 0
	}
	return c.most - c.raised
}

// due reports whether to try one more concurrent request.
func (c *crowd) due(now time.Time) bool {
	requests, gap := crowdProbe, c.gap
	if c.raised > 0 || c.recalled {
		requests, gap = probeSome, probeStep
	}
	return c.most > 0 && c.used >= requests && now.Sub(c.changed) >= gap
}

func (c *crowd) giveUp(now time.Time) {
	*c = crowd{last: c.last, turn: c.turn, took: c.took, barred: now.Add(crowdBarred)}
}

// slower reports whether the limit gives a lower request rate than the given one. With nearly
// constant latency, concurrency grows with the rate, and both explain the refusals; then the
// explanation that allows more requests applies.
func (c *crowd) slower(than float64, now time.Time) bool {
	elapsed := now.Sub(c.changed)
	return c.most > 0 && c.since >= crowdProven && 2*c.used >= c.since && elapsed >= crowdSettled &&
		float64(c.since) < than*elapsed.Seconds()
}

func (c *crowd) take(f *Flight, now time.Time) {
	c.taken[min(f.crowd-f.early, crowdSeen)]++
	c.all++
	c.since++
	if min(f.crowd, crowdSeen) >= c.most {
		c.used++
		c.held++
	}
	if c.due(now) {
		c.raised = max(1, 2*c.raised)
		c.most += c.raised
		c.recalled = false
		c.changed, c.since, c.used = now, 0, 0
	}
	if c.all > 10*crowdProbe { // older requests count less
		c.all = 0
		for i := range c.taken {
			c.taken[i] /= 2
			c.all += c.taken[i]
		}
	}
}
