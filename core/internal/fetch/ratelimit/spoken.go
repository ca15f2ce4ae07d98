// spoken finds the bucket of a request, and the one that its reply speaks of.

package ratelimit

import (
	"net/http"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/limits"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

// bucketOf returns the lane of a request's bucket, in addition to that of the whole host; nil:
// none.
func (h *Host) bucketOf(req *http.Request, p httppolicy.Policy, shape string) *lane {
	for _, l := range p.Limits {
		if endpointFits(l, req) {
			return h.fileLane(l)
		}
	}
	b := &h.buckets
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.lanes) == 0 {
		return nil
	}
	if name, ok := b.shapes[shape]; ok {
		return b.lanes[name]
	}
	return b.lanes[b.likely(shape)]
}

// fileLane returns the lane of a limit of the pipeline file.
func (h *Host) fileLane(e httppolicy.EndpointLimit) *lane {
	b := &h.buckets
	b.mu.Lock()
	defer b.mu.Unlock()
	l, made := h.open(e.String())
	if made {
		l.file = true
		l.fix(ceilings{rate: e.Rate, burst: max(1, e.Burst), places: e.Concurrency})
	}
	return l
}

// open returns the lane of a bucket, and whether it is new. b.mu is held.
func (h *Host) open(name string) (l *lane, made bool) {
	b := &h.buckets
	if l = b.lanes[name]; l != nil {
		return l, false
	}
	if b.lanes == nil {
		b.lanes, b.counts, b.shapes = map[string]*lane{}, map[string]int{}, map[string]string{}
	}
	if len(b.lanes) >= mostBuckets {
		return nil, false
	}
	l = newLane(h.key+" "+name, h.key, name, h.limiter)
	l.told = h.tell
	if learned, ok := h.all.learned[l.key]; ok {
		l.pace.Recall(learned, time.Now())
	}
	l.apply()
	b.lanes[name] = l
	return l, true
}

// spokenOf returns the bucket that a reply speaks of, which it may be the first to name; nil: the
// host as a whole.
func (h *Host) spokenOf(c *Call, j *journey) *lane {
	b := &h.buckets
	b.mu.Lock()
	defer b.mu.Unlock()
	w := c.word
	if j.bucket != nil && j.bucket.file {
		if w.Reach == limits.Whole {
			return nil
		}
		return j.bucket
	}
	name, from := b.named(c.shape, w), h.lane
	if w.Bucket != "" {
		if own := b.within(c.shape, w, j.sent); own != "" {
			name = own
			if l := b.lanes[w.Bucket]; l != nil {
				from = l
			}
		}
	}
	if name == "" {
		name = b.apartFrom(c.shape, w, j.sent)
	}
	if name == "" && w.Reach != limits.Whole {
		name = b.shapes[c.shape]
	}
	if name == "" {
		if b.shapes != nil {
			b.remember(c.shape, "")
		}
		return nil
	}
	l, made := h.open(name)
	if l == nil {
		return nil
	}
	if made {
		from.pace.Move(l.pace) // what was taken for the whole host's, or for that of the bucket which replies name
	}
	b.remember(c.shape, name)
	b.counts[name]++
	if w.Reach == limits.Whole {
		return nil
	}
	return l
}
