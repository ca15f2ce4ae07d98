// pace finds out how fast a host may be asked. It is told of every reply and answers with an order: the
// rate, how many requests may be under way, and a pause if one is due. It holds no timer and makes no request.
//
// Three limits, of which the least holds:
//
//   - fixed, from the pipeline file;
//   - stated, by the host's headers: kept a little below, so that unequal latency does not break it;
//   - learned, from refusals (429). What the host took from one refusal to the next, the pause between
//     included, is what it grants: the rate falls to just below that. Then it climbs towards the rate that was
//     refused, quickly while that is far and seldom when it is near, and stays just below it. From time to time, at most
//     once a minute and 500 requests and ever more rarely if it fails, a probe goes beyond: the limit may have
//     been raised.
//
// The first request to a host goes alone, and after a pause too: its reply may state the limit. Each
// reply that is not refused then lets one more be under way.

package fetch

import (
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	below        = 0.97 // a rate that keeps to a limit, as a share of it
	longest      = 0.15 // a step up, as a share of the rate
	closeBy      = 0.2  // so near to the ceiling, steps are rare: one goes too far now and then
	closest      = 0.01
	leastLearned = 1.0 / 600
	probeUp      = 1.06        // a probe goes so far beyond the rate that was refused
	probeEvery   = time.Minute // at the earliest, since the last one or the last refusal
	probeAfter   = 500         // requests, likewise: a probe that fails costs one or two
	probeRarest  = 30 * time.Minute
	firstPause   = 500 * time.Millisecond // after a refusal that names none
	pauseCap     = time.Minute
	unlimited    = 1 << 20 // requests under way: the gate has its own limit
)

// order is what the pace asks for.
type order struct {
	rate   float64 // requests per second; +Inf: no limit
	burst  int     // that may go at once after a rest
	window int     // requests under way
	pause  time.Duration
	cause  string // of the pause
	from   string // where the rate comes from: file, stated, learned, or nothing
}

type pace struct {
	mu       sync.Mutex
	fixed    float64
	burst    int // for fixed
	stated   float64
	statedW  time.Duration // the longest time to a reset that was seen: the window, where it is not named
	learned  float64
	window   int
	underway int

	// Of what the host took since the last refusal that taught something:
	since     time.Time
	taken     int
	stale     bool      // a refusal has ended the count; the next reply that is not refused begins another
	refusedAt time.Time // the last refusal: replies to requests sent before it teach nothing new
	refusals  int       // one after another, with nothing taken between them

	// Of the way back up:
	ceiling   float64   // the rate that was refused
	proven    float64   // the highest rate that was kept for a step, below the ceiling
	stepAt    time.Time // when the rate was last changed
	stepTaken int       // since then
	longest   float64   // a step, as a share of the rate: more while little is known
	probing   bool
	probeGap  time.Duration
	probeGain float64
}

func newPace() *pace {
	inf := math.Inf(1)
	return &pace{fixed: inf, burst: 1, stated: inf, learned: inf, ceiling: inf, window: 1, probeGap: probeEvery, probeGain: probeUp}
}

// fix takes over a rate of the pipeline file if it is the strictest so far, and reports whether it is.
func (p *pace) fix(rate float64, burst int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if rate <= 0 || rate >= p.fixed {
		return false
	}
	p.fixed, p.burst = rate, burst
	return true
}

// began and ended count the requests under way; observe ends one too.
func (p *pace) began() {
	p.mu.Lock()
	p.underway++
	p.mu.Unlock()
}

func (p *pace) ended() {
	p.mu.Lock()
	p.underway--
	p.mu.Unlock()
}

// order returns what holds now.
func (p *pace) order() order {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current()
}

// current is order under the lock.
func (p *pace) current() order {
	o := order{rate: p.rate(), burst: 1, window: p.window}
	switch {
	case math.IsInf(o.rate, 1):
	case o.rate == p.fixed:
		o.from, o.burst = "file", p.burst
	case o.rate == p.stated:
		o.from = "stated"
	default:
		o.from = "learned"
	}
	// Above some hundred a second the clock is too coarse to space single requests.
	if few := o.rate / 200; few > float64(o.burst) && !math.IsInf(o.rate, 1) {
		o.burst = int(few) + 1
	}
	return o
}

func (p *pace) rate() float64 { return min(p.fixed, p.stated, p.learned) }

// observe takes in the reply to a request that went at sent and came back at now.
func (p *pace) observe(sent, now time.Time, status int, h hints) order {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.underway--
	if p.since.IsZero() {
		p.since = sent
	}
	wait := p.state(h)
	refused := status == 429 || status == 503 && h.retryAfter > 0
	var pause time.Duration
	var cause string
	switch {
	case refused:
		cause = statusCause(status)
		pause = p.refuse(sent, now, status, h.retryAfter, wait)
	case wait > 0:
		cause, pause = "quota used up", wait
		p.window = 1
	default:
		p.take(sent, now)
	}
	o := p.current()
	o.pause, o.cause = pause, cause
	return o
}

// refuse takes in a refusal and returns the pause that is due.
func (p *pace) refuse(sent, now time.Time, status int, asked, wait time.Duration) time.Duration {
	p.window = 1
	if !sent.After(p.refusedAt) {
		return asked // it was under way when another was refused, and is held back by that one's pause
	}
	p.refusals++
	if status == 429 { // a 503 says that the host is busy, not that it was asked too often
		p.learn(now)
	}
	p.refusedAt, p.stale = now, true
	switch {
	case asked > 0:
		return asked
	case wait > 0:
		return wait
	}
	pause := min(pauseCap, firstPause<<min(p.refusals-1, 10))
	return pause + rand.N(pause/10)
}

// learn lowers the rate to just below what the host took since the last refusal.
func (p *pace) learn(now time.Time) {
	inForce := p.rate()
	elapsed := max(now.Sub(p.since).Seconds(), 1) // limits are hardly ever kept for less than a second
	granted := float64(p.taken) / elapsed
	p.stepAt, p.stepTaken = now, 0
	switch {
	case p.taken == 0:
		// Somebody else has used the limit up: nothing to learn from.
	case p.probing:
		p.probing = false
		p.probeGap, p.probeGain = min(2*p.probeGap, probeRarest), probeUp
		p.learned, p.ceiling = p.proven, p.proven/below
	case math.IsInf(inForce, 1):
		// A short time: in the long run it may be less, if the host had saved some up, or more.
		p.learned, p.longest = below*granted, longest
		if p.taken < 10 {
			p.longest = 1
		}
	case p.stale:
		p.learned = min(p.learned, below*granted) // the pause was too short, that is all
	default:
		if inForce <= p.proven {
			p.proven = 0 // it holds no more
		}
		first := math.IsInf(p.ceiling, 1)
		p.ceiling, p.longest = inForce, longest
		if first && p.taken < 10 {
			p.ceiling *= 1.25 // so few prove little
		}
		p.learned = min(max(below*granted, p.proven), below*inForce)
	}
	p.learned = max(p.learned, leastLearned)
	if p.stated < math.Inf(1) {
		p.learned = max(p.learned, p.stated/2) // others who share a stated limit do not take it for long
	}
}

// take takes in a reply that is not a refusal.
func (p *pace) take(sent, now time.Time) {
	if sent.After(p.refusedAt) { // what was under way at a refusal says nothing of the time after it
		p.window = min(p.window+1, unlimited)
		if p.stale {
			p.stale, p.refusals = false, 0
			p.since, p.taken = p.refusedAt, 0
		}
	}
	p.taken++
	p.stepTaken++
	if !math.IsInf(p.learned, 1) {
		p.climb(now)
	}
}

// climb raises the learned rate towards the ceiling, or beyond it if a probe is due.
func (p *pace) climb(now time.Time) {
	elapsed := now.Sub(p.stepAt)
	top := below * p.ceiling
	gap := top/p.learned - 1
	if p.stepTaken < 5 || elapsed < time.Second || gap < closeBy && (p.stepTaken < 100 || elapsed < 10*time.Second) {
		return
	}
	if gap < closest {
		p.probe(now)
		return
	}
	if p.used(elapsed) {
		p.proven = max(p.proven, p.learned)
		p.learned *= 1 + min(gap/2, p.longest)
	}
	p.stepAt, p.stepTaken = now, 0
}

// used reports whether the rate was made use of since the last step: otherwise nothing is proven.
func (p *pace) used(elapsed time.Duration) bool {
	return float64(p.stepTaken) >= 0.7*p.rate()*elapsed.Seconds()
}

// probe goes beyond the ceiling, if it is time.
func (p *pace) probe(now time.Time) {
	gap := p.probeGap
	if p.probing { // the last one has been kept for a while
		gap = probeEvery / 4
	}
	elapsed := now.Sub(p.stepAt)
	if p.stepTaken < probeAfter || elapsed < gap || !p.used(elapsed) {
		return
	}
	if p.probing { // nothing refused: the limit has been raised, go on in longer steps
		p.probeGain = min(2, 1+2*(p.probeGain-1))
		p.probeGap = probeEvery
	}
	p.proven, p.probing = p.learned, true
	p.ceiling *= p.probeGain
	p.learned = below * p.ceiling
	p.stepAt, p.stepTaken = now, 0
}
