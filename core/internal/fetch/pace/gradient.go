// gradient finds out how many requests a host works on at one time, by its latency: beyond that
// number they wait inside it, so that more of them make each slower and none of them sooner.

package pace

import (
	"math"
	"net/http"
	"strings"
	"time"
)

const (
	gradientRound  = 20 // replies at least, from one look at the latency to the next
	gradientShapes = 64 // kinds of requests that are told apart
	gradientFew    = 5  // replies of a shape that say something
	// gradientSlack is a delay that is no queue: so much comes from two machines that are busy, and
	// CoDel begins to count at half of it.
	gradientSlack = 10 * time.Millisecond
	queueLow      = 0.1 // share of the requests under way that may stand in line inside the host, and one half request
	queueHigh     = 0.2 // likewise, and one
	restEvery     = 2 * time.Minute
	restAfter     = 1000 // requests
	restRound     = 10
)

// Sample is the latency of one reply: the time to its first byte, and the shape of its request.
type Sample struct {
	Shape string
	Took  time.Duration
}

// ShapeOf is what requests of comparable latency have in common: the method and the path without
// what looks like an id.
func ShapeOf(req *http.Request) string {
	parts := strings.Split(req.URL.Path, "/")
	for i, part := range parts {
		if strings.ContainsAny(part, "0123456789") {
			parts[i] = "*"
		}
	}
	return req.Method + strings.Join(parts, "/")
}

// gradient compares the latency of each shape to what it is when few requests are under way. Of n
// requests under way, whose latency is r times that, n·(1-1/r) stand in line and n/r are worked on.
// While the line is short the limit grows by one, where it is long it falls to just above what is
// worked on.
//
// What the latency is at rest is seen at the start, when the window is small, and later whenever it
// falls. It may rise too: so from time to time, while the latency is what limits, half as many
// requests are sent for a moment.
type gradient struct {
	shapes map[string]*shape
	most   float64 // +Inf: no limit
	n      int     // replies in this round
	crowd  float64 // sum of the requests under way

	resting bool
	rested  time.Time
	since   int // requests since
}

// shape is the latency of one kind of request, in seconds.
type shape struct {
	base float64 // at rest; 0: not known
	sum  float64 // of this round
	n    float64
}

func newGradient() gradient {
	return gradient{shapes: map[string]*shape{}, most: math.Inf(1)}
}

// window is how many requests may be under way.
func (g *gradient) window() int {
	switch {
	case math.IsInf(g.most, 1):
		return unlimited
	case g.resting:
		return max(1, int(g.most/2))
	}
	return max(1, int(g.most))
}

// add takes in a good reply.
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

// round ends a round of replies, if there are enough of them.
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

// adjust changes the limit by what the round has shown.
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

// rest begins or ends a moment of few requests.
func (g *gradient) rest(now time.Time, begin bool) {
	if !begin {
		g.fold(func(s *shape, mean float64) { s.base = (s.base + mean) / 2 })
	}
	g.resting, g.rested, g.since = begin, now, 0
}

// fold shows each shape the mean of its round and begins another.
func (g *gradient) fold(show func(*shape, float64)) {
	for _, s := range g.shapes {
		if s.base > 0 && s.n >= gradientFew {
			show(s, s.sum/s.n)
		}
		s.sum, s.n = 0, 0
	}
	g.n, g.crowd = 0, 0
}
