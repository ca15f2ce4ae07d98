// lane is where requests under common limits wait: those of a host, or of one of its buckets. It
// has a pace, a queue, and a schedule in the limiter.

package ratelimit

import (
	"context"
	"math"
	"net/http"
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

// Longest returns the longest current pause of t and its buckets; 0: none, or unknown.
func (t *target) Longest(ctx context.Context) time.Duration {
	wait, _ := t.reserve(ctx, 0)
	for _, l := range t.buckets.all() {
		if w, err := l.reserve(ctx, 0); err == nil {
			wait = max(wait, w)
		}
	}
	return wait
}

// journey is a request in progress, with the lanes that it went through.
type journey struct {
	h      *Host
	bucket *lane // nil: none
	whole  *pace.Flight
	part   *pace.Flight
	sent   time.Time
}

func (h *Host) went(bucket *lane, now time.Time) *journey {
	j := &journey{h: h, bucket: bucket, whole: h.lane.pace.Began(now), sent: now}
	if bucket != nil {
		j.part = bucket.pace.Began(now)
	}
	return j
}

// leave releases the places.
func (j *journey) leave() {
	j.h.sent.leave()
	if j.bucket != nil {
		j.bucket.sent.leave()
	}
}

// failed ends a request without a reply.
func (j *journey) failed(now time.Time, blame bool) {
	j.h.lane.pace.Failed(j.whole, now, blame)
	j.h.apply()
	if j.bucket != nil {
		j.bucket.pace.Failed(j.part, now, false)
		j.bucket.apply()
	}
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

// observe passes the reply to the paces. What it says about limits belongs to the lane that it
// concerns, which is returned with its order.
func (j *journey) observe(c *Call, resp *http.Response, now time.Time) (*lane, pace.Order) {
	h, w := j.h, c.word
	latency := pace.Sample{Shape: c.shape, Took: c.firstByte}
	h.share()
	of := h.spokenOf(c, j)
	if of == nil {
		o := h.lane.pace.Observe(j.whole, now, resp.StatusCode, w, latency)
		h.apply()
		h.lane.tell()
		if j.bucket != nil {
			j.bucket.pace.Failed(j.part, now, false)
			j.bucket.apply()
		}
		return h.lane, o
	}
	of.share()
	f := j.part
	if of != j.bucket { // it is now known to belong to this bucket
		f = of.pace.Began(j.sent)
		if j.bucket != nil {
			j.bucket.pace.Failed(j.part, now, false)
			j.bucket.apply()
		}
	}
	o := of.pace.Observe(f, now, resp.StatusCode, w, pace.Sample{})
	of.apply()
	of.tell()
	if w.Refused {
		h.lane.pace.Failed(j.whole, now, false) // the limit does not concern the whole host
	} else {
		h.lane.pace.Observe(j.whole, now, resp.StatusCode, pace.Word{}, latency)
	}
	h.apply()
	h.lane.tell()
	return of, o
}
