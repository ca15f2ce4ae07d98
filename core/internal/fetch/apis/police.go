// Package apis is a table of how real APIs, gateways and drafts limit and how they tell it: a row
// for each, as data, with a server that behaves like it. Tests of package fetch ask these servers
// in virtual time, tests of the command ask some of them over loopback, and the page of the manual
// that says which APIs are understood is made of the same rows: see Page.
package apis

import (
	"math"
	"net/http"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/sdk/reply"
)

// API is a row.
type API struct {
	Name string
	// Limit is how it limits, in words, and Sent what it sends, by name.
	Limit, Sent string
	Kind        Kind
	N           int           // requests in a window, that a bucket holds, or under way
	Per         time.Duration // the window, or in which a bucket gains N
	Also        *Second       // another limit that holds beside
	Cost        int           // units that a request costs; 0: one
	Status      int           // of a refusal; 0: 429
	// Tell writes what the API says, and returns the body of a refusal; "": some HTML.
	Tell func(h http.Header, s State) string
	// Plugin is what a plugin has to say of the replies, because the host cannot tell; Bodies makes
	// the body of a good reply.
	Plugin []reply.Refusal
	Bodies func(s State) string
	NoDate bool // it sends no Date
	// Skew is by how much its clock is ahead.
	Skew time.Duration
	// Every is how often a bucket gains what it gains; 0: steadily.
	Every time.Duration
	// Hold is for how long it refuses everything after a refusal.
	Hold time.Duration
	// Untold says that no reply tells the limit: only refusals do.
	Untold bool
	// InPause is how many requests may come in a stated pause, before the end of one is understood.
	InPause int
	// For is the shortest possible time of a run; 0: a minute.
	For time.Duration
	// Known is how much may be refused in the second half of a run, in percent; 0: 1.
	Known float64
	// Used and Refused are what is to be reached at least and at most, in percent, where it is not
	// 95 and 1, or 3 where it is untold; see Why.
	Used, Refused float64
	Why           string
}

// Kind is how a limit counts.
type Kind int

// The kinds of limits.
const (
	Window Kind = iota
	Sliding
	Bucket
	Crowd // requests under way
)

// Second is a limit beside.
type Second struct {
	N   int
	Per time.Duration
}

// State is what a server knows when it answers.
type State struct {
	OK               bool
	Limit, Left      int
	Window           time.Duration
	Reset            time.Duration // until all of it is there again
	Wait             time.Duration // until something is
	Fill             float64       // units a second
	Now              time.Time     // by the server's clock
	Inside           int
	AlsoLeft         int
	AlsoReset        time.Duration
	AlsoLimit, Costs int
	AlsoWindow       time.Duration
}

// Server is one that behaves like an API.
type Server struct {
	// Told writes what is said, in the place of API.Tell.
	Told  func(http.Header, State)
	api   API
	began time.Time

	mu       sync.Mutex
	log      []time.Time // of what was taken, in units, for a sliding window
	used     int
	window   int
	tokens   float64
	last     time.Time
	inside   int
	also     int
	alsoAt   int
	until    time.Time // refuses everything until then
	Taken    int
	Refused  int
	Volley   int       // of these, when the limit was met for the first time
	volley   time.Time // its end
	InPause  int       // requests that came in a pause that was stated
	paused   time.Time // the stated pause
	since    time.Time
	First    time.Time
	LastTime time.Time
}

// NewServer returns a server whose first window is a third over at now.
func NewServer(a API, now time.Time) *Server {
	return &Server{api: a, began: now.Add(-a.Per / 3), tokens: float64(a.N), last: now}
}

// Arrive decides on a request that comes at now; what is taken is inside until Leave. It returns
// the head and the body of the reply.
func (s *Server) Arrive(now time.Time) (status int, h http.Header, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	const (
		late    = 150 * time.Millisecond // what was under way, and the way itself
		wayBack = 20 * time.Millisecond
	)
	if s.First.IsZero() {
		s.First = now
	}
	if now.Before(s.paused) && now.After(s.since.Add(late)) {
		s.InPause++
	}
	st := s.take(now)
	h = http.Header{}
	clock := now.Add(s.api.Skew)
	st.Now = clock
	if !s.api.NoDate {
		h.Set("Date", clock.UTC().Format(http.TimeFormat))
	}
	if s.Told != nil {
		s.Told(h, st)
	} else if s.api.Tell != nil {
		body = s.api.Tell(h, st)
	}
	if st.OK {
		s.Taken++
		s.LastTime = now
		s.inside++
		body = "{}"
		if s.api.Bodies != nil {
			body = s.api.Bodies(st)
		}
		return http.StatusOK, h, body
	}
	s.Refused++
	if s.volley.IsZero() { // what was under way, or goes before the pause can be known
		s.volley = now.Add(min(late, max(st.Wait, wayBack)))
	}
	if !now.After(s.volley) {
		s.Volley++
	}
	if s.api.states(h) {
		s.paused, s.since = now.Add(st.Wait), now
	}
	if body == "" {
		body = "<html>too many requests</html>"
	}
	if status = s.api.Status; status == 0 {
		status = http.StatusTooManyRequests
	}
	return status, h, body
}

// states reports whether a refusal says until when.
func (a API) states(h http.Header) bool { return len(h) > 1 && !a.Untold }

// Counts returns how many requests were taken, refused, and sent in a stated pause so far.
func (s *Server) Counts() (taken, refused, inPause int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Taken, s.Refused, s.InPause
}

// Leave ends a request that was taken.
func (s *Server) Leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inside--
}

func (s *Server) take(now time.Time) State {
	a, cost := s.api, max(1, s.api.Cost)
	st := State{Limit: a.N, Window: a.Per, Costs: cost, Inside: s.inside}
	if a.Per > 0 {
		st.Fill = float64(a.N) / a.Per.Seconds()
	}
	held := now.Before(s.until)
	switch a.Kind {
	case Window:
		if w := int(now.Sub(s.began) / a.Per); w != s.window {
			s.window, s.used = w, 0
		}
		st.OK = s.used+cost <= a.N && !held
		if st.OK {
			s.used += cost
		}
		st.Left = a.N - s.used
		st.Reset = s.began.Add(time.Duration(s.window+1) * a.Per).Sub(now)
		st.Wait = st.Reset
	case Sliding:
		for len(s.log) > 0 && !s.log[0].After(now.Add(-a.Per)) {
			s.log = s.log[1:]
		}
		st.OK = len(s.log)+cost <= a.N && !held
		for i := 0; st.OK && i < cost; i++ {
			s.log = append(s.log, now)
		}
		st.Left = a.N - len(s.log)
		if len(s.log) > 0 {
			st.Wait = s.log[min(cost, len(s.log))-1].Add(a.Per).Sub(now)
			st.Reset = s.log[len(s.log)-1].Add(a.Per).Sub(now)
		}
	case Bucket:
		gained := now.Sub(s.last)
		if a.Every > 0 {
			gained = gained.Truncate(a.Every)
		}
		s.tokens = min(float64(a.N), s.tokens+st.Fill*gained.Seconds())
		s.last = s.last.Add(gained)
		st.OK = s.tokens >= float64(cost) && !held
		if st.OK {
			s.tokens -= float64(cost)
		}
		st.Left = int(s.tokens)
		st.Reset = time.Duration((float64(a.N) - s.tokens) / st.Fill * float64(time.Second))
		st.Wait = time.Duration(max(0, float64(cost)-s.tokens) / st.Fill * float64(time.Second))
		if a.Every > 0 && st.Wait > 0 {
			st.Wait = ((st.Wait + a.Every - 1).Truncate(a.Every) - now.Sub(s.last))
		}
	case Crowd:
		st.OK = s.inside < a.N && !held
		st.Left = max(0, a.N-s.inside-1)
		st.Wait = time.Second
	}
	if b := a.Also; b != nil {
		if w := int(now.Sub(s.began) / b.Per); w != s.alsoAt {
			s.alsoAt, s.also = w, 0
		}
		if s.also >= b.N {
			st.OK = false
		}
		if st.OK {
			s.also++
		}
		st.AlsoLeft, st.AlsoLimit, st.AlsoWindow = b.N-s.also, b.N, b.Per
		st.AlsoReset = s.began.Add(time.Duration(s.alsoAt+1) * b.Per).Sub(now)
		if s.also >= b.N {
			st.Wait = st.AlsoReset
		}
	}
	if held {
		st.Wait = s.until.Sub(now)
	} else if !st.OK && a.Hold > 0 {
		s.until = now.Add(a.Hold)
		st.Wait = a.Hold
	}
	return st
}

// Ideal is how long n requests take that each come as soon as they are taken, of which each is
// inside for service; at most so many at once, each at least for latency.
func (a API) Ideal(n, places int, latency, service time.Duration) time.Duration {
	if a.Kind == Crowd {
		return time.Duration(float64(n) / float64(min(places, a.N)) * float64(service+latency))
	}
	a.Hold = 0
	start := time.Unix(1_800_000_000, 0)
	s := NewServer(a, start)
	now := start
	for taken := 0; taken < n; {
		st := s.take(now)
		if st.OK {
			taken++
			continue
		}
		now = now.Add(max(st.Wait, time.Microsecond))
	}
	return max(now.Sub(start), time.Duration(math.Ceil(float64(n)/float64(places)))*(latency+service))
}

// Goal returns how many percent of what is allowed are to be used, and how many of the requests may
// be refused beside the first volley.
func (a API) Goal() (used, refused float64) {
	used, refused = 95, 1
	if a.Untold {
		refused = 3
	}
	if a.Used > 0 {
		used = a.Used
	}
	if a.Refused > 0 {
		refused = a.Refused
	}
	return used, refused
}

// Example returns the head of a reply of an API, a good one or a refusal, at a time by its clock.
func Example(a API, good bool, now time.Time) http.Header {
	st := State{OK: good, Limit: a.N, Left: a.N / 2, Window: a.Per, Reset: 10 * time.Second, Wait: 10 * time.Second,
		Now: now, Costs: max(1, a.Cost)}
	if a.Per > 0 {
		st.Fill = float64(a.N) / a.Per.Seconds()
		st.Reset = min(st.Reset, a.Per/2)
	}
	if !good {
		st.Left = 0
	}
	if b := a.Also; b != nil {
		st.AlsoLimit, st.AlsoLeft, st.AlsoWindow, st.AlsoReset = b.N, b.N/2, b.Per, b.Per/2
	}
	h := http.Header{}
	h.Set("Date", now.UTC().Format(http.TimeFormat))
	if a.Tell != nil {
		a.Tell(h, st)
	}
	return h
}
