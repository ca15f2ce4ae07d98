// The server: the handling of each request before its route.

package jiratest

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/prose"
)

// Server is a Jira. It implements http.Handler; all methods are safe for
// concurrent use.
type Server struct {
	options Options
	store   *store
	catalog *catalog
	people  []*user
	persons []prose.Person // the initial ones, as texts name them
	mux     *http.ServeMux
	limit   *bucket
	faults  *faultPlan
	stats   *counters
	media   *media
	cache   cache
	buffers sync.Pool     // of *bytes.Buffer, for replies
	fetches atomic.Uint64 // seeds the order of ties and the volatile field
	sways   atomic.Uint64 // totals stated with an error
	emptied atomic.Int64  // pages requested by a token
	hook    atomic.Pointer[func(*http.Request)]
}

// New returns an empty server.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.TimeZone == nil {
		o.TimeZone = time.UTC
	}
	if o.TokenLife == 0 {
		o.TokenLife = 7 * 24 * time.Hour
	}
	o.BasePath = strings.TrimRight(o.BasePath, "/")
	s := &Server{
		options: o,
		store:   newStore(),
		catalog: newCatalog(o.Flavour),
		people:  newPeople(o.Flavour),
		persons: prose.People(),
		mux:     http.NewServeMux(),
		limit:   newBucket(o.Limit, o.Now),
		faults:  newFaultPlan(o.Faults, o.Seed),
		stats:   newCounters(),
		media:   &media{},
	}
	s.fillLists()
	s.register()
	return s
}

// OnRequest sets a function that is called at the start of each request, before the store is read,
// so that a test can change issues in the middle of a walk. It is called from the goroutine of the
// request. nil removes it.
func (s *Server) OnRequest(hook func(*http.Request)) {
	if hook == nil {
		s.hook.Store(nil)
		return
	}
	s.hook.Store(&hook)
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if hook := s.hook.Load(); hook != nil {
		(*hook)(r)
	}
	w.Header().Set("Date", s.date(r))
	inner, ok := s.strip(r)
	if !ok {
		http.NotFound(w, r)
		return
	}
	_, route := s.mux.Handler(inner)
	done := s.stats.start(route)
	status := &statusWriter{ResponseWriter: w}
	defer func() { done(status.status) }()
	if !wait(r.Context(), s.options.Latency) {
		return
	}
	if !s.limit.admit(status) {
		return
	}
	if refused := s.options.Quirks.Refused[route]; refused != 0 {
		writeMessages(status, refused, "The server does not give this out.")
		return
	}
	fault, ok := s.inject(status, r)
	if !ok {
		return
	}
	if fault == truncated {
		serveTruncated(status, inner, s.mux)
		return
	}
	s.mux.ServeHTTP(status, inner)
}

// strip removes the base path from the request.
func (s *Server) strip(r *http.Request) (*http.Request, bool) {
	if s.options.BasePath == "" {
		return r, true
	}
	path, ok := strings.CutPrefix(r.URL.Path, s.options.BasePath)
	if !ok || path != "" && path[0] != '/' {
		return nil, false
	}
	inner := new(http.Request)
	*inner = *r
	at := *r.URL
	at.Path, at.RawPath = path, ""
	inner.URL = &at
	return inner, true
}

// wait sleeps unless the caller disconnects first.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// statusWriter records the status for the statistics.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap gives http.ResponseController access to the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
