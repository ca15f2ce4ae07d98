// journey is a request on its way, with what its reply teaches the lanes.

package ratelimit

import (
	"context"
	"net/http"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/pace"
)

// journey is a request in progress, with the lanes that it went through.
type journey struct {
	h      *Host
	bucket *lane // nil: none
	whole  *pace.Flight
	part   *pace.Flight
	sent   time.Time
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

func (h *Host) went(bucket *lane, now time.Time) *journey {
	j := &journey{h: h, bucket: bucket, whole: h.lane.pace.Began(now), sent: now}
	if bucket != nil {
		j.part = bucket.pace.Began(now)
	}
	return j
}
