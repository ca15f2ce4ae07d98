// The cache as a RoundTripper: RFC 9111, section 4.

package cache

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/core/internal/redact"
	"github.com/scrapekit/scrapekit/sdk"
)

// Outcome says how a request was answered.
type Outcome string

// The outcomes.
const (
	Miss        Outcome = "miss"        // by the host, with a body
	Hit         Outcome = "hit"         // from the cache
	Revalidated Outcome = "revalidated" // from the cache, after the host confirmed it
	Stale       Outcome = "stale"       // from the cache although expired, because the host failed
)

// Options are the parts of a cache.
type Options struct {
	Store *Store
	Mode  httppolicy.CacheMode
	// StaleIfError is how long an expired reply may replace one of a failing host, even if the host
	// does not allow it.
	StaleIfError time.Duration
	// Account identifies the credentials of a request, so that two accounts share no replies.
	Account func(*http.Request) string
	Redact  *redact.Set // replies with one of its secrets are not stored
	Count   func(req *http.Request, o Outcome, saved int64)
	Logger  hclog.Logger
}

// New returns a cache in front of next. Do not use it with the mode off.
func New(o Options, next http.RoundTripper) http.RoundTripper {
	return &cache{Options: o, next: next}
}

type cache struct {
	Options
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (c *cache) RoundTrip(req *http.Request) (*http.Response, error) {
	switch {
	case c.Mode == httppolicy.CacheOnly:
		return c.only(req)
	case req.Method == http.MethodGet && !passesBy(req):
		return c.get(req)
	case req.Method == http.MethodHead && !passesBy(req):
		return c.headOnly(req)
	}
	resp, err := c.next.RoundTrip(req)
	if err == nil && !safe(req.Method) && resp.StatusCode >= 200 && resp.StatusCode < 400 {
		c.invalidate(req, resp)
	}
	return resp, err
}

func safe(method string) bool {
	return slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace}, method)
}

// passesBy reports whether a request bypasses the cache.
func passesBy(req *http.Request) bool {
	for _, name := range []string{"Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since",
		"If-Unmodified-Since"} {
		if req.Header.Get(name) != "" {
			return true
		}
	}
	return req.ContentLength != 0
}

func (c *cache) get(req *http.Request) (*http.Response, error) {
	e, resp := c.atOnce(req)
	if resp != nil {
		return resp, nil
	}
	return c.ask(req, e)
}

// atOnce answers a request without the host if it need not or must not be contacted. Otherwise it
// returns the matching entry, or nil.
func (c *cache) atOnce(req *http.Request) (*entry, *http.Response) {
	says := directivesOf(req.Header)
	e := c.lookUp(req)
	if e != nil && e.head.usable(says, time.Now()) {
		return nil, c.answer(req, e, Hit)
	}
	if says.has("only-if-cached") {
		return nil, timedOut(req, e)
	}
	return e, nil
}

// lookUp returns the matching entry, or nil.
func (c *cache) lookUp(req *http.Request) *entry {
	if c.Mode == httppolicy.CacheRefresh {
		return nil
	}
	e := c.Store.get(c.key(req, req.URL.String()))
	if e == nil {
		return nil
	}
	fits := e.head.Selecting == c.selecting(req, e.head.Header)
	if !fits || c.Mode != httppolicy.CacheOnly && !reusable(e.head.Status, e.head.Header) {
		_ = e.Close() // opened only for reading
		return nil
	}
	return e
}

func (c *cache) key(req *http.Request, url string) string {
	return c.Store.name(url, c.Account(req))
}

// selecting returns the values of req's headers that a reply's Vary names.
func (c *cache) selecting(req *http.Request, reply http.Header) string {
	names := list(reply, "Vary")
	for i, n := range names {
		names[i] = http.CanonicalHeaderKey(n)
	}
	slices.Sort(names)
	var parts []string
	for _, n := range slices.Compact(names) {
		parts = append(append(parts, n), list(req.Header, n)...)
	}
	return c.Store.name(parts...)
}

// ask requests a reply from the host. If e is not nil, it asks whether e is still valid.
func (c *cache) ask(req *http.Request, e *entry) (*http.Response, error) {
	asked := time.Now()
	resp, err := c.next.RoundTrip(conditional(req, e))
	switch {
	case e == nil:
	case inTrouble(req, resp, err) && e.head.usableOnError(directivesOf(req.Header), c.StaleIfError, time.Now()):
		if resp != nil {
			resp.Body.Close() // not used
		}
		return c.answer(req, e, Stale), nil
	case err == nil && resp.StatusCode == http.StatusNotModified && about(e, resp):
		resp.Body.Close() // empty
		return c.revalidated(req, resp, e, asked), nil
	default:
		_ = e.Close() // opened only for reading
		if err == nil && resp.StatusCode == http.StatusNotModified {
			resp.Body.Close()      // empty
			return c.ask(req, nil) // it is about another reply than e
		}
	}
	if err != nil {
		return nil, err
	}
	c.Count(req, Miss, 0)
	return c.keep(req, resp, asked), nil
}

// conditional returns req with the validators of e.
func conditional(req *http.Request, e *entry) *http.Request {
	if e == nil {
		return req
	}
	out := req.Clone(req.Context())
	if tag := e.head.Header.Get("Etag"); tag != "" {
		out.Header.Set("If-None-Match", tag)
	}
	if date := e.head.Header.Get("Last-Modified"); date != "" {
		out.Header.Set("If-Modified-Since", date)
	}
	return out
}

// about reports whether a 304 is about e.
func about(e *entry, resp *http.Response) bool {
	tag := resp.Header.Get("Etag")
	return tag == "" || opaque(tag) == opaque(e.head.Header.Get("Etag"))
}

// opaque returns a tag without the weak prefix.
func opaque(tag string) string {
	if len(tag) > 2 && tag[:2] == "W/" {
		return tag[2:]
	}
	return tag
}

// inTrouble reports whether a host failed. A host that asks for a pause has not.
func inTrouble(req *http.Request, resp *http.Response, err error) bool {
	if err != nil {
		return req.Context().Err() == nil && !sdk.IsPermanent(err) && sdk.RetryDelay(err) == 0
	}
	switch resp.StatusCode {
	case 500, 502, 503, 504:
		return true
	}
	return false
}

func (c *cache) revalidated(req *http.Request, resp *http.Response, e *entry, asked time.Time) *http.Response {
	e.head.freshen(resp.Header, asked, time.Now())
	if err := c.Store.rewrite(c.key(req, req.URL.String()), e); err != nil {
		c.Logger.Debug("cache: not renewed", "url", e.head.URL, "why", err)
	}
	return c.answer(req, e, Revalidated)
}

// answer returns the reply in e.
func (c *cache) answer(req *http.Request, e *entry, o Outcome) *http.Response {
	now := time.Now()
	c.Store.used(c.key(req, req.URL.String()), now)
	c.Count(req, o, e.size)
	header := e.head.Header.Clone()
	header.Set("Age", strconv.FormatInt(int64(e.head.age(now)/time.Second), 10))
	header.Set("Content-Length", strconv.FormatInt(e.size, 10))
	resp := reply(req, e.head.Status, header)
	resp.ContentLength = e.size
	if req.Method == http.MethodHead {
		_ = e.Close() // opened only for reading
		return resp
	}
	resp.Body = struct {
		*io.SectionReader
		io.Closer
	}{e.body(), e}
	return resp
}

func reply(req *http.Request, status int, header http.Header) *http.Response {
	return &http.Response{
		Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header, Body: http.NoBody, Request: req,
	}
}

// timedOut is the reply to only-if-cached without an entry.
func timedOut(req *http.Request, e *entry) *http.Response {
	if e != nil {
		_ = e.Close() // opened only for reading
	}
	return reply(req, http.StatusGatewayTimeout, http.Header{})
}

// headOnly answers a HEAD, and compares the host's reply with the stored reply to a GET.
func (c *cache) headOnly(req *http.Request) (*http.Response, error) {
	e, kept := c.atOnce(req)
	if kept != nil {
		return kept, nil
	}
	resp, err := c.next.RoundTrip(req)
	if e == nil {
		return resp, err
	}
	_ = e.Close() // opened only for reading
	for _, name := range []string{"Etag", "Last-Modified"} {
		if err == nil && resp.StatusCode == http.StatusOK && resp.Header.Get(name) != e.head.Header.Get(name) {
			c.Store.remove(c.key(req, req.URL.String()))
		}
	}
	return resp, err
}

// invalidate removes entries after a request that changes something.
func (c *cache) invalidate(req *http.Request, resp *http.Response) {
	c.Store.remove(c.key(req, req.URL.String()))
	for _, name := range []string{"Location", "Content-Location"} {
		u, err := req.URL.Parse(resp.Header.Get(name))
		if err == nil && u.Scheme == req.URL.Scheme && u.Host == req.URL.Host {
			u.Fragment = ""
			c.Store.remove(c.key(req, u.String()))
		}
	}
}

// only answers without contacting any host.
func (c *cache) only(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead || req.ContentLength != 0 ||
		req.Header.Get("Range") != "" {
		return nil, sdk.Permanent(errors.New(
			"a cache keeps the replies to plain GETs only, and --cache=only asks nobody; --record and --replay keep " +
				"every request"))
	}
	e := c.lookUp(req)
	if e == nil {
		return nil, sdk.Permanent(errors.New("not in the cache, and --cache=only asks nobody: run once without it"))
	}
	o := Hit
	if !e.head.usable(directives{}, time.Now()) {
		o = Stale
	}
	return c.answer(req, e, o), nil
}
