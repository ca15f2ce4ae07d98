// Package httpsinktest has an HTTP endpoint for the tests of the http sink. It stores, knows the
// keys of requests, and can lose replies. Beside its own paths it answers as the bulk API of
// Elasticsearch and OpenSearch does (/es/_bulk), and as ClickHouse does (/clickhouse), as far as
// their documentation says.
package httpsinktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Fault is what goes wrong with a request.
type Fault int

// The faults.
const (
	None       Fault = iota
	LostBefore       // the connection is closed, and nothing was taken
	LostAfter        // the connection is closed when all was taken
	Busy             // 503 with Retry-After
	TooMany          // 429 with Retry-After
)

// Taken is a request that was taken, for the first time.
type Taken struct {
	Path, Key string
	Header    http.Header
	Query     map[string][]string
	Records   []string
}

// Server is an endpoint.
type Server struct {
	URL string
	// Fault says what becomes of the nth request, from 1; nil: nothing.
	Fault func(n int) Fault
	// Refuse says that a record is refused; nil: none is.
	Refuse func(record string) bool
	// Forgets says that it does not know keys.
	Forgets bool

	mu     sync.Mutex
	n      int
	bodies map[string][]byte // by path and key
	again  int
	wrong  []string
	taken  []Taken
	docs   map[string]map[string]string // by index and id
}

// New starts a server, which ends with the test.
func New(t *testing.T) *Server {
	t.Helper()
	s := &Server{bodies: map[string][]byte{}, docs: map[string]map[string]string{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Taken returns what was taken, in order.
func (s *Server) Taken() []Taken {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.taken)
}

// Documents returns the documents of an index, by id.
func (s *Server) Documents(index string) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]string{}
	for id, doc := range s.docs[index] {
		out[id] = doc
	}
	return out
}

// Requests returns how many requests came, and how many had a key that was known.
func (s *Server) Requests() (all, again int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n, s.again
}

// Wrong returns what a client must not do: other bytes under a known key.
func (s *Server) Wrong() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.wrong)
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // killed while it was sending
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		w.WriteHeader(map[bool]int{true: http.StatusOK, false: http.StatusMethodNotAllowed}[r.Method == http.MethodGet])
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	fault := None
	if s.Fault != nil {
		fault = s.Fault(s.n)
	}
	switch fault {
	case LostBefore:
		panic(http.ErrAbortHandler)
	case Busy, TooMany:
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(map[Fault]int{Busy: http.StatusServiceUnavailable, TooMany: http.StatusTooManyRequests}[fault])
		return
	}
	status, reply := s.take(r, body)
	if fault == LostAfter {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(reply) // the client may be gone
}

// take takes a request, unless it knows its key, and returns the reply.
func (s *Server) take(r *http.Request, body []byte) (status int, reply []byte) {
	key := r.Header.Get("Idempotency-Key")
	if token := r.URL.Query().Get("insert_deduplication_token"); token != "" {
		key = token
	}
	before, known := s.bodies[r.URL.Path+" "+key]
	if known {
		s.again++
		if !bytes.Equal(before, body) {
			s.wrong = append(s.wrong, fmt.Sprintf("%s: %.200q, and before %.200q", key, body, before))
		}
	}
	s.bodies[r.URL.Path+" "+key] = body
	if strings.HasSuffix(r.URL.Path, "/_bulk") {
		return http.StatusOK, s.bulk(body)
	}
	records := recordsOf(r, body)
	if strings.HasPrefix(r.URL.Path, "/clickhouse") || len(records) == 1 {
		if slices.ContainsFunc(records, s.refuses) {
			return http.StatusBadRequest, []byte("Code: 27. DB::Exception: Cannot parse input")
		}
	}
	var results []map[string]any
	for _, one := range records {
		if s.refuses(one) {
			results = append(results, map[string]any{"status": 422, "error": "too odd"})
			continue
		}
		results = append(results, map[string]any{"status": 201})
	}
	if !known || s.Forgets {
		s.taken = append(s.taken, Taken{Path: r.URL.Path, Key: key, Header: r.Header, Query: r.URL.Query(),
			Records: slices.DeleteFunc(records, s.refuses)})
	}
	reply, _ = json.Marshal(map[string]any{"data": map[string]any{"items": results}}) // it can be
	return http.StatusOK, reply
}

func (s *Server) refuses(record string) bool { return s.Refuse != nil && s.Refuse(record) }

// recordsOf reads an array, or a record a line.
func recordsOf(r *http.Request, body []byte) (out []string) {
	var array []json.RawMessage
	if r.Header.Get("Content-Type") == "application/json" && json.Unmarshal(body, &array) == nil {
		for _, one := range array {
			out = append(out, string(one))
		}
		return out
	}
	return strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")
}

// bulk does what a body of the bulk API says, and returns the reply.
func (s *Server) bulk(body []byte) []byte {
	var items []map[string]any
	bad := false
	lines := strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		var act map[string]struct {
			Index string `json:"_index"`
			ID    string `json:"_id"`
		}
		if err := json.Unmarshal([]byte(lines[i]), &act); err != nil {
			s.wrong = append(s.wrong, lines[i])
			break
		}
		for do, to := range act {
			if s.docs[to.Index] == nil {
				s.docs[to.Index] = map[string]string{}
			}
			docs, status := s.docs[to.Index], http.StatusCreated
			_, there := docs[to.ID]
			if do != "delete" {
				i++
			}
			switch {
			case do != "delete" && s.refuses(lines[i]):
				status = http.StatusBadRequest
			case do == "create" && there:
				status = http.StatusConflict
			case do == "delete" && !there:
				status = http.StatusNotFound
			case do == "delete":
				delete(docs, to.ID)
				status = http.StatusOK
			default:
				docs[to.ID] = lines[i]
			}
			item := map[string]any{"status": status}
			if status >= 400 && do != "delete" {
				bad = true
				item["error"] = map[string]string{"type": "document_parsing_exception", "reason": "failed to parse"}
			}
			items = append(items, map[string]any{do: item})
		}
	}
	reply, _ := json.Marshal(map[string]any{"errors": bad, "items": items}) // it can be
	return reply
}
