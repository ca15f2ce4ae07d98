// gradient estimates, from the latency, how many requests a host processes in parallel. More
// concurrent requests only queue inside the host.

package pace

import (
	"math"
	"net/http"
	"strings"
	"time"
)

const (
	gradientRound  = 20 // minimum replies between two evaluations
	gradientShapes = 64 // kinds of requests
	gradientFew    = 5  // minimum replies of a kind
	// gradientSlack is a delay that does not count as queueing: busy machines cause it, and CoDel
	// begins to count at half of it.
	gradientSlack = 10 * time.Millisecond
	queueLow      = 0.1 // fraction of the concurrent requests that may queue in the host, plus half a request
	queueHigh     = 0.2 // likewise, plus one
	restEvery     = 2 * time.Minute
	restAfter     = 1000 // requests
	restRound     = 10
)

// Sample is the latency of one reply, as the time to its first byte, with the shape of its request.
type Sample struct {
	Shape string
	Took  time.Duration
}

// ShapeOf is the common part of requests with comparable latency: the method and the path without
// ids.
func ShapeOf(req *http.Request) string {
	parts := strings.Split(req.URL.Path, "/")
	for i, part := range parts {
		if strings.ContainsAny(part, "0123456789") {
			parts[i] = "*"
		}
	}
	return req.Method + strings.Join(parts, "/")
}

// gradient compares the latency of each shape with that at low concurrency. If n concurrent
// requests have r times that latency, n·(1-1/r) of them queue and n/r are processed. While the
// queue is short, the limit grows by one. If it is long, the limit falls to just above what is
// processed.
//
// The latency at low concurrency is measured at the start, when the window is small, and later
// whenever it falls. It may also rise, so while latency is the limit, the concurrency is halved
// briefly from time to time.
type gradient struct {
	shapes map[string]*shape
	most   float64 // +Inf: no limit
	n      int     // replies in this round
	crowd  float64 // sum of the concurrency

	resting bool
	rested  time.Time
	since   int // requests since the last rest
}

// shape is the latency of one kind of request, in seconds.
type shape struct {
	base float64 // at low concurrency; 0: unknown
	sum  float64 // of this round
	n    float64
}

func newGradient() gradient {
	return gradient{shapes: map[string]*shape{}, most: math.Inf(1)}
}

// window returns the allowed number of concurrent requests.
func (g *gradient) window() int {
	switch {
	case math.IsInf(g.most, 1):
		return unlimited
	case g.resting:
		return max(1, int(g.most/2))
	}
	return max(1, int(g.most))
}

// add processes a successful reply.
func (g *gradient) add(f *Flight, now time.Time, latency Sample) {
	if latency.Took <= 0 || g.resting && f.sent.Before(g.rested) {
		return
	}
	s := g.shapes[latency.Shape]
	if s == nil {
		if len(g.shapes) >= gradientShapes {
			return
		}
		s = &shape{}
		g.shapes[latency.Shape] = s
	}
	s.sum += latency.Took.Seconds()
	s.n++
	g.n++
	g.since++
	g.crowd += float64(f.crowd)
	if s.base == 0 && s.n >= gradientFew {
		s.base = s.sum / s.n
	}
	g.round(now)
}

// round ends a round of replies, if it has enough.
func (g *gradient) round(now time.Time) {
	switch {
	case g.resting:
		if g.n >= restRound {
			g.rest(now, false)
		}
	case float64(g.n) >= max(gradientRound, 2*g.crowd/float64(g.n)):
		g.adjust()
		if !math.IsInf(g.most, 1) && g.since >= restAfter && now.Sub(g.rested) >= restEvery {
			g.rest(now, true)
		}
	}
}

// adjust changes the limit after a round.
func (g *gradient) adjust() {
	took, atRest := 0.0, 0.0
	for _, s := range g.shapes {
		if s.base > 0 && s.n > 0 {
			took += s.sum
			atRest += s.n * s.base
		}
	}
	crowd := g.crowd / float64(g.n)
	if atRest > 0 {
		slack := float64(g.n) * gradientSlack.Seconds()
		worked := crowd * min(1, atRest/max(atRest, took-slack))
		queue := crowd - worked
		switch {
		case queue > 1+queueHigh*crowd:
			g.most = max(1, crowd/2, 1.1*worked)
		case queue < 0.5+queueLow*crowd && crowd >= 0.7*math.Floor(g.most):
			g.most++
		}
	}
	g.fold(func(s *shape, mean float64) {
		if mean < s.base {
			s.base += 0.3 * (mean - s.base)
		}
	})
}

// rest begins or ends a short time of low concurrency.
func (g *gradient) rest(now time.Time, begin bool) {
	if !begin {
		g.fold(func(s *shape, mean float64) { s.base = (s.base + mean) / 2 })
	}
	g.resting, g.rested, g.since = begin, now, 0
}

// fold passes each shape's mean of the round to show, and begins another round.
func (g *gradient) fold(show func(*shape, float64)) {
	for _, s := range g.shapes {
		if s.base > 0 && s.n >= gradientFew {
			show(s, s.sum/s.n)
		}
		s.sum, s.n = 0, 0
	}
	g.n, g.crowd = 0, 0
}
