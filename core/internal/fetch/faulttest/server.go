// Package faulttest is a host that goes wrong in every way that hosts do, for the tests of package
// fetch. It serves a known set of records by pages, and what goes wrong with which try of which
// page follows from a seed alone. Its connections are in memory, so that a scenario of hours takes
// milliseconds in a testing/synctest bubble, with the real net/http above.
package faulttest

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Server is the host. Its fields are what a scenario varies; set them before the first request.
type Server struct {
	Seed     uint64
	Pages    int
	Rate     float64 // share of the tries that go wrong
	Most     int     // tries of a page that may go wrong; those after it do not
	Hopeless int     // a page of which every try goes wrong, or -1
	Burst    [2]int  // from and to which request all is 503, as in an outage
	TLS      bool
	Only     string // the one fault that happens; "": any

	mu       sync.Mutex
	tries    map[string]int
	dials    int
	requests int
	happened map[string]int
}

// New returns a server whose fields follow from seed.
func New(seed uint64) *Server {
	r := rand.New(rand.NewPCG(seed, 1))
	s := &Server{
		Seed: seed, Pages: 3 + r.IntN(12), Rate: r.Float64() * 0.7, Most: 1 + r.IntN(5), Hopeless: -1,
		TLS:   r.IntN(5) == 0,
		tries: map[string]int{}, happened: map[string]int{},
	}
	if r.IntN(8) == 0 {
		s.Hopeless = r.IntN(s.Pages)
	}
	if r.IntN(4) == 0 {
		s.Burst[0] = r.IntN(10)
		s.Burst[1] = s.Burst[0] + 1 + r.IntN(40)
	}
	return s
}

// Page is what a page holds.
type Page struct {
	Page    int      `json:"page"`
	Records []Record `json:"records"`
}

// Record is one of those that must arrive.
type Record struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// Page returns page n as it should arrive. Some are longer than a buffer.
func (s *Server) Page(n int) Page {
	r := rand.New(rand.NewPCG(s.Seed, uint64(n)<<8|2))
	p := Page{Page: n}
	for i := range 1 + r.IntN(20) {
		length := r.IntN(200)
		if r.IntN(40) == 0 {
			length = r.IntN(50_000)
		}
		text := fmt.Sprintf("%x", r.Uint64())
		p.Records = append(p.Records, Record{ID: fmt.Sprintf("%d-%d-%d", s.Seed, n, i),
			Text: strings.Repeat(text, length/len(text)+1)})
	}
	return p
}

// Happened returns how often each fault happened.
func (s *Server) Happened() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.happened
}

func (s *Server) note(fault string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.happened[fault]++
}

// random returns the dice of one try of one thing: those of another do not change when this one
// rolls more often.
func (s *Server) random(what string, try int) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprint(h, what, try)
	return rand.New(rand.NewPCG(s.Seed, h.Sum64()))
}

// Dial is for the DialContext of a transport.
func (s *Server) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	s.mu.Lock()
	n := s.dials
	s.dials++
	s.mu.Unlock()
	r := s.random("dial", n)
	fault := ""
	if r.Float64() < s.Rate/2 && n < 40 {
		fault = s.pick(r, dialFaults(s.TLS))
	}
	if s.Only != "" {
		fault = ""
	}
	if fault != "" {
		s.note(fault)
	}
	switch fault {
	case "refused":
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case "unreachable":
		select {
		case <-time.After(3 * time.Minute):
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ETIMEDOUT}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	case "lookup":
		return nil, &net.OpError{Op: "dial", Net: "tcp",
			Err: &net.DNSError{Err: "server misbehaving", Name: "host", IsTemporary: true}}
	}
	near, far := pipe()
	go s.serve(far, fault)
	return near, nil
}

func dialFaults(secure bool) []string {
	all := []string{"refused", "unreachable", "lookup"}
	if secure {
		all = append(all, "tls: reset", "tls: closed", "tls: garbage", "tls: silence", "tls: alert", "tls: untrusted")
	}
	return all
}

func (s *Server) pick(r *rand.Rand, all []string) string { return all[r.IntN(len(all))] }

// serve answers the requests of one connection until it is no longer good.
func (s *Server) serve(c *conn, fault string) {
	defer func() { _ = c.Close() }() // it cannot fail
	var wire net.Conn = c
	if s.TLS {
		if wire = handshake(c, fault); wire == nil {
			return
		}
	}
	r := bufio.NewReader(wire)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
		x := &exchange{Conn: wire, raw: c, server: s, path: req.URL.Path}
		if !s.answer(x) {
			return
		}
	}
}

// exchange is one request and what is done with it.
type exchange struct {
	net.Conn
	raw    *conn
	server *Server
	path   string
	random *rand.Rand
	body   []byte
}

// answer serves a page, or goes wrong. It reports whether the connection is still good.
func (s *Server) answer(x *exchange) (keep bool) {
	s.mu.Lock()
	try, request := s.tries[x.path], s.requests
	s.tries[x.path]++
	s.requests++
	s.mu.Unlock()
	x.random = s.random(x.path, try)
	var n int
	if _, err := fmt.Sscanf(x.path, "/page/%d", &n); err != nil || n < 0 || n >= s.Pages {
		return x.reply(404, nil, "no such page")
	}
	body, err := json.Marshal(s.Page(n))
	if err != nil {
		panic(err) // it is made of strings
	}
	x.body = body
	switch {
	case s.Only == "" && request >= s.Burst[0] && request < s.Burst[1]:
		s.note("burst")
		return x.reply([]int{500, 502, 503, 504}[x.random.IntN(4)], nil, "out of order")
	case n == s.Hopeless, try < s.Most && x.random.Float64() < s.Rate:
		f := faults[x.random.IntN(len(faults))]
		for s.Only != "" && f.name != s.Only {
			f = faults[x.random.IntN(len(faults))]
		}
		s.note(f.name)
		return f.do(x)
	}
	return x.good()
}

// handshake returns the connection under TLS, or nil if it went wrong.
func handshake(c *conn, fault string) net.Conn {
	config := &tls.Config{Certificates: []tls.Certificate{trusted()}}
	switch fault {
	case "tls: reset":
		c.reset()
		return nil
	case "tls: closed":
		return nil
	case "tls: garbage":
		io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port")
		return nil
	case "tls: silence":
		_, _ = io.Copy(io.Discard, c) // until the client hangs up
		return nil
	case "tls: alert":
		config.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, io.ErrNoProgress }
		config.Certificates = nil
	case "tls: untrusted":
		config.Certificates = []tls.Certificate{untrusted()}
	}
	t := tls.Server(c, config)
	if err := t.HandshakeContext(context.Background()); err != nil {
		return nil
	}
	return t
}
