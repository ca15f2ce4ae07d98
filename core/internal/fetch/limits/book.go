// Book: what a host has stated recently, and the resulting limits.

package limits

import (
	"fmt"
	"math"
	"time"
)

const (
	below = 0.97 // a rate that stays within a limit, as a fraction of it
	// short is the longest window that is treated as a rate. Ends of short windows that are stated
	// as moments are rounded by two clocks, so they are too coarse to wait for; evenly spaced
	// requests below the limit are never refused, wherever the window begins. Longer windows are
	// budgets, and so are those of more than a second with a relative reset: that is late by the
	// same fraction of a second each time, which costs it once.
	short   = 4 * time.Second
	spend   = 2 * time.Second // time in which the content of a bucket above its reserve is spent
	reserve = 0.1             // fraction of a bucket that is left to other users of the limit
	// requests, before a cost above one unit, or a budget, is accepted
	few   = 10
	stale = 5 * time.Minute // age at which a statement without a window is ignored
	// requests, and a time, with only another size stated: the limit was changed
	silent  = 100
	silence = 10 * time.Second
)

// Values beyond these bounds are ignored, because headers are untrusted.
const (
	mostRate  = 1e6
	leastRate = 1.0 / 60
)

// Unbounded means no limit of concurrent requests.
const Unbounded = 1 << 20

// Verdict is the result of what was stated.
type Verdict struct {
	Rate   float64 // requests per second; +Inf: none stated
	RateOf string  // name of the limit behind the rate
	// Places bounds the concurrent requests by what is left.
	Places   int
	PlacesOf string
	Until    time.Time // nothing is left until then; zero: something is left
	UntilOf  string
}

// Book keeps what the replies of a host, or a part of it, have stated. One goroutine at a time may
// use it.
//
// A limit is one of three kinds. A short window is a rate. A bucket with a known fill rate is a
// rate, and its content may be used at once. All others are budgets: they do not slow requests
// down, allow no more concurrent requests than are left, and stop all requests when used up until
// they are reset.
type Book struct {
	order []*entry // in the order of their first statement
	found *entry   // budget derived from refusals; nil: none
	none  bool     // refusals indicate no budget
}

// entry is one limit, as stated by the reply to the latest request.
type entry struct {
	Limit
	serial int       // number of that request
	at     time.Time // when it was sent
	came   time.Time // when the reply came
	until  time.Time // the reset
	told   []told
	resets time.Duration
	zero   bool // a reset was 0, so resets are rounded down
	// so is the reset of a used-up count, which ends up to a second later; for a bucket, 0 means
	// full
	early bool
	more  time.Duration // see guess

	steady bool // a bucket gains little by little, not at its interval: it had less than that after a pause

	// Of the current count, which began with the request sent at begun.
	begun       time.Time
	first       float64
	firstSerial int
	cost        float64 // units per request, as measured
	charged     float64 // units that requests to a bucket have cost,
	charges     int     // and their number
	// minimum cost of a refused request, if more was left than a request usually costs
	dear        float64
	gap         time.Duration // between counts, if the window is not named
	origin, end time.Time     // ends of windows from resets, and
	turns       int           // number of windows between them
	step        time.Duration // shortest time between two ends
	sends       []time.Time   // of requests that may still count, if no reset is stated
	restart     int           // number of requests sent when the current, still unstated count began
	restartOf   time.Time
	kept        int       // number of windows in which a found budget held
	filled      time.Time // a bucket that is dealt gained something by then; zero: unknown

	gain  float64 // units per second that it gains, as measured; 0: unknown
	most  float64 // that was left
	spent float64 // units used when gain was last measured,
	ratio float64 // and used units per second until the reset
	look  time.Time
	left  float64
	count int
	// hollow counts successful replies that stated nothing left and no reset, before any stated
	// something left; -1: one did.
	hollow int
	milli  bool    // its resets are in milliseconds
	raw    float64 // the first such value, if it may be
	rawAt  time.Time
}

// Note records what a reply at now has stated. sent and serial are the time and number of its
// request; the numbers count the requests under these limits in the order of sending.
func (b *Book) Note(s Statement, sent, now time.Time, serial int) {
	for _, l := range s.Limits {
		b.entry(l, sent, serial).note(l, sent, now, serial)
	}
}

// Taken records that the reply with statement s was successful. If many successful replies state
// that nothing is left, as some gateways without a count do, that is not treated as a limit.
func (b *Book) Taken(s Statement) {
	for _, l := range s.Limits {
		for _, e := range b.order {
			switch {
			case e.Name != l.Name || e.hollow < 0:
			case l.Left > 0 || !e.until.IsZero():
				e.hollow = -1
			case l.Left == 0 && !(l.Soon && l.Max > 0): // that is a window of a second
				e.hollow++
			}
		}
	}
}

// isHollow reports whether the statement is meaningless.
func (e *entry) isHollow() bool { return e.hollow >= few }

// Dear reports whether a failed request may have cost more than was left: less was left than two
// requests cost, and one costs more than a unit.
func (b *Book) Dear(s Statement) bool {
	for _, l := range s.Limits {
		for _, e := range b.order {
			if e.Name == l.Name && !l.Crowd && l.Reset > 0 && l.Left >= 0 && e.cost > 1 &&
				l.Left < min(2*e.cost, dearest*e.Max) {
				return true
			}
		}
	}
	return false
}

// HasLeft reports whether the host states a limit of a rate, and something is left of each of its
// limits at now. What is left of a day says nothing about a second.
func (b *Book) HasLeft(now time.Time) bool {
	stated := false
	for _, e := range b.order {
		if e.Name == found || now.Sub(e.at) > stale || b.replaced(e) {
			continue
		}
		if e.Left < 0 && !e.Crowd {
			continue // a rate without a statement of what is left
		}
		if e.Left < max(1, e.cost) && !e.over(now) {
			return false
		}
		stated = stated || max(e.Fill, e.gain) > 0 || e.Window > 0 && e.Window <= short
	}
	return stated
}

// replaced reports whether a limit was changed since: another size has long been stated under its
// name. Endpoints with their own limits under one name alternate instead.
func (b *Book) replaced(e *entry) bool {
	for _, other := range b.order {
		if other.Name == e.Name && other != e && other.serial > e.serial+silent && other.at.Sub(e.at) > silence {
			return true
		}
	}
	return false
}

// entry returns the entry of a limit. Another size means another limit, because endpoints may have
// their own under one name.
func (b *Book) entry(l Limit, sent time.Time, serial int) *entry {
	var e *entry
	for _, other := range b.order {
		if other.Name == l.Name && (l.Max == 0 || other.Max == 0 || other.Max == l.Max || l.Name == found) &&
			(e == nil || other.serial > e.serial) {
			e = other
		}
	}
	if e == nil {
		e = &entry{Limit: l, serial: -1, begun: sent, first: l.Left, firstSerial: serial, cost: 1}
		b.order = append(b.order, e)
		if len(b.order) > mostEntries {
			b.order = b.order[1:]
		}
	}
	return e
}

// mostEntries bounds the limits of a host that names new ones without end.
const mostEntries = 32

func (e *entry) note(l Limit, sent, now time.Time, serial int) {
	l.Reset = e.unit(l, now)
	e.zero = e.zero || e.resets > 0 && l.Reset <= 0
	e.early = e.early || e.zero && l.Reset <= 0 && l.Left < 1 && l.Left >= 0
	if serial < e.serial && sent.Before(e.begun) {
		return // of the previous count
	}
	if l.Max == 0 {
		l.Max = e.Max
	}
	if l.Window == 0 {
		l.Window = e.Window
	}
	newest := serial >= e.serial
	rise, least := .1, 0. // fraction of the limit: a new count has begun
	if e.until.IsZero() && l.Window == 0 {
		rise, least = .4, .8 // or a bucket has gained
	}
	most := max(l.Max, e.most)
	if newest && e.serial >= 0 && (e.over(sent) || l.Left > max(e.Left+max(.5, rise*most), least*most) &&
		!sent.Before(e.heard())) {
		e.turn(l, sent, now, serial)
	}
	if newest {
		if e.dealt() && e.serial >= 0 && l.Left > e.Left {
			e.filled = e.fillsBy(e.came, now)
			paused := sent.Sub(e.came) > e.Every/2
			e.steady = e.steady || paused && e.Left < 1 && l.Left+e.cost <= l.Fill*l.Every.Seconds()/2
		}
		e.charge(l, sent, serial)
		e.Limit, e.serial, e.at, e.came = l, serial, sent, now
		down := e.early && l.End.IsZero() && l.Reset%time.Second == 0 // at most a second longer
		if l.Reset > 0 && down || down && l.Left < e.cost {
			e.until = now.Add(l.Reset + time.Second)
		} else if l.Reset > 0 {
			e.until = now.Add(l.Reset)
		} else if e.over(sent) {
			e.until = time.Time{}
		}
		e.resets = max(e.resets, l.Reset)
	}
	if l.Left > 0 || newest { // refused requests do not count
		e.remember(sent)
	}
	e.least(l.Left, sent, now, newest)
	e.measure(serial)
	e.buckets(sent, serial)
}

// told is a stated rest, with its time.
type told struct {
	left float64
	at   time.Time
}

// least takes the smallest stated rest of replies to concurrent requests, which reach the host in
// any order.
func (e *entry) least(left float64, sent, now time.Time, newest bool) {
	if newest {
		keep := e.told[:0]
		for _, t := range e.told {
			if t.at.After(sent) {
				keep = append(keep, t)
			}
		}
		e.told = keep
	}
	e.told = append(e.told, told{left, now})
	e.Left = left
	for _, t := range e.told {
		e.Left = min(e.Left, t.left)
	}
}

// heard returns the time of the latest statement.
func (e *entry) heard() time.Time {
	if len(e.told) == 0 {
		return time.Time{}
	}
	return e.told[len(e.told)-1].at
}

// unit distinguishes resets in milliseconds from those in seconds: they fall by a thousand per
// second.
func (e *entry) unit(l Limit, now time.Time) time.Duration {
	if !l.Unsure {
		return l.Reset
	}
	raw, passed := l.Reset.Seconds(), now.Sub(e.rawAt).Seconds()
	switch fell := e.raw - raw; {
	case e.milli:
	case e.rawAt.IsZero() || fell < 0:
		e.raw, e.rawAt = raw, now
	case fell >= 5 && fell > 100*passed:
		e.milli, e.resets, e.until = true, 0, time.Time{}
	}
	if e.milli {
		return l.Reset / 1000
	}
	return l.Reset
}

// over reports whether the count has ended by now.
func (e *entry) over(now time.Time) bool { return !e.until.IsZero() && !now.Before(e.until) }

// turn begins another count.
func (e *entry) turn(l Limit, sent, now time.Time, serial int) {
	if gap := sent.Sub(e.begun); e.firstSerial > 0 && (e.gap == 0 || gap < e.gap) {
		e.gap = gap
	}
	e.begun, e.first, e.firstSerial, e.told = sent, l.Left, serial, nil
	if l.Reset == 0 || e.until.IsZero() && e.turns == 0 {
		return
	}
	until, before := now.Add(l.Reset), e.until
	if before.IsZero() { // the last reply stated 0
		before = e.end
	}
	if !l.End.IsZero() && !e.End.IsZero() { // by the host's clock, as exactly as stated
		until, before = l.End, e.End
	}
	if until.Sub(before) <= 0 {
		return
	}
	if e.turns == 0 || until.Sub(before) > 2*e.each()+coarse { // one was missed
		e.origin, e.turns = before, 0
	}
	if step := until.Sub(before); step >= time.Second/2 && (e.step == 0 || step < e.step) {
		e.step = step
	}
	e.turns++
	e.end = until
}

// each returns the length of the windows, from the times of their ends.
func (e *entry) each() time.Duration {
	if e.turns == 0 {
		return longest
	}
	each := e.end.Sub(e.origin) / time.Duration(e.turns)
	// Some ends were missed if the shortest window is shorter. With resets in whole seconds, no
	// single short window is exact.
	if e.step > 0 && (!e.End.IsZero() || e.step > short && each < e.step*5/4) {
		return e.step
	}
	return each
}

// charge adds up the cost of a bucket's requests since the last statement, if its gain is known and
// it is not full.
func (e *entry) charge(l Limit, sent time.Time, serial int) {
	fill := max(e.Fill, e.gain)
	if fill == 0 || e.dealt() || e.Fill == 0 && e.resets == 0 || e.serial < 0 || l.Left < 0 ||
		max(e.Left, l.Left) > .9*e.most {
		return
	}
	e.charged += max(0, e.Left-l.Left+fill*sent.Sub(e.at).Seconds())
	if e.charges += serial - e.serial; e.charges > 10*few {
		e.charged, e.charges = e.charged/2, e.charges/2
	}
}

// measure computes the cost of a request.
func (e *entry) measure(serial int) {
	if e.Cost > 0 {
		e.cost = max(1, e.Cost)
		return
	}
	own, gone := float64(serial-e.firstSerial), e.first-e.Left
	if e.charges >= few {
		own, gone = float64(e.charges), e.charged
	}
	if each := gone / max(own, 1); own >= few || own >= 2 && each > few/2 {
		if each < 1.2 {
			each = 1
		}
		e.cost = each
	}
}

// buckets detects a bucket, and its gain. If it states when it is full, its rest is proportional to
// that time; otherwise its gain is observed.
func (e *entry) buckets(sent time.Time, serial int) {
	e.most = max(e.most, e.Left, e.Max)
	gone := e.most - e.Left
	if e.Fill > 0 || e.Left < 0 || gone < 3 || e.Window > 0 && e.Window <= short {
		return
	}
	if e.Reset > 0 {
		if e.Reset >= coarse+time.Second {
			e.inProportion(gone, gone/(e.Reset-coarse/4).Seconds())
		}
		return
	}
	if e.Window > 0 || e.Soon {
		return
	}
	passed := sent.Sub(e.look).Seconds()
	if e.look.IsZero() || e.look.Before(e.begun) || passed > 30 {
		e.look, e.left, e.count = sent, e.Left, serial
		return
	}
	if passed < 2 {
		return
	}
	gain := max(0, (e.Left-e.left+float64(serial-e.count)*e.cost)/passed)
	if e.gain > 0 {
		gain = e.gain + (gain-e.gain)/4
	}
	if gain < e.most/600 {
		gain = 0 // it takes longer than ten minutes to fill: a budget
	}
	e.gain, e.look, e.left, e.count = gain, sent, e.Left, serial
}

// found is the budget that refusals have shown, which ask for a pause and state nothing else.
const found = "refusals that ask for a pause"

const (
	budgetWait = 3 * time.Second // a pause of so long is that of a budget, as a rule
	budgetMost = 5 * time.Minute // and of one that takes longer, nothing is to be learned for this run
	budgetFew  = 50              // requests: of fewer, a rate does as well, and what is tried costs too much
	budgetHeld = 8               // windows for which a budget is kept to, before more is tried
)

// inProportion checks whether the used part of a limit is proportional to the time until its reset.
func (e *entry) inProportion(gone, ratio float64) {
	like := e.ratio > 0 && ratio > .7*e.ratio && ratio < 1.35*e.ratio
	switch {
	case e.spent > 0 && gone > e.spent/1.5 && gone < 1.5*e.spent:
		if e.gain > 0 && like {
			e.gain += (ratio - e.gain) / 8
		}
	case like:
		if e.gain == 0 {
			e.gain = ratio
		}
		e.spent, e.ratio = gone, ratio
	default:
		e.gain, e.spent, e.ratio = 0, gone, ratio
	}
}

// Found processes a refusal that asks for a pause but states no limit, after taken requests since
// the last pause. It reports whether that is treated as a budget: the next count then ends after as
// many requests, without a refusal. If further refusals come after far fewer requests, there is no
// budget but a rate.
func (b *Book) Found(taken int, wait time.Duration, sent, now time.Time, serial int) bool {
	if wait < budgetWait || wait > budgetMost || b.none || taken < budgetFew {
		return false
	}
	e := b.found
	if e != nil && float64(taken) < .7*e.Max {
		b.none = true
		e.Max, e.until = 0, time.Time{}
		return false
	}
	l := Limit{Name: found, Max: float64(taken), Left: 0, Reset: wait}
	if e == nil {
		e = b.entry(l, sent, serial)
		b.found = e
	}
	if e.over(sent) {
		e.turn(l, sent, now, serial)
	}
	e.Limit, e.serial, e.at, e.until, e.cost, e.kept = l, serial, sent, now.Add(wait), 1, 0
	return true
}

// Refused notes a refusal, which took nothing out of a bucket. The first of a volley tells more: a
// window that was guessed is too short, a bucket gains less than was seen, or a request costs more
// than is left.
func (b *Book) Refused(first bool) {
	for _, e := range b.order {
		if e.gain > 0 {
			e.count++ // else what it gains would seem to be more
		}
		if !first {
			continue
		}
		if e.Left >= max(e.cost, e.dear) && e.Left < dearest*e.Max && !e.Crowd {
			e.dear = e.Left + 1
		}
		e.more += coarse / 8
		if e.gain > 0 && e.Left < e.cost {
			e.gain *= below
		}
		if e.Window == 0 && e.Left < e.cost {
			e.gap += e.gap / 10
		}
	}
}

// Verdict returns the limits at now. underway is the number of requests in progress, serial the
// number of all sent.
func (b *Book) Verdict(now time.Time, underway, serial int) Verdict {
	v := Verdict{Rate: math.Inf(1), Places: Unbounded}
	for _, e := range b.order {
		if !b.replaced(e) && !e.isHollow() {
			e.judge(&v, now, underway, serial)
		}
	}
	if !math.IsInf(v.Rate, 1) {
		v.Rate = min(max(v.Rate, leastRate), mostRate)
	}
	return v
}

func (e *entry) judge(v *Verdict, now time.Time, underway, serial int) {
	left, counted := e.Left, false
	switch {
	case e.Crowd:
		if e.Max >= 1 {
			v.places(e.Max, e.Name)
		}
		return
	// and that count has ended too
	case e.over(now) && e.turns > 0 && !now.Before(e.until.Add(e.each())) && e.restartOf.Equal(e.until):
		e.until = e.until.Add(e.each())
		if e.kept++; e.Name == found && e.kept%budgetHeld == 0 {
			e.Max *= 1.1
		}
		e.judge(v, now, underway, serial)
		return
	case e.over(now) && max(e.Fill, e.gain) > 0:
		left = e.Max
	// Nothing is stated about the new count yet, and some hosts state nothing before the next
	// refusal, so it is counted here.
	case e.over(now):
		if e.Max == 0 {
			return
		}
		if e.restart == 0 || !e.restartOf.Equal(e.until) {
			e.restart, e.restartOf = serial-underway, e.until
		}
		left, counted = e.Max-float64(serial-e.restart)*e.cost, true
		if left < e.cost && e.turns == 0 {
			v.places(1, e.Name) // the length of the window is still unknown
			return
		}
		left = max(left, 0)
	case e.until.IsZero() && now.Sub(e.at) > stale:
		return
	}
	if rate, ok := e.rate(left, underway); ok {
		if rate < v.Rate {
			v.Rate, v.RateOf = rate, e.Name
		}
		if !math.IsInf(rate, 1) && (e.Window > 0 || max(e.Fill, e.gain) > 0 || e.turns >= 2) {
			return // even spacing needs no budget
		}
	}
	if left < 0 {
		return
	}
	until := e.back(left)
	if counted {
		v.places(left/e.cost+float64(underway), e.Name)
		until = e.until.Add(e.each())
		if !until.After(now) {
			return
		}
	} else {
		v.places(left/e.cost, e.Name)
	}
	if left >= max(e.cost, e.dear) {
		return
	}
	if until.After(now) && until.After(v.Until) {
		v.Until, v.UntilOf = until, e.Name
	}
}

func (v *Verdict) places(n float64, of string) {
	if p := int(max(1, min(n, Unbounded))); p < v.Places {
		v.Places, v.PlacesOf = p, of
	}
}

// rate returns the rate of a bucket or of a short window; false for a budget.
func (e *entry) rate(left float64, underway int) (float64, bool) {
	if e.dealt() {
		return 0, false
	}
	if fill := max(e.Fill, e.gain); fill > 0 {
		if left > e.most/2 && left >= 5 {
			return math.Inf(1), true
		}
		rate := below * fill
		if left >= 0 {
			rate += max(0, left-float64(underway)*e.cost-max(reserve*e.most, e.dear)) / spend.Seconds()
		}
		return rate / e.cost, true
	}
	window := e.Window
	if e.End.IsZero() && (e.resets > time.Second || e.resets == time.Second && e.zero) {
		return 0, false // a relative reset gives a pause as exact as any budget's
	}
	switch {
	case window > 0:
	case e.resets > 0 && e.serial == e.firstSerial && e.turns == 0:
		return 0, false // one reply cannot distinguish a short window from the end of a long one
	case e.resets > 0 && e.resets <= short:
		window = e.guess()
	case e.resets == 0 && e.Soon: // always rounded down to 0: a window of a second
		window = time.Second
	}
	if e.Max > 0 && window > 0 && window <= short {
		return below * e.Max / window.Seconds() / e.cost, true
	}
	return 0, false
}

// guess returns the length of an unnamed short window: the longest observed time to a reset. Such
// times are rounded up, so the guess begins low and each refusal raises it.
func (e *entry) guess() time.Duration {
	if e.turns >= 2 {
		each := max(e.each(), time.Second/2)
		if !e.zero && e.resets == time.Second {
			each = min(each, e.resets) // always 1, never 0: rounded up, so the window is not longer
		}
		if whole := each.Round(time.Second); e.End.IsZero() && whole > 0 && (each-whole).Abs() < whole*3/8 {
			return whole // a usual length; longer times come from late replies and windows without requests
		}
		return each
	}
	return min(max(e.resets-coarse, time.Second)+e.more, e.resets)
}

// back returns when something is left again; zero: unknown.
func (e *entry) back(left float64) time.Time {
	switch {
	case e.dealt():
		return e.fillsBy(e.came, e.came.Add(e.Every))
	case e.Fill > 0 || e.gain > 0:
		return e.at.Add(time.Duration((e.cost - left) / max(e.Fill, e.gain) * float64(time.Second)))
	case !e.until.IsZero():
		return e.until
	case e.window() > 0 && len(e.sends) > 0:
		return e.sends[0].Add(e.window())
	}
	return time.Time{}
}

// dealt reports whether a bucket gains so seldom that what it holds is a budget until then.
func (e *entry) dealt() bool { return e.Every >= coarse && !e.steady }

// fillsBy returns when a bucket that is dealt has gained something after a time, at the latest: it
// gains once in any time as long as its interval, and did between after and by.
func (e *entry) fillsBy(after, by time.Time) time.Time {
	if e.filled.IsZero() {
		return by
	}
	past := after.Sub(e.filled)/e.Every + 1
	if next := e.filled.Add(past * e.Every); !next.After(by) {
		return next
	}
	return by
}

// window returns the length of the window, named or observed.
func (e *entry) window() time.Duration {
	if e.Window > 0 {
		return e.Window
	}
	return e.gap
}

// mostSends bounds the remembered requests.
const mostSends = 10_000

// remember keeps the times of requests that may still count.
func (e *entry) remember(sent time.Time) {
	if !e.until.IsZero() || e.Fill > 0 {
		e.sends = nil
		return
	}
	n := 0
	for n < len(e.sends) && (e.window() > 0 && !e.sends[n].After(sent.Add(-e.window())) ||
		len(e.sends)-n >= mostSends) {
		n++
	}
	e.sends = append(e.sends[n:], sent)
}

// UsedUp reports whether a stated limit has nothing left except for requests in progress: a refusal
// is then due to that limit, not to a rate.
func (b *Book) UsedUp(now time.Time, underway int) bool {
	for _, e := range b.order {
		if !e.Crowd && !e.isHollow() && e.Left >= 0 && !e.over(now) &&
			e.Left-float64(underway) < max(e.cost, e.dear) && (!e.isRate() || e.gain > 0) {
			return true
		}
	}
	return false
}

// isRate reports whether the limit is a rate rather than a budget.
func (e *entry) isRate() bool {
	_, ok := e.rate(e.Left, 0)
	return ok
}

// Stated describes the limits at now, in the order of their first statement.
func (b *Book) Stated(now time.Time) []string {
	var all []string
	for _, e := range b.order {
		l := e.Limit
		if !e.until.IsZero() {
			l.Reset = max(0, e.until.Sub(now))
		}
		text := l.String()
		if e.cost > 1 {
			text += fmt.Sprintf(", a request costs %.3g", e.cost)
		}
		all = append(all, text)
	}
	return all
}
