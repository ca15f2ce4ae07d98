// hints: what the headers of a reply say about limits, in the many forms in use. They are foreign input: what
// cannot be read is passed over.

package fetch

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// hints is what a reply states. Times are from now on; 0 stands for not stated, and -1 for a remaining not stated.
type hints struct {
	retryAfter time.Duration
	limit      float64 // requests in a window, or that a bucket holds
	remaining  float64
	window     time.Duration
	reset      time.Duration // until remaining is limit again
	fill       float64       // requests per second that a bucket gains
}

// maxHint bounds the times that are believed: more is a mistake, or as good as for ever.
const maxHint = 31 * 24 * time.Hour

func readHints(resp *http.Response) hints {
	if resp.StatusCode < 300 && !statesLimits(resp.Header) {
		return hints{remaining: -1} // as most replies: to look for each name would be a tenth of what a small one costs
	}
	now := time.Now()
	if d, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		now = d // clocks differ: the host's times are measured against the host's clock
	}
	h := hints{remaining: -1}
	if resp.StatusCode >= 300 { // some send "Retry-After: 0" with every good reply
		h.retryAfter = readTime(resp.Header.Get("Retry-After"), now)
	}
	for _, prefix := range []string{"X-Ratelimit-", "Ratelimit-", "X-Rate-Limit-", "X-Beta-Ratelimit-"} {
		h.tighten(readTriplet(resp, prefix, now))
	}
	for _, name := range []string{"Ratelimit", "Beta-Ratelimit"} {
		for _, stated := range readDraft(resp.Header, name) {
			h.tighten(stated)
		}
		h.tighten(readOldDraft(resp.Header, name))
	}
	return h
}

// statesLimits reports whether any of the names that readHints looks for may be there.
func statesLimits(header http.Header) bool {
	for name := range header {
		if strings.Contains(name, "Ratelimit") || strings.Contains(name, "Rate-Limit") {
			return true
		}
	}
	return false
}

// tighten takes over another limit that the reply states, if no less of it is used up. Of two forms of one limit the
// later counts.
func (h *hints) tighten(other hints) {
	if other.remaining >= 0 && (h.remaining < 0 || other.share() <= h.share()) {
		other.retryAfter = h.retryAfter
		*h = other
	}
}

// share is how much of the limit is left: 0 to 1 where the limit is known.
func (h *hints) share() float64 {
	if h.limit > 0 {
		return h.remaining / h.limit
	}
	return h.remaining
}

// readTriplet reads Limit, Remaining and Reset, and Interval-Seconds and FillRate of Jira Data Center. A refusal
// that only says when to come again has nothing left.
func readTriplet(resp *http.Response, prefix string, now time.Time) hints {
	header := resp.Header
	h := hints{remaining: -1, reset: readTime(header.Get(prefix+"Reset"), now)}
	remaining, ok := readNumber(header.Get(prefix + "Remaining"))
	switch {
	case ok:
		h.remaining = remaining
	case resp.StatusCode == http.StatusTooManyRequests && h.reset > 0:
		h.remaining = 0
	}
	if limit, ok := readNumber(header.Get(prefix + "Limit")); ok {
		h.limit = limit
		h.window = namedWindow(header, prefix+"Limit", limit)
	}
	interval, ok1 := readNumber(header.Get(prefix + "Interval-Seconds"))
	fill, ok2 := readNumber(header.Get(prefix + "Fillrate"))
	if ok1 && ok2 && interval > 0 {
		h.fill = fill / interval
	}
	return h
}

// namedWindow reads "100, 100;w=60", which says how long the window is in which 100 are allowed.
func namedWindow(header http.Header, name string, limit float64) time.Duration {
	for _, item := range items(header, name) {
		if q, ok := readNumber(item.name); ok && q == limit {
			w, _ := item.number("w")
			return seconds(w)
		}
	}
	return 0
}

// readDraft reads the RateLimit and RateLimit-Policy fields of the IETF draft:
//
//	RateLimit-Policy: "burst";q=100;w=60
//	RateLimit: "burst";r=50;t=30
//
// A policy without a name is that of all limits that have none of their own. What is not counted in requests (qu) is passed
// over.
func readDraft(header http.Header, name string) []hints {
	policies, others := map[string]hints{}, map[string]bool{}
	for _, item := range items(header, name+"-Policy") {
		q, ok := item.number("q")
		others[item.name] = !item.requests()
		if w, _ := item.number("w"); ok && item.requests() {
			policies[item.name] = hints{limit: q, window: seconds(w)}
		}
	}
	var all []hints
	for _, item := range items(header, name) {
		r, ok := item.number("r")
		if !ok || others[item.name] {
			continue
		}
		t, _ := item.number("t")
		stated, ok := policies[item.name]
		if !ok {
			stated = policies[""]
		}
		stated.remaining, stated.reset = r, seconds(t)
		all = append(all, stated)
	}
	return all
}

// readOldDraft reads what the field was before it had names:
//
//	RateLimit: limit=100, remaining=50, reset=5
//	RateLimit-Policy: 100;w=60
func readOldDraft(header http.Header, name string) hints {
	h := hints{remaining: -1}
	for _, item := range items(header, name) {
		if n, ok := item.number("limit"); ok {
			h.limit = n
		}
		if n, ok := item.number("remaining"); ok {
			h.remaining = n
		}
		if n, ok := item.number("reset"); ok {
			h.reset = seconds(n)
		}
	}
	h.window = namedWindow(header, name+"-Policy", h.limit)
	return h
}

// item is one member of a list: a name, which some leave out, and parameters.
type item struct {
	name   string
	params map[string]string
}

func (i item) number(key string) (float64, bool) { return readNumber(i.params[key]) }

// requests reports whether the limit counts requests, as it does unless it says otherwise.
func (i item) requests() bool {
	unit := strings.Trim(strings.TrimSpace(i.params["qu"]), `"`)
	return unit == "" || unit == "requests"
}

func items(header http.Header, name string) []item {
	var all []item
	for _, member := range strings.Split(strings.Join(header.Values(name), ","), ",") {
		parts := strings.Split(member, ";")
		i := item{params: map[string]string{}}
		if name := strings.TrimSpace(parts[0]); !strings.Contains(name, "=") {
			i.name, parts = strings.Trim(name, `"`), parts[1:]
		}
		for _, part := range parts {
			k, v, _ := strings.Cut(part, "=")
			i.params[strings.ToLower(strings.TrimSpace(k))] = v
		}
		if len(i.params) > 0 {
			all = append(all, i)
		}
	}
	return all
}

// readNumber reads a number that is not negative. "100, 100;w=60", an older form, is 100.
func readNumber(s string) (float64, bool) {
	s, _, _ = strings.Cut(s, ",")
	s, _, _ = strings.Cut(s, ";")
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || !(n >= 0) || math.IsInf(n, 1) {
		return 0, false
	}
	return n, true
}

// isoTimes are the forms of ISO 8601 in use; Jira Cloud leaves out the seconds.
var isoTimes = []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z0700"}

// readTime reads a time to wait: seconds, an epoch in seconds or milliseconds, an HTTP date or an ISO time.
func readTime(s string, now time.Time) time.Duration {
	s = strings.TrimSpace(s)
	if n, ok := readNumber(s); ok {
		switch {
		case n > 1e11:
			return until(time.UnixMilli(int64(min(n, 1e15))), now)
		case n > 5e8:
			return until(time.Unix(int64(n), 0), now)
		}
		return seconds(n)
	}
	if t, err := http.ParseTime(s); err == nil {
		return until(t, now)
	}
	for _, layout := range isoTimes {
		if t, err := time.Parse(layout, s); err == nil {
			return until(t, now)
		}
	}
	return 0
}

func until(t, now time.Time) time.Duration { return min(max(t.Sub(now), 0), maxHint) }

func seconds(n float64) time.Duration {
	return time.Duration(min(n, maxHint.Seconds()) * float64(time.Second))
}
