// Servers with limits, in memory and in virtual time: what the tables of pace_table_test.go are
// measured against.

package fetch

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
)

// policed is a host that decides at the arrival of each request whether to take it, and how long it
// is busy with it.
type policed struct {
	latency time.Duration // on the way, there and back
	service time.Duration // for which a request is inside
	jitter  float64       // of both, as a share
	limit   limit
	status  int           // of a refusal
	lines   chan struct{} // what takes only so many at a time and lets the others stand in line; nil: no such thing

	mu     sync.Mutex
	random *rand.Rand
	inside int
	most   int
	log    []arrival
}

// limit decides. Only one call at a time.
type limit interface {
	admit(now time.Time, inside int) (ok bool, h http.Header)
}

// arrival is one request as the host saw it.
type arrival struct {
	at     time.Time
	ok     bool
	inside int
}

func newPoliced(l limit, seed uint64) *policed {
	return &policed{latency: 50 * time.Millisecond, jitter: 0.2, limit: l, status: 429,
		random: rand.New(rand.NewPCG(seed, 1))}
}

// vary returns d, give or take the jitter.
func (s *policed) vary(d time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Duration(float64(d) * (1 + s.jitter*(2*s.random.Float64()-1)))
}

func (s *policed) RoundTrip(req *http.Request) (*http.Response, error) {
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil {
		trace.GotConn(httptrace.GotConnInfo{Reused: true})
	}
	if err := trip.Sleep(req.Context(), s.vary(s.latency/2)); err != nil {
		return nil, err
	}
	ok, header := s.arrive()
	if ok {
		err := s.serve(req)
		if err != nil {
			return nil, err
		}
	}
	if err := trip.Sleep(req.Context(), s.vary(s.latency/2)); err != nil {
		return nil, err
	}
	header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	status, text := 200, "{}"
	if !ok {
		status, text = s.status, "<html>too many</html>"
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(text)),
		ContentLength: int64(len(text)), Request: req}, nil
}

func (s *policed) arrive() (bool, http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ok, header := s.limit.admit(time.Now(), s.inside)
	if ok {
		s.inside++
		s.most = max(s.most, s.inside)
	}
	s.log = append(s.log, arrival{time.Now(), ok, s.inside})
	if header == nil {
		header = http.Header{}
	}
	return ok, header
}

// serve keeps a request inside for the time of its service.
func (s *policed) serve(req *http.Request) error {
	defer func() {
		s.mu.Lock()
		s.inside--
		s.mu.Unlock()
	}()
	if s.lines != nil {
		select {
		case s.lines <- struct{}{}:
			defer func() { <-s.lines }()
		case <-req.Context().Done():
			return req.Context().Err()
		}
	}
	return trip.Sleep(req.Context(), s.vary(s.service))
}

// taken counts the requests that were taken and refused since from.
func (s *policed) taken(from time.Time) (taken, refused int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.log {
		switch {
		case a.at.Before(from):
		case a.ok:
			taken++
		default:
			refused++
		}
	}
	return taken, refused
}

// admitting is a limit that is a function of the time.
type admitting func(time.Time) (bool, http.Header)

func (f admitting) admit(now time.Time, _ int) (bool, http.Header) { return f(now) }

// slidingWindow admits limit requests in any window.
func slidingWindow(limit int, window time.Duration, state statement) admitting {
	var log []time.Time
	return func(now time.Time) (bool, http.Header) {
		for len(log) > 0 && !log[0].After(now.Add(-window)) {
			log = log[1:]
		}
		ok := len(log) < limit
		if ok {
			log = append(log, now)
		}
		h := http.Header{}
		if state != nil {
			state(h, ok, limit-len(log), log[0].Add(window).Sub(now))
		}
		return ok, h
	}
}

// atMost refuses what comes while so many are inside.
type atMost struct {
	places int
	state  statement
}

func (c atMost) admit(_ time.Time, inside int) (bool, http.Header) {
	h, ok := http.Header{}, inside < c.places
	if c.state != nil {
		c.state(h, ok, c.places-inside, time.Second)
	}
	return ok, h
}

// changing is one limit before a time and another after it.
type changing struct {
	at            time.Time
	before, after limit
}

func (c changing) admit(now time.Time, inside int) (bool, http.Header) {
	if now.Before(c.at) {
		return c.before.admit(now, inside)
	}
	return c.after.admit(now, inside)
}

// statement is how a host states its limit.
type statement func(h http.Header, ok bool, left int, wait time.Duration)

// statements are the forms in which a limit of so many requests in a window is told; each refusal
// says Retry-After as well where the real host does.
func statements(form string, limit int, window time.Duration) statement {
	switch form {
	case "Retry-After":
		return retryAfter
	case "draft":
		return draft(limit, window)
	case "old draft":
		return func(h http.Header, ok bool, left int, reset time.Duration) {
			h.Set("RateLimit-Limit", fmt.Sprintf("%d, %d;w=%d", limit, limit, int(window.Seconds())))
			h.Set("RateLimit-Remaining", strconv.Itoa(left))
			h.Set("RateLimit-Reset", strconv.Itoa(int(math.Ceil(reset.Seconds()))))
		}
	case "X-RateLimit epoch":
		return epochReset(limit)
	case "X-RateLimit ISO":
		return func(h http.Header, ok bool, left int, reset time.Duration) {
			h.Set("X-RateLimit-Limit", strconv.Itoa(limit))
			h.Set("X-RateLimit-Remaining", strconv.Itoa(left))
			h.Set("X-RateLimit-Reset", time.Now().Add(reset).UTC().Truncate(time.Second).Add(time.Second).Format(
				time.RFC3339))
			retryAfter(h, ok, left, reset)
		}
	case "Data Center":
		one := dataCenter(limit, limit)
		return func(h http.Header, ok bool, left int, wait time.Duration) {
			one(h, ok, left, wait)
			h.Set("X-RateLimit-Interval-Seconds", strconv.Itoa(int(window.Seconds())))
		}
	}
	return nil
}
