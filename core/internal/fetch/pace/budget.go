// budget finds out whether a host that refuses without a word allows a number of requests per
// window, fixed or rolling: how many, and how long the window is.

package pace

import (
	"math"
	"slices"
	"time"
)

const (
	budgetFew  = 5           // smallest number of requests per window; below, a rate serves as well
	budgetMost = 10_000      // largest number
	budgetWait = time.Second // minimum time between refusals that exclude a bucket
	// A window allows more than budgetSure times what a bucket can have gained, plus budgetMore.
	budgetSure = 2
	budgetMore = 2
	budgetLike = 2    // largest ratio of two windows; the first may have been used up in part
	budgetOver = 1.5  // ratio to the expected number above which there are no windows
	budgetSnap = 1.35 // ratio of the bounds below which a usual length between them is assumed
	// budgetClose is the accepted error of the length.
	budgetClose = 0.01
	budgetStep  = 0.05 // first increase of a length that was too short
	// budgetSlow is the ratio of the rate in the first known window to the allowed one.
	budgetSlow   = 8
	budgetTest   = 16 // number of windows from one test for more to the next
	budgetLate   = 24 // the same if the requests of a window are spread out
	budgetParts  = 8  // number of parts of a window that expire separately if its requests are spread out
	budgetBarred = 10 * time.Minute
	budgetFewer  = 3 // consecutive windows with fewer requests that show that the host allows fewer
	budgetWrong  = 8 // refusals in the time of two windows' requests that show that n is wrong
	// budgetMargin is the least, and budgetJitter the largest difference in latency of two requests that
	// is allowed for: a request that comes too early at the end of a fixed window is refused.
	budgetMargin = 5 * time.Millisecond
	budgetJitter = 20 * time.Millisecond
)

// usual are the lengths of windows, the most common first.
var usual = []time.Duration{time.Minute, time.Hour, 10 * time.Second, 5 * time.Minute, 30 * time.Second,
	15 * time.Minute, 10 * time.Minute, time.Second, 5 * time.Second, 15 * time.Second, 20 * time.Second,
	2 * time.Minute, 30 * time.Minute, 2 * time.Second, 3 * time.Second}

// budget sees all accepted requests, and the refusals that state nothing. A token bucket that
// refuses two requests gains less than one token between them. If a host refuses for a while, then
// accepts many requests at once, and about as many as before, it has a window. A host that refuses
// everything for a time after a refusal looks the same. So the first known window is a test: its
// requests are sent slowly, and more of them than the window should allow.
//
// All windows are treated as rolling: with n requests per window, each request waits until the n-th
// before it is one window old. This obeys fixed windows too, and costs time only once there. The
// length of the window is between the longest age at which a request was refused and the shortest
// at which it was accepted.
type budget struct {
	n           int // requests per window; 0: unknown
	window      time.Duration
	least, most time.Duration // its bounds, if it is rolling
	top         time.Duration // its upper bound, if it is fixed
	late        time.Duration // a fixed window may have begun so long before its first request
	sends       []time.Time   // accepted requests that count
	ended       time.Time     // first refusal after them
	refused     time.Time     // when the last refused request was sent
	tries       int           // consecutive refusals at the end of a window
	next        time.Time     // when the next request may be sent; zero: now
	gone        int           // number of sends that expire then
	testing     bool          // more requests than n are sent
	slowly      bool          // in the first test
	since       int           // accepted requests since the last test
	misfits     int           // refusals within a window,
	misfit      int           // and since at the last of them
	fewer       int           // consecutive windows that ended after three quarters of n or sooner,
	fewest      int           // and after how many requests at most
	shorts      int           // refusals of requests that should have been accepted,
	shortsFrom  int           // and since when their count began
	barred      time.Time     // no window is assumed until then

	// While n is unknown, the previous requests:
	began    time.Time // first request
	from, to time.Time // first and last refusal after them
	taken    int
}

func (b *budget) known() bool { return b.n > 0 }

// rate returns the limit of the rate in the first test.
func (b *budget) rate() float64 {
	if b.known() && b.slowly {
		return budgetSlow * float64(b.n) / b.window.Seconds()
	}
	return math.Inf(1)
}

// left returns how many more requests may be sent.
func (b *budget) left(now time.Time, underway int) int {
	switch {
	case !b.known():
		return unlimited
	case now.Before(b.next):
		return 0
	}
	return max(0, b.n-(len(b.sends)-b.expired(now))-underway)
}

// expired returns how many of sends no longer count at now.
func (b *budget) expired(now time.Time) int {
	n := 0
	if !b.next.IsZero() && !now.Before(b.next) {
		n = b.gone
	}
	for n < len(b.sends) && now.Sub(b.sends[n]) >= b.window+margin(b.window) {
		n++
	}
	return n
}

// wait returns how long no request may be sent.
func (b *budget) wait(now time.Time, underway int) time.Duration {
	if b.left(now, underway) > 0 || len(b.sends) == 0 || b.testing && !now.Before(b.next) {
		return 0 // in a test, the requests beyond n are sent one by one
	}
	if !now.Before(b.next) {
		b.sends = b.sends[b.expired(now):]
		if len(b.sends) == 0 {
			return 0
		}
		// A test waits for all sends to expire: soon if they were close together, otherwise up to a window.
		rest := b.sends[len(b.sends)-1].Sub(b.sends[0])
		if b.since >= budgetTest*b.n && rest < b.window/budgetParts || b.since >= budgetLate*b.n {
			b.testing, b.since, b.misfit, b.shortsFrom = true, 0, 0, 0
		}
		b.plan(b.window)
	}
	return b.next.Sub(now)
}

// margin returns what is added to a window for requests that arrive early, a five-hundredth if
// possible.
func margin(window time.Duration) time.Duration {
	return min(max(budgetMargin, window/500), budgetJitter)
}

// plan sets when the next requests may be sent. Requests that were sent close together expire
// together.
func (b *budget) plan(window time.Duration) {
	last := max(1, min(len(b.sends), b.n/budgetParts)) - 1
	if b.testing { // a test needs a whole window
		last = len(b.sends) - 1
	}
	for from := last; last+1 < len(b.sends) && b.sends[last+1].Sub(b.sends[from]) < window/100; {
		last++
	}
	b.gone, b.next = last+1, b.sends[last].Add(window+margin(window))
}

// take records an accepted request. It returns true if the host turns out to have no windows.
func (b *budget) take(sent, now time.Time) (lost bool) {
	switch {
	case !b.known():
		if !b.ended.IsZero() && sent.After(b.refused) {
			b.again(sent)
		}
	case !sent.Before(b.next):
		if !b.next.IsZero() {
			b.passed(sent)
		}
		b.sends, b.next, b.gone = b.sends[b.expired(sent):], time.Time{}, 0
	}
	if len(b.sends)+1 >= b.n {
		b.fewer, b.fewest = 0, 0
	}
	at, _ := slices.BinarySearchFunc(b.sends, sent, time.Time.Compare)
	b.sends = slices.Insert(b.sends, at, sent)
	b.since++
	if len(b.sends) > budgetMost {
		b.sends = b.sends[1:]
	}
	if b.known() && b.slowly && float64(len(b.sends)) > budgetOver*float64(b.n)+1 {
		*b = budget{barred: now.Add(budgetBarred)}
		return true
	}
	return false
}

// again starts a new count after refusals, with an accepted request.
func (b *budget) again(sent time.Time) {
	b.began, b.from, b.to, b.taken = b.sends[0], b.ended, b.refused, len(b.sends)
	b.least, b.most, b.late = b.refused.Sub(b.began), sent.Sub(b.began), sent.Sub(b.refused)
	b.top = b.most
	b.sends, b.ended = nil, time.Time{}
}

// passed records that a request was accepted after the end of a window, or of a part of it.
func (b *budget) passed(sent time.Time) {
	if b.gone == 0 || b.gone > len(b.sends) {
		return
	}
	took := sent.Sub(b.sends[b.gone-1])
	if b.tries > 0 {
		b.most, b.top = took, took+b.late
		b.late = sent.Sub(b.refused)
	} else if took < b.most {
		b.most, b.top = took, min(b.top, took+b.late)
		b.late += took - b.least
	}
	b.guess()
	b.ended, b.tries = time.Time{}, 0
}

// guess sets the length of the window from its bounds.
func (b *budget) guess() {
	if float64(b.top) < budgetSnap*float64(b.least) {
		for _, u := range usual {
			if b.least <= u && u <= b.top {
				b.window = u
				return
			}
		}
	}
	if b.window = (b.least + b.most) / 2; float64(b.most-b.least) < 2*budgetClose*float64(b.least) {
		b.window = b.most
	}
}

// refuse records a refusal that states nothing. found says that it shows that the host has windows,
// lost that it shows the contrary.
func (b *budget) refuse(sent, now time.Time) (found, lost bool) {
	if now.Before(b.barred) || len(b.sends) == 0 {
		return false, false
	}
	first := b.ended.IsZero()
	b.refused = sent
	if first {
		b.ended = now
	}
	switch {
	case !b.known():
		if first && b.isWindow(now) {
			b.n, b.testing, b.slowly = len(b.sends), true, true
			b.guess()
			b.plan(b.window)
			return true, false
		}
	case first && b.testing && len(b.sends) >= b.n/budgetLike:
		b.n, b.testing, b.slowly, b.since, b.misfit, b.shortsFrom = len(b.sends), false, false, 0, 0, 0
		b.plan(b.window)
	default:
		return false, b.short(sent, now)
	}
	return false, false
}

// short records a refusal of a request that the window should allow.
func (b *budget) short(sent, now time.Time) (lost bool) {
	if b.since-b.shortsFrom > 2*b.n {
		b.shorts, b.shortsFrom = 0, b.since
	}
	if b.shorts++; b.shorts > max(budgetWrong, b.n/2) && b.since-b.shortsFrom > budgetFew {
		*b = budget{barred: now.Add(budgetBarred)}
		return true
	}
	if b.gone == 0 || b.next.IsZero() { // within a window
		if len(b.sends) <= b.n*3/4 {
			b.fewer++
			b.fewest = max(b.fewest, len(b.sends))
		}
		if b.fewer == budgetFewer && b.fewest >= budgetFew {
			b.n, b.fewer, b.fewest, b.misfits, b.misfit = b.fewest, 0, 0, 0, b.since
			b.plan(b.window)
			return false
		}
		if b.since-b.misfit > 2*b.n {
			b.misfits = 0
		}
		b.misfit = b.since
		if b.window >= b.most {
			b.misfits++
		}
		switch {
		case b.misfits < 2: // it is longer, or other users have a part of it
			b.least = max(b.least, b.window)
			b.most = max(b.most, b.least)
			b.window = b.most
		case b.misfits == 2 && len(b.sends) >= budgetFew:
			// The limit has fallen; how long the window is must be found out again, from here.
			b.n, b.misfits = len(b.sends), 0
			b.least, b.most = b.window, b.window+b.window/10
			b.top = b.most
			b.guess()
		default:
			*b = budget{barred: now.Add(budgetBarred)}
			return true
		}
		b.plan(b.window)
		return false
	}
	// The window is longer.
	from := b.sends[b.gone-1]
	b.least = max(b.least, sent.Sub(from))
	b.tries++
	next := b.least + time.Duration(budgetStep*float64(b.least)*float64(int(1)<<min(max(0, b.tries-3), 1)))
	if b.tries == 1 && b.most > b.least {
		next = b.most
	}
	b.window = next
	b.next = from.Add(next)
	return false
}

// isWindow reports whether more requests were accepted since the last refusals than a bucket can
// have gained.
func (b *budget) isWindow(now time.Time) bool {
	refused, n := b.to.Sub(b.from), float64(len(b.sends))
	if b.taken == 0 || refused < budgetWait || n < budgetFew ||
		max(b.from.Sub(b.began), now.Sub(b.sends[0])) > refused { // not at once
		return false
	}
	gained := now.Sub(b.from).Seconds() / refused.Seconds()
	return n > budgetSure*gained+budgetMore && n < budgetLike*float64(b.taken)*1.5 && budgetLike*n > float64(b.taken)
}
