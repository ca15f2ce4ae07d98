// lane is where requests under common limits wait: those of a host, or of one of its buckets. It
// has a pace, a queue, and a schedule in the limiter.

package ratelimit

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/pace"
	"github.com/scrapekit/scrapekit/core/internal/fetch/stats"
)

type lane struct {
	key     string // in the limiter, and in the file of learned limits
	host    string
	bucket  string // "": the whole host
	file    bool   // a limit of the pipeline file
	limiter Limiter
	turn    gate // has one place, held by the next request
	sent    gate // requests on the wire
	pace    *pace.Pace
	blocked blocked
	told    func(stats.Wait) // receives pauses from elsewhere; nil: none

	mu     sync.Mutex
	rate   float64 // last rate set in the limiter
	burst  int
	window int
	wait   stats.Wait
}

func newLane(key, host, bucket string, limiter Limiter) *lane {
	l := &lane{key: key, host: host, bucket: bucket, limiter: limiter, pace: pace.New()}
	l.turn.resize(1)
	return l
}

// name formats the lane for people.
func (l *lane) name() string {
	if l.bucket == "" {
		return l.host
	}
	return l.host + " (" + l.bucket + ")"
}

// fix applies the limits of pipeline files.
func (l *lane) fix(c ceilings) {
	l.pace.Fix(c.rate, c.burst, c.places)
	l.apply()
}

// apply updates the gate and the limiter from the pace. It reads the order under its lock, because
// of two concurrent replies, the one applied last may not be the one observed last.
func (l *lane) apply() {
	l.mu.Lock()
	defer l.mu.Unlock()
	o := l.pace.Order()
	if o.Window != l.window {
		l.window = o.Window
		l.sent.resize(o.Window)
	}
	if o.Burst == l.burst && (o.Rate == l.rate || math.Abs(o.Rate-l.rate) < l.rate/1000) {
		return
	}
	l.rate, l.burst = o.Rate, o.Burst
	if s, ok := l.limiter.(RateSetter); ok {
		s.SetRate(l.key, o.Rate, o.Burst)
	}
}

// note records a pause that begins now, and reports whether it is new: a pause that several replies
// state is reported once.
func (l *lane) note(d time.Duration, cause, by string) (w stats.Wait, news bool) {
	w = stats.Wait{Host: l.host, Bucket: l.bucket, Cause: cause, By: by, For: d, Until: time.Now().Add(d)}
	l.mu.Lock()
	defer l.mu.Unlock()
	news = w.Until.After(l.wait.Until.Add(time.Second / 4))
	if w.Until.After(l.wait.Until) {
		l.wait = w
	}
	return w, news
}

// stats returns the current limits.
func (l *lane) stats() stats.Bucket {
	o, stated := l.pace.Holds(time.Now())
	s := stats.Bucket{Name: l.bucket, Limit: o.Window, LimitFrom: o.WindowFrom, LimitOf: o.Of, Stated: stated,
		Queued: l.turn.queued()}
	if o.From != "" {
		s.Rate, s.RateFrom = o.Rate, o.From
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wait.Until.After(time.Now()) {
		w := l.wait
		s.Waiting = &w
	}
	return s
}

// share tells the pace what other processes do and have learned.
func (l *lane) share() {
	if s, ok := l.limiter.(Sharer); ok {
		l.pace.Share(s.Live(l.key), s.Taken(l.key))
		l.pace.Hear(s.Told(l.key), time.Now())
	}
}

// tell tells other processes what was learned.
func (l *lane) tell() {
	if s, ok := l.limiter.(Sharer); ok {
		if news := l.pace.News(); news != nil {
			s.Tell(l.key, news)
		}
	}
}

// blocked sums up how long the next request was held back, by cause. A request behind it waits for
// the same, so two readings give the causes of any wait.
type blocked struct {
	mu    sync.Mutex
	total [len(waitCauses)]time.Duration
}

// waitCauses are the causes of waits before a request is sent.
var waitCauses = [...]string{stats.WaitConcurrency, stats.WaitPause, stats.WaitRate}

func (b *blocked) add(cause string, d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total[slices.Index(waitCauses[:], cause)] += d
}

func (b *blocked) read() [len(waitCauses)]time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.total
}

// ceilings are the limits in a pipeline file.
type ceilings struct {
	rate   float64 // 0: none
	burst  int
	places int // 0: none
}

// strictest returns the stricter of each limit.
func (l ceilings) strictest(other ceilings) ceilings {
	if other.rate > 0 && (l.rate == 0 || other.rate < l.rate) {
		l.rate, l.burst = other.rate, other.burst
	}
	if other.places > 0 && (l.places == 0 || other.places < l.places) {
		l.places = other.places
	}
	return l
}
