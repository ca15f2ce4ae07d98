// Remote: the remote system as the source saw it, and variants that answer differently.

package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

// maxSeen is how many bytes of replies are remembered.
const maxSeen = 64 << 20

// remote passes requests on and remembers the replies.
type remote struct {
	next http.RoundTripper

	asked, underWay atomic.Int64

	mu   sync.Mutex
	seen []exchange
	size int
}

// exchange is a request and its reply.
type exchange struct {
	method, url string
	status      int
	body        []byte
}

// is reports whether req is the same request.
func (e exchange) is(req *http.Request) bool {
	return e.method == req.Method && e.url == req.URL.String()
}

// isJSON reports whether the reply is non-empty JSON, so that half of it is not valid.
func (e exchange) isJSON() bool {
	return e.status == http.StatusOK && len(e.body) > 2 && json.Valid(e.body)
}

// RoundTrip implements http.RoundTripper.
func (r *remote) RoundTrip(req *http.Request) (*http.Response, error) {
	r.asked.Add(1)
	r.underWay.Add(1)
	defer r.underWay.Add(-1)
	resp, err := r.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	err = errors.Join(err, resp.Body.Close())
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.size += len(body); r.size <= maxSeen {
		r.seen = append(r.seen, exchange{method: req.Method, url: req.URL.String(), status: resp.StatusCode,
			body: body})
	}
	return resp, nil
}

// from returns the exchanges since the n-th.
func (r *remote) from(n int) []exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen[n:len(r.seen):len(r.seen)]
}

func (r *remote) count() int { return len(r.from(0)) }

// otherwise is a remote system that answers one request, or all, differently.
type otherwise struct {
	next   http.RoundTripper
	to     func(*http.Request) bool
	status int
	header http.Header
	body   []byte
	asked  *atomic.Bool // the request has arrived
}

// RoundTrip implements http.RoundTripper.
func (o otherwise) RoundTrip(req *http.Request) (*http.Response, error) {
	if !o.to(req) {
		return o.next.RoundTrip(req)
	}
	o.asked.Store(true)
	if req.Body != nil {
		defer req.Body.Close() // not read
	}
	header := o.header.Clone()
	if header == nil {
		header = http.Header{"Content-Type": {"application/json"}}
	}
	return replyTo(req, o.status, header, o.body), nil
}

// replyTo is a reply with this body.
func replyTo(req *http.Request, status int, header http.Header, body []byte) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header, Request: req,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// swapped is a remote system that can be replaced.
type swapped struct{ now atomic.Pointer[otherwise] }

// RoundTrip implements http.RoundTripper.
func (s *swapped) RoundTrip(req *http.Request) (*http.Response, error) {
	return s.now.Load().RoundTrip(req)
}

// put replaces it by o, which counts as not asked yet.
func (s *swapped) put(o *otherwise) {
	o.asked = new(atomic.Bool)
	s.now.Store(o)
}

func anyRequest(*http.Request) bool { return true }
