// crowd finds out whether a host refuses by how many requests are under way, and how many it takes.

package pace

import (
	"net/http"
	"time"
)

const (
	crowdSeen = 64 // so many under way, or more, are counted as one
	// share of the requests taken that may have been more than the limit: replies on their way
	// still count here
	crowdOver = 0.02
	crowdFew  = 3 // or so many
	// requests after which one more is tried, and a time: a minute at first, twice as long when it
	// was in vain
	crowdProbe   = 500
	crowdLeast   = 3                // requests under way; of fewer, the rate explains as much
	crowdProven  = 200              // requests taken, before it is believed that a 429 is not for the rate
	crowdSettled = 20 * time.Second // after which it counts what a limit lets through
	crowdBarred  = 10 * time.Minute
	crowdRepeats = 2   // refusals at the limit, hardly anything taken between them: then it is none
	crowdHeld    = 100 // requests taken at the limit, before the next run is told of it
)

// crowd counts, for each number of requests under way, how many were taken. Where the rate is what
// counts, requests are refused however few are under way. Where the crowd counts, those that were
// refused had more company than nearly all that were taken, where no company is what had left the
// host when they came. Two such refusals in a row make a limit, or three after some hundred
// requests if they are 429s, as for a rate. From there it follows the host: one less for a refusal,
// one more after some hundred requests that were taken while it was in use, and soon twice as many
// more each time that nothing is refused for it: a limit that was none is gone in a minute or two.
// The next run looks sooner. Where the host says that this is what it refuses for, or a refusal
// comes far sooner than other replies do, the first one makes a limit.
type crowd struct {
	taken    [crowdSeen + 1]int
	all      int
	refusals int           // one after another, all of them with more company than what was taken
	least    int           // of their company
	largest  int           // likewise
	last     time.Time     // of these refusals
	took     time.Duration // what was taken took, lately
	turn     time.Duration // the shortest time in which a refusal came back: the way to the host and back
	most     int           // the limit; 0: none
	among    int           // processes that asked the host when it was made: it is for one of them
	gap      time.Duration
	changed  time.Time // when the limit was lowered or raised
	since    int       // requests taken since then
	used     int       // of these, sent when the limit was reached
	raised   int       // by so many the limit was, and nothing was refused since
	recalled bool      // it is an earlier run's, and nothing was tried since
	held     int       // requests taken at it, since there is one
	repeats  int
	// Of a volley that has made a limit at once: how many of it were refused, and the most company
	// that one of them had.
	inVolley, outermost int

	barred time.Time // until then no limit is made: the last was wrong
}

func newCrowd() crowd { return crowd{} }

func (c *crowd) limit() int {
	if c.most == 0 {
		return unlimited
	}
	return c.most
}

// add takes in the fate of a request, beside which so many were under way together. It returns
// whether there is reason to make a limit, see adopt, or whether it has given one up.
func (c *crowd) add(f *Flight, now time.Time, status, together int, w Word) (found, lost bool) {
	switch {
	case w.Refused || status == 503:
		if took := now.Sub(f.sent); c.turn == 0 || took < c.turn {
			c.turn = took
		}
		if f.sent.Before(c.last) { // one of a volley
			if c.inVolley > 0 { // that has made the limit: what was inside is all of them but those that were refused
				c.inVolley++
				c.outermost = max(c.outermost, together)
				c.most = max(1, min(c.most, c.outermost-c.inVolley))
			}
			return false, false
		}
		c.last, c.inVolley = now, 0
		if c.most > 0 {
			return false, c.shrink(now, w.Crowd)
		}
		if n := min(f.crowd-f.early, crowdSeen); w.Crowd || n >= crowdLeast && !now.Before(c.barred) && c.likely() &&
			c.explains(n) {
			c.inVolley, c.outermost = 1, max(n, together)
			// what was inside is all of them but those that were refused: one, as far as is known
			c.largest = c.outermost
			return true, false
		}
		return c.refuse(min(f.crowd-f.gone, crowdSeen), now, status), false
	case status < 400:
		c.took += (now.Sub(f.sent) - c.took) / 4
		c.take(f, now)
	}
	return false, false
}

// likely reports whether what is taken takes far longer than a refusal: then requests are inside
// the host for long, and may well be too many at once. Where both take as long as the way, they
// hardly meet.
func (c *crowd) likely() bool { return c.turn > 0 && c.took > 3*c.turn }

func (c *crowd) refuse(n int, now time.Time, status int) (found bool) {
	if now.Before(c.barred) {
		return false
	}
	switch {
	case c.refusals == 0:
		c.least, c.largest = n, n
	case n == c.least-1: // it has changed places on the way with one that was sent at the same time
		return false
	case n == c.least+1 && !c.explains(c.least) && c.explains(n): // the former one had
		c.refusals, c.least, c.largest = 0, n, n
	}
	c.least, c.largest = min(c.least, n), max(c.largest, n)
	c.refusals++
	if !c.explains(c.least) {
		*c = crowd{last: c.last, turn: c.turn, took: c.took} // what counts is the rate
		return false
	}
	if status == http.StatusServiceUnavailable {
		return c.refusals >= 2
	}
	return c.refusals >= 3 && c.all >= crowdProven
}

// explains reports whether hardly any request was taken that had as much company.
func (c *crowd) explains(n int) bool {
	over := 0
	for i := n; i <= crowdSeen; i++ {
		over += c.taken[i]
	}
	return n >= crowdLeast && float64(over) <= max(crowdFew, crowdOver*float64(c.all))
}

// adopt makes a limit, which is found beside the other processes that ask the host: so many with
// this one.
func (c *crowd) adopt(now time.Time, processes int) {
	c.among = max(1, processes)
	c.most, c.gap, c.repeats, c.raised, c.held = max(1, c.largest-1), probeEvery, 0, 0, 0
	c.changed, c.since, c.used = now, 0, 0
}

// shrink lowers the limit, or gives it up if it keeps nothing from being refused, unless the host
// has said that it is what it refuses for.
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

// recall begins with the limit of an earlier run, which was last refused at a time.
func (c *crowd) recall(most int, last, now time.Time) {
	c.largest = most + 1
	c.adopt(now, 1)
	c.recalled, c.held, c.last = true, crowdHeld, last
}

// lesson returns the limit if the next run is to be told of it, else 0. What was tried last and was
// not refused yet is not part of it.
func (c *crowd) lesson(now time.Time) int {
	if c.held < crowdHeld || now.Sub(c.last) > learnedFresh {
		return 0
	}
	return c.most - c.raised
}

// due reports whether it is time to let more be under way.
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

// slower reports whether the host is asked more seldom for the limit than at the given rate. Where
// latency hardly varies, the crowd grows with the rate and explains as much: then the explanation
// is right by which the host takes more.
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
	if c.all > 10*crowdProbe { // old times count less
		c.all = 0
		for i := range c.taken {
			c.taken[i] /= 2
			c.all += c.taken[i]
		}
	}
}
