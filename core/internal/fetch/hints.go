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
	now := time.Now()
	if d, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		now = d // clocks differ: the host's times are measured against the host's clock
	}
	h := hints{remaining: -1}
	if resp.StatusCode >= 300 { // some send "Retry-After: 0" with every good reply
		h.retryAfter = readTime(resp.Header.Get("Retry-After"), now)
	}
	for _, prefix := range []string{"X-Ratelimit-", "Ratelimit-", "X-Rate-Limit-"} {
		readTriplet(&h, resp.Header, prefix, now)
	}
	readDraft(&h, resp.Header)
	return h
}

// readTriplet reads Limit, Remaining and Reset, and Interval-Seconds and FillRate of Jira Data Center.
func readTriplet(h *hints, header http.Header, prefix string, now time.Time) {
	remaining, ok := readNumber(header.Get(prefix + "Remaining"))
	if !ok {
		return
	}
	h.remaining = remaining
	if limit, ok := readNumber(header.Get(prefix + "Limit")); ok {
		h.limit = limit
	}
	h.reset = readTime(header.Get(prefix+"Reset"), now)
	interval, ok1 := readNumber(header.Get(prefix + "Interval-Seconds"))
	fill, ok2 := readNumber(header.Get(prefix + "Fillrate"))
	if ok1 && ok2 && interval > 0 {
		h.fill = fill / interval
	}
}

// readDraft reads the RateLimit and RateLimit-Policy fields of the IETF draft:
//
//	RateLimit-Policy: "burst";q=100;w=60
//	RateLimit: "burst";r=50;t=30
//
// Of several limits the one with the smallest share left counts.
func readDraft(h *hints, header http.Header) {
	policies := map[string]hints{}
	for _, item := range items(header, "Ratelimit-Policy") {
		q, ok := item.number("q")
		if w, _ := item.number("w"); ok {
			policies[item.name] = hints{limit: q, window: seconds(w)}
		}
	}
	least := math.Inf(1)
	for _, item := range items(header, "Ratelimit") {
		r, ok := item.number("r")
		if !ok {
			continue
		}
		t, _ := item.number("t")
		stated := policies[item.name]
		share := r
		if stated.limit > 0 {
			share = r / stated.limit
		}
		if share < least {
			least = share
			h.limit, h.window, h.remaining, h.reset = stated.limit, stated.window, r, seconds(t)
		}
	}
}

// item is one member of a list: a name and parameters.
type item struct {
	name   string
	params map[string]string
}

func (i item) number(key string) (float64, bool) { return readNumber(i.params[key]) }

func items(header http.Header, name string) []item {
	var all []item
	for _, member := range strings.Split(strings.Join(header.Values(name), ","), ",") {
		parts := strings.Split(member, ";")
		i := item{name: strings.Trim(strings.TrimSpace(parts[0]), `"`), params: map[string]string{}}
		for _, part := range parts[1:] {
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
