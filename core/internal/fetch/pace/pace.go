// Package pace finds out how fast a host may be asked. A Pace is told of every reply and answers
// with an order: the rate, how many requests may be under way, and a pause if one is due. It holds
// no timer and makes no request.
//
// Of the limits of the rate the least holds:
//
//   - fixed, from the pipeline file;
//   - eased, while the host is in trouble: see eased.go;
//   - stated, by the host: what follows from that is told in package limits. A budget is not a rate: it bounds the requests under way by what is
//     left of it, and is a pause when nothing is;
//   - learned, from refusals (429). The first comes soon and tells little: a guess, from which the rate climbs fast
//     until it is refused again. From then on fit knows the rate of a host that keeps a small token bucket. For all
//     others, what the host took from one refusal to the next is what it grants, and the rate falls to just below
//     that. How it rises again is told in climb.go;
//   - a budget that bare refusals show: see budget.go. It replaces what was learned.
//
// A refusal costs a pause, often of a whole second, however soon the host would take more. So in a
// short run each refusal that is saved counts for more than a rate that is nearer to the limit.
//
// What each part gains is shown by go run ./tools/pace, which leaves out one at a time and runs the
// tables of servers without it. Without
//
//   - the limit of requests under way (crowd.go), hosts that refuse by it are used to 26 to 82 %, and up to 20 % is refused;
//   - the trial of bare 503s (suspect.go), up to 16 % is refused;
//   - fit, a run of 300 requests against a small bucket takes 7 % longer, one of 3,000 1 %, and twice as many are refused;
//   - budgets that refusals show (limits.Book.Found), Spotify's is used to 90 %, not 98;
//   - windows that bare refusals show (budget.go), 60 requests a minute are used to 92 %, and 7 % is refused;
//   - probes (climb.go), a limit that is doubled is never found;
//   - rare probes where a refusal costs much (climb.go), a host that then refuses everything for 30 s is used to 69 %, not
//     95;
//   - easing (eased.go), a host in trouble is asked as fast as ever.
//
// The one of latency (gradient.go) gains no throughput: it keeps sixteen requests from standing in
// line inside a host that works on four.
//
// The first request to a host goes alone, and after a pause too: its reply may state the limit.
// Each reply that is not refused then lets one more be under way, up to the file's limit and to
// those that crowd.go and gradient.go find out.
package pace

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/fault"
	"github.com/scrapekit/scrapekit/core/internal/fetch/limits"
)

const (
	below = 0.97 // a rate that stays within a limit, as a fraction of it
	rash  = 0.8  // factor for a rate that was refused again at once
	hasty = 0.25 // smallest factor, likewise, if the bucket gains far less
	few   = 30   // requests: an earlier first refusal says little
	// seconds of capacity that a host has presumably saved up before the first request
	saved        = 0.2
	dear         = 3 * time.Second // a pause that costs more than too low a guess
	costly       = 5 * time.Second // a pause that is worth few attempts
	leastLearned = 1.0 / 600
	longWait     = 2 * time.Minute        // a pause of a budget, which says nothing about a rate
	firstPause   = 500 * time.Millisecond // after a refusal without a stated pause
	skewed       = 5 * time.Second        // likewise, if it states one by a clock that is not known yet
	pauseCap     = time.Minute
	// pauseSoon is the length up to which the pauses after refusals without a stated pause double.
	// Later ones are a fraction of the time since the first refusal.
	pauseSoon = 4 * time.Second
	pauseLate = 5
)

// Pace is the pace of one host, or a part of it. Make one with [New]. Its methods may be called by
// several goroutines at the same time.
type Pace struct {
	mu       sync.Mutex
	fixed    float64
	burst    int // of fixed
	places   int // from the file
	book     limits.Book
	clock    limits.Clock
	serial   int  // number of sent requests
	live     int  // processes that use the host; 0: only this one
	told     news // to the others, or by one of them
	usual    bool // the host sends Retry-After with good replies too
	states   bool // the host has stated a limit
	suspect  suspect
	budget   budget
	again    again
	window   int
	underway []*Flight
	crowd    crowd
	gradient gradient
	eased    eased

	// Of accepted requests since the last informative refusal:
	since     time.Time
	taken     int
	stale     bool      // a refusal has ended the count; the next accepted reply begins another
	refusedAt time.Time // last refusal: replies to requests sent before it add nothing
	paused    time.Duration
	brokeAt   time.Time     // last server error, likewise
	refusals  int           // consecutive refusals without an accepted request
	outage    time.Time     // the first of them
	broken    bool          // it may be of an outage
	volley    bool          // the rate was learned from it, before the replies in progress came
	cost      time.Duration // time from the first of the last series to the next accepted request

	lesson
	before lesson // replaced by crowd or budget

	// Of the increase:
	stepAt    time.Time // when the rate was last changed
	stepTaken int       // accepted since then
	longest   float64   // step as a fraction of the rate: larger while little is known
	probing   bool
	failed    bool // the last probe was refused
	probeGap  time.Duration
	probeGain float64
}

// New returns a pace without any knowledge.
func New() *Pace {
	inf := math.Inf(1)
	return &Pace{fixed: inf, burst: 1, lesson: newLesson(), places: unlimited, window: 1, crowd: newCrowd(),
		eased: newEased(), gradient: newGradient(), probeGap: probeEvery, probeGain: probeUp}
}

// Fix sets the limits of the pipeline files; 0: none.
func (p *Pace) Fix(rate float64, burst, places int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fixed, p.burst, p.places = math.Inf(1), 1, unlimited
	if rate > 0 {
		p.fixed, p.burst = rate, burst
	}
	if places > 0 {
		p.places = places
	}
}

// Began records a request that is sent now. It ends with Observe or Failed.
func (p *Pace) Began(now time.Time) *Flight {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serial++
	f := &Flight{sent: now, serial: p.serial, crowd: len(p.underway) + 1}
	p.underway = append(p.underway, f)
	return f
}

// Failed ends a request without a reply. blame: the host or the network has failed.
func (p *Pace) Failed(f *Flight, now time.Time, blame bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remove(f, now)
	if blame {
		p.eased.add(now, true)
	}
}

// remove removes a request from those in progress, and returns how many of the others were sent no
// later.
func (p *Pace) remove(f *Flight, now time.Time) (before int) {
	i := slices.Index(p.underway, f)
	if i >= 0 {
		p.underway = slices.Delete(p.underway, i, i+1)
	}
	for at, other := range p.underway {
		if !other.sent.After(f.sent) {
			before++
		}
		if i >= 0 && at >= i { // f was counted as concurrent
			other.gone++
			if now.Sub(other.sent) < p.crowd.turn {
				other.early++
			}
		}
	}
	return before
}

// Order returns the current order.
func (p *Pace) Order() Order {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current(time.Now())
}

// current is Order with the lock held.
func (p *Pace) current(now time.Time) Order {
	v := p.book.Verdict(now, len(p.underway), p.serial)
	o := Order{Rate: min(p.rate(), v.Rate), Burst: 1}
	switch {
	case math.IsInf(o.Rate, 1):
	case o.Rate == p.fixed:
		o.From, o.Burst = "file", p.burst
	case o.Rate == p.eased.rate():
		o.From = "5xx"
	case o.Rate == v.Rate:
		o.From, o.Of = "stated", v.RateOf
	default:
		o.From = "learned"
	}
	// Above some hundred per second, the clock is too coarse to space single requests.
	if few := o.Rate / 200; few > float64(o.Burst) && !math.IsInf(o.Rate, 1) {
		o.Burst = int(few) + 1
	}
	o.Window, o.WindowFrom = p.places, "file"
	for _, w := range []struct {
		size int
		from string
	}{{p.part(v.Places, 1), "stated"}, {p.budgeted(now), "learned"},
		{p.part(p.crowd.limit(), p.crowd.among), "learned"},
		{p.gradient.window(), "latency"}, {p.window, "start"}} {
		if w.size < o.Window {
			o.Window, o.WindowFrom = w.size, w.from
		}
	}
	if o.WindowFrom == "stated" {
		o.Of = v.PlacesOf
	}
	return o
}

// part returns this process's part of a number of concurrent requests that belongs to a number of
// processes.
func (p *Pace) part(places, processes int) int {
	live := max(1, p.live)
	if places >= unlimited || live <= processes {
		return places
	}
	return max(1, places*processes/live)
}

// budgeted returns the number of concurrent requests that the rest of a window allows.
func (p *Pace) budgeted(now time.Time) int {
	return max(1, min(unlimited, p.budget.left(now, len(p.underway))+len(p.underway)))
}

// rate returns the limit of the rate without stated limits.
func (p *Pace) rate() float64 { return min(p.fixed, p.learned, p.budget.rate(), p.eased.rate()) }

// Read interprets a reply at now to a request sent at sent: its stated limits, and whether it is a
// refusal.
func (p *Pace) Read(sent, now time.Time, status int, header http.Header) Word {
	p.mu.Lock()
	defer p.mu.Unlock()
	if status < 300 && header.Get("Retry-After") != "" && header.Get("Retry-After") != "0" {
		p.usual = true
	}
	w := Word{Statement: limits.Read(status, header, now, &p.clock)}
	w.Refused = w.Refuses(status, p.usual) || mayRefuse(status) && p.book.Dear(w.Statement)
	if w.Refused && status < 500 && status != http.StatusTooManyRequests && status != 420 && w.Wait == 0 &&
		w.Says == "" {
		w.Refused, w.Unsure = mayRefuse(status), true
	}
	w.Broken = status == http.StatusServiceUnavailable
	w.Busy = w.Broken
	if w.Busy && w.Refused && p.again.see(sent, now, p.suspect.taken) {
		w.Busy = false
	}
	began := p.suspect.active
	// If a host states its limits and has something left, a 503 that does not mention them is no
	// refusal.
	if p.suspect.see(sent, now, status, w.Busy && !w.Refused && !p.book.HasLeft(now)) {
		w.Refused, w.Busy, w.Suspected = true, false, true
		if !began { // the 503s before it were refusals too, so the rate was not one that they were refused at
			p.suspect.before, p.eased = p.lesson, newEased()
		}
	} else if began && !p.suspect.active {
		p.lesson = p.suspect.before
	}
	if w.Refused {
		w.Pause = w.Wait
		if w.Pause == 0 && w.Behind(header, now) {
			w.Least = skewed
		}
	}
	return w
}

// mayRefuse reports whether a 4xx that only states an exhausted limit is a refusal. GitHub,
// Foursquare and Linear use these; a 404 or a 401 concerns the request, which used the last unit.
func mayRefuse(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusPaymentRequired, http.StatusForbidden:
		return true
	}
	return false
}

// Observe processes the reply to f.
func (p *Pace) Observe(f *Flight, now time.Time, status int, w Word, latency Sample) Order {
	p.mu.Lock()
	defer p.mu.Unlock()
	sent, before := f.sent, p.remove(f, now)
	if p.since.IsZero() {
		p.since = sent
	}
	p.book.Note(w.Statement, sent, now, f.serial)
	if status < 400 && !w.Refused {
		p.book.Taken(w.Statement)
	}
	v := p.book.Verdict(now, len(p.underway), p.serial)
	if len(w.Limits) > 0 && !w.Refused && p.recalled {
		p.recalled, p.lesson = false, newLesson() // a statement of the host replaces what an earlier run has learned
	}
	if w.Refused {
		p.book.Refused(sent.After(p.refusedAt))
	}
	// A refusal because of an exhausted budget or a concurrency limit says nothing about the rate.
	teaches := w.Refused && !w.Crowd && !p.book.UsedUp(now, len(p.underway)) && w.Pause < longWait
	if p.live > 1 && !math.IsInf(v.Rate, 1) {
		teaches = false // other users share the stated limit
	}
	if status < 500 && !w.Crowd && (teaches || !w.Refused) { // a failing host may count a request or not
		p.fit.add(sent, w.Refused, before)
	}
	p.states = p.states || len(w.Limits) > 0
	windows := p.budget.known() || now.Before(p.budget.barred) // refusals are most likely of those
	if teaches && !windows || !w.Refused || w.Crowd {
		p.company(f, now, status, w, v)
	}
	p.eased.add(now, status >= 500 && !w.Refused && p.crowd.limit() == unlimited)
	if status < 400 && !w.Refused {
		p.gradient.add(f, now, latency)
	}
	var pause time.Duration
	var cause, by string
	switch left := v.Until.Sub(now); {
	case w.Refused:
		cause = fault.StatusCause(status)
		pause = p.refuse(sent, now, w, left, teaches)
		if by = w.WaitFrom; w.Pause == 0 && pause == left {
			by = v.UntilOf
		}
	case w.Pause > 0: // a successful reply that asks for a pause
		cause, pause = "as the reply asks", w.Pause
		p.window = 1
	case left > 0:
		cause, pause, by = "quota used up", left, v.UntilOf
		p.window = 1
	case status >= 500:
		if sent.After(p.brokeAt) {
			p.brokeAt, p.window = now, max(1, p.window*7/10)
		}
	default:
		pause = p.take(sent, now)
		if pause > 0 {
			cause, by = "quota used up", fmt.Sprintf("%d in %s, as refusals show", p.budget.n,
				limits.Short(p.budget.window))
			p.window = 1
		}
	}
	o := p.current(now)
	o.Pause, o.Cause, o.By, o.Refused = pause, cause, by, w.Refused
	return o
}

// company passes the reply to crowd.
func (p *Pace) company(f *Flight, now time.Time, status int, w Word, v limits.Verdict) {
	together, at := f.crowd, f.crowd-f.early
	for _, other := range p.underway {
		together = max(together, other.crowd)
		if other.sent.Sub(f.sent).Abs() <= p.crowd.turn/4 { // these reach the host in any order
			at = max(at, other.crowd-other.early)
		}
	}
	switch found, lost := p.crowd.add(f, now, status, min(at, crowdSeen), min(together, crowdSeen), w); {
	case found && math.IsInf(v.Rate, 1): // the host refuses by concurrency, not by rate
		p.crowd.adopt(now, p.live)
		p.budget = budget{}
		p.before = p.lesson
		p.lesson, p.eased = newLesson(), newEased()
	case lost:
		p.lesson = p.before
	case !math.IsInf(p.before.learned, 1) && p.crowd.slower(p.before.learned, now):
		p.crowd.giveUp(now)
		p.lesson = p.before
	}
}

// take processes an accepted reply and returns the pause, if it has used up a window.
func (p *Pace) take(sent, now time.Time) time.Duration {
	if sent.After(p.refusedAt) { // requests in progress at a refusal say nothing about the time after it
		p.window = min(p.window+1, p.places)
		if p.stale {
			if p.refusals > 0 && !p.broken {
				p.cost = sent.Sub(p.outage)
			}
			p.stale, p.refusals = false, 0
			if p.volley && !math.IsInf(p.learned, 1) { // requests in progress at the refusal count too
				// A bucket gains meanwhile. Limits per second are whole numbers.
				p.ceiling = math.Ceil(float64(p.taken) / (1 + p.refusedAt.Sub(p.since).Seconds()))
				p.learned, p.volley = below*p.ceiling, false
			}
			// A host saves up between none and all of its capacity in a pause, and rarely more than
			// for a second.
			p.since, p.taken = p.refusedAt.Add(p.paused-min(p.paused/2, time.Second)), 0
		}
	}
	p.taken++
	p.stepTaken++
	if !math.IsInf(p.learned, 1) {
		p.climb(now)
	}
	if p.budget.take(sent, now) {
		p.lesson = p.before
	}
	return p.budget.wait(now, len(p.underway))
}

// Share records how many processes use the host, and how many requests the others have made. Limits
// are shared by all of them.
func (p *Pace) Share(live, taken int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.live = live
	p.serial += taken
	p.taken += taken
	p.stepTaken += taken
}

// Holds returns the order at now, and the stated limits.
func (p *Pace) Holds(now time.Time) (Order, []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current(now), p.book.Stated(now)
}

// Move moves what was learned about the rate to another pace, to which it belongs.
func (p *Pace) Move(to *Pace) {
	p.mu.Lock()
	l := p.lesson
	p.lesson, p.book = newLesson(), limits.Book{}
	p.mu.Unlock()
	to.mu.Lock()
	defer to.mu.Unlock()
	if math.IsInf(to.learned, 1) {
		to.lesson = l
	}
}

// Restart sends requests one by one again, as at the start.
func (p *Pace) Restart(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.window = 1
	p.eased.back(now)
}
