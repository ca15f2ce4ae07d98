// buckets are the parts of a host that have limits of their own. They are known by
//
//   - the pipeline file: limit "GET /search/*" { … };
//   - the name that replies give, as in X-RateLimit-Resource;
//   - refusals that say that they are for the endpoint;
//   - limits that differ from endpoint to endpoint: other names, another size, or one size and another count of what is left;
//   - refusals of one endpoint while another is taken.
//
// An endpoint is a shape: the method and the path without what looks like an id.

package ratelimit

import (
	"cmp"
	"maps"
	"math"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/limits"
	"github.com/scrapekit/scrapekit/core/internal/fetch/pace"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

const (
	mostBuckets = 64
	alternate   = 2  // changes between two endpoints' limits before they are attributed to each
	twinGap     = 24 // units between two replies that concurrent requests explain
	twinsSeen   = 4
)

// endpointFits reports whether l applies to a request.
func endpointFits(l httppolicy.EndpointLimit, req *http.Request) bool {
	if l.Method != "" && l.Method != trip.Method(req) {
		return false
	}
	p := cmp.Or(req.URL.Path, "/")
	if begin, ok := strings.CutSuffix(l.Path, "*"); ok && strings.HasPrefix(p, begin) &&
		!strings.ContainsAny(begin, "*?[") {
		return true
	}
	ok, err := path.Match(l.Path, p)
	return err == nil && ok
}

type buckets struct {
	mu     sync.Mutex
	lanes  map[string]*lane
	counts map[string]int    // replies, by bucket
	shapes map[string]string // bucket by shape
	// Of limits that differ:
	signs    map[string]string // last statement by shape
	previous string            // shape of the last reply with a statement
	changes  int
	split    bool
	// Of limits that look equal and are counted separately:
	lefts map[string]float64 // last rest of the first limit, by shape
	last  string             // shape of the last of them
	twins int                // consecutive replies that fit only their own shape's count
	apart bool               // each endpoint counts separately
	alone alone
}

// all returns the lanes sorted by name.
func (b *buckets) all() []*lane {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]*lane, 0, len(b.lanes))
	for _, name := range slices.Sorted(maps.Keys(b.lanes)) {
		out = append(out, b.lanes[name])
	}
	return out
}

// likely is the bucket of a shape that was not seen yet: that of the shape that begins most like
// it, or else the one that most requests are in. Where requests are in no bucket, "" is one of
// them.
func (b *buckets) likely(shape string) string {
	best, most := "", -1
	for known, name := range b.shapes {
		if name == endpoint(known) {
			continue // that endpoint's alone
		}
		if n := sameParts(known, shape); n > most || n == most && b.counts[name] > b.counts[best] {
			best, most = name, n
		}
	}
	return best
}

// sameParts counts the parts that two shapes have in common at their beginning.
func sameParts(a, b string) int {
	x, y := strings.Split(a, "/"), strings.Split(b, "/")
	n := 0
	for n < len(x) && n < len(y) && x[n] == y[n] {
		n++
	}
	return n
}

// within finds out whether an endpoint of a bucket that replies name is refused for itself, while
// much is left of what they state: GitLab says so.
func (b *buckets) within(shape string, w pace.Word, sent time.Time) string {
	if own := endpoint(shape); b.shapes[shape] == own {
		return own
	}
	return b.apartFrom(shape, w, sent)
}

func (b *buckets) remember(shape, name string) {
	if _, ok := b.shapes[shape]; ok || len(b.shapes) < mostShapes {
		b.shapes[shape] = name
	}
}

// named returns the bucket that a reply names, by itself or by the limits that it states.
func (b *buckets) named(shape string, w pace.Word) string {
	switch {
	case w.Bucket != "":
		return w.Bucket
	case w.Refused && w.Reach == limits.Endpoint:
		return endpoint(shape)
	case b.shapes[shape] == endpoint(shape): // it has its own, whatever its replies state
		return endpoint(shape)
	case len(w.Limits) == 0:
		return ""
	}
	sign := signature(w)
	if b.signs == nil {
		b.signs = map[string]string{}
	}
	mine, seen := b.signs[shape]
	if before := b.signs[b.previous]; b.previous != "" && b.previous != shape && before != sign && seen &&
		mine == sign && !w.Refused {
		if b.changes++; b.changes >= alternate {
			b.split = true
		}
	}
	if seen || len(b.signs) < mostShapes {
		if !w.Refused {
			b.signs[shape] = sign
		}
		b.previous = shape
	}
	if b.split {
		return sign
	}
	if b.countedApart(shape, sign, w) {
		return endpoint(shape)
	}
	return ""
}

// countedApart finds out whether endpoints whose limits look the same are counted each by itself:
// what is left goes on from the last reply of the same endpoint, and is far from what the last
// reply of another said. Requests that are under way together, and what one costs, are no such gap.
func (b *buckets) countedApart(shape, sign string, w pace.Word) bool {
	left := w.Limits[0].Left
	if b.apart || w.Refused || left < 0 {
		return b.apart
	}
	if b.lefts == nil {
		b.lefts = map[string]float64{}
	}
	own, known := b.lefts[shape]
	if other, ok := b.lefts[b.last]; known && ok && b.last != shape && b.signs[b.last] == sign {
		far, near := math.Abs(left-other) > twinGap, left <= own && own-left <= twinGap
		switch {
		case far && near:
			b.twins++
		case !far:
			b.twins = 0
		}
		b.apart = b.twins >= twinsSeen
	}
	if known || len(b.lefts) < mostShapes {
		b.lefts[shape], b.last = left, shape
	}
	return b.apart
}

// signature is what tells the limits of one endpoint from those of another.
func signature(w pace.Word) string {
	var all []string
	for _, l := range w.Limits {
		all = append(all, l.Name+" "+strconv.FormatFloat(l.Max, 'g', 6, 64))
	}
	return strings.Join(all, ", ")
}

// endpoint formats a shape for people.
func endpoint(shape string) string { return strings.Replace(shape, "/", " /", 1) }

// apartFrom detects an endpoint that is refused while others are accepted.
func (b *buckets) apartFrom(shape string, w pace.Word, sent time.Time) string {
	own, in := endpoint(shape), b.shapes[shape]
	elsewhere := in != w.Bucket || w.Reach == limits.Whole || len(w.Limits) > 0 && !w.Plenty()
	if in == own || w.Refused && elsewhere {
		return ""
	}
	if b.alone.add(shape, w.Refused, sent) {
		return own
	}
	return ""
}
