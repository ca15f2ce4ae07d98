// Faults: a seeded plan of failures, the same for the same requests.

package jiratest

import (
	"bytes"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
)

type faultKind string

const (
	none        faultKind = ""
	serverError faultKind = "server error"
	htmlError   faultKind = "html error"
	truncated   faultKind = "truncated"
	reset       faultKind = "reset"
	slow        faultKind = "slow"
)

// faultPlan decides for each attempt. It keeps two small numbers for each distinct request.
type faultPlan struct {
	Faults
	seed uint64
	mu   sync.Mutex
	seen map[uint64]*attempts
}

type attempts struct {
	total    uint64
	failures int // in a row, so far
}

func newFaultPlan(f Faults, seed uint64) *faultPlan {
	if f.MaxInARow == 0 {
		f.MaxInARow = 2
	}
	return &faultPlan{Faults: f, seed: seed, seen: map[uint64]*attempts{}}
}

func (p *faultPlan) active() bool {
	return p.ServerErrors+p.HTMLErrors+p.Truncated+p.Resets+p.Slow > 0
}

// next returns the fault of this attempt and a random number for its details.
func (p *faultPlan) next(request uint64) (faultKind, uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.seen[request]
	if a == nil {
		a = &attempts{}
		p.seen[request] = a
	}
	a.total++
	dice := mix(mix(p.seed, request), a.total)
	kind := p.choose(float64(dice>>11) / (1 << 53))
	switch {
	case kind == none || kind == slow:
		a.failures = 0
	case a.failures >= p.MaxInARow:
		a.failures = 0
		kind = none
	default:
		a.failures++
	}
	return kind, mix(dice, 1)
}

func (p *faultPlan) choose(x float64) faultKind {
	for _, c := range []struct {
		share float64
		kind  faultKind
	}{{p.ServerErrors, serverError}, {p.HTMLErrors, htmlError}, {p.Truncated, truncated}, {p.Resets, reset},
		{p.Slow, slow}} {
		if x < c.share {
			return c.kind
		}
		x -= c.share
	}
	return none
}

// inject applies the planned fault. It returns false if that answers the request. The caller, which
// has the reply, truncates it.
func (s *Server) inject(w http.ResponseWriter, r *http.Request) (faultKind, bool) {
	if !s.faults.active() {
		return none, true
	}
	kind, dice := s.faults.next(identify(r))
	if kind == none {
		return none, true
	}
	s.stats.fault(string(kind))
	switch kind {
	case serverError:
		fail(w, dice)
	case htmlError:
		status := []int{http.StatusBadGateway, http.StatusServiceUnavailable}[dice%2]
		writeHTML(w, status, http.StatusText(status), "The server is temporarily unable to service your request.")
	case reset:
		resetConnection(w)
	case slow:
		return kind, wait(r.Context(), s.faults.Delay)
	case truncated:
		return kind, true
	}
	return kind, false
}

// identify returns a hash of the request, the same for each of its attempts.
func identify(r *http.Request) uint64 {
	h := fnv.New64a()
	io.WriteString(h, r.Method+" "+r.URL.RequestURI()+"\n")
	if r.Body != nil {
		// An unreadable body makes the route fail too.
		body, _ := io.ReadAll(io.LimitReader(r.Body, maxBody))
		h.Write(body)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return h.Sum64()
}

func fail(w http.ResponseWriter, dice uint64) {
	statuses := []int{500, 502, 503, 504}
	status := statuses[dice%4]
	if dice>>8%2 == 0 {
		w.WriteHeader(status)
		return
	}
	writeMessages(w, status, "Internal server error")
}

// resetConnection closes the connection without a reply; on TCP the caller sees a reset.
func resetConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 and recorders: the closest equivalent
	}
	// From here on the connection is closed even if an error occurs.
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// serveTruncated announces the whole reply, sends half of it and closes the connection.
func serveTruncated(w http.ResponseWriter, r *http.Request, h http.Handler) {
	whole := &withheld{ResponseWriter: w, status: http.StatusOK}
	h.ServeHTTP(whole, r)
	body := whole.body.Bytes()
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(whole.status)
	w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush() // the connection ends here in any case
	panic(http.ErrAbortHandler)
}

// withheld keeps a reply instead of sending it; headers are shared.
type withheld struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (w *withheld) WriteHeader(status int)      { w.status = status }
func (w *withheld) Write(p []byte) (int, error) { return w.body.Write(p) }
