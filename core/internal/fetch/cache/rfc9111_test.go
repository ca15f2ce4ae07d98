// What RFC 9111 and RFC 5861 ask of a private cache, as a table that knows nothing of how the cache
// is made.

package cache

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// row is a small story. Each step of it is a request, what the host would answer if it is asked,
// and what must come of it. The body of the host's n-th answer is n.
type row struct {
	section, name string
	steps         []step
}

type step struct {
	after   time.Duration // since the step before
	request string        // "GET", or "GET /path", then "|Header: value" as often as needed
	// "200", then headers likewise; "" is no answer at all. A time may be given as "+60s" from now
	reply string
	want  string // see story.check
}

const (
	s, m, h  = time.Second, time.Minute, time.Hour
	fresh60  = "200|Cache-Control: max-age=60"
	tagged60 = `200|Cache-Control: max-age=60|Etag: "a"`
)

var rfc9111 = []row{
	{"4.2", "within max-age nobody is asked", []step{{0, "GET", fresh60, "asked 1"}, {59 * s, "GET", "200", "kept 1"}}},
	{"4.2", "after max-age the host is asked",
		[]step{{0, "GET", fresh60, "asked 1"}, {60 * s, "GET", "200", "asked 2"}}},
	{"4.2.1", "max-age goes before Expires",
		[]step{{0, "GET", "200|Cache-Control: max-age=60|Expires: +3600s", "asked 1"},
			{61 * s, "GET", "200", "asked 2"}}},
	{"4.2.1", "s-maxage is for shared caches",
		[]step{{0, "GET", "200|Cache-Control: max-age=60, s-maxage=3600", "asked 1"},
			{61 * s, "GET", "200", "asked 2"}}},
	{"4.2.1", "s-maxage alone states nothing",
		[]step{{0, "GET", "200|Cache-Control: s-maxage=3600", "asked 1"}, {1 * s, "GET", "200", "asked 2"}}},
	{"4.2.1", "Expires counts from Date",
		[]step{{0, "GET", "200|Expires: +60s", "asked 1"}, {59 * s, "GET", "200", "kept 1"},
			{2 * s, "GET", "200", "asked 3"}}},
	{"4.2.1", "Expires against a clock that is wrong",
		[]step{{0, "GET", "200|Date: -3600s|Expires: -3000s", "asked 1"}, {1 * s, "GET", "200", "asked 2"}}},
	{"5.3", "an Expires that cannot be read is the past",
		[]step{{0, "GET", "200|Expires: 0", "asked 1"}, {1 * s, "GET", "200", "asked 2"}}},
	{"5.3", "Expires in the old form of a date",
		[]step{{0, "GET", "200|Expires: Saturday, 01-Jan-00 00:01:00 GMT|Date: Saturday, 01-Jan-00 00:00:00 GMT",
			"asked 1"}, {59 * s, "GET", "200", "kept 1"}}},
	{"4.2.1", "a max-age that cannot be read is none",
		[]step{{0, "GET", "200|Cache-Control: max-age=soon", "asked 1"}, {1 * s, "GET", "200", "asked 2"}}},
	{"5.2", "a max-age in quotes counts",
		[]step{{0, "GET", `200|Cache-Control: max-age="60"`, "asked 1"}, {59 * s, "GET", "200", "kept 1"}}},
	{"1.2.2", "a huge max-age is a long time",
		[]step{{0, "GET", "200|Cache-Control: max-age=99999999999999999999", "asked 1"},
			{1000 * h, "GET", "200", "kept 1"}}},
	{"5.2", "names of directives are in any case",
		[]step{{0, "GET", "200|Cache-Control: Max-Age=60", "asked 1"}, {59 * s, "GET", "200", "kept 1"}}},
	{"5.2", "directives over several lines",
		[]step{{0, "GET", "200|Cache-Control: private|Cache-Control: max-age=60", "asked 1"},
			{59 * s, "GET", "200", "kept 1"}}},
	{"5.2", "a comma in quotes ends no directive",
		[]step{{0, "GET", `200|Cache-Control: ext="a, no-store", max-age=60`, "asked 1"},
			{59 * s, "GET", "200", "kept 1"}}},
	{"4.2.3", "Age is time that has passed",
		[]step{{0, "GET", "200|Cache-Control: max-age=60|Age: 50", "asked 1"}, {9 * s, "GET", "200", "kept 1"},
			{2 * s, "GET", "200", "asked 3"}}},
	{"4.2.3", "an old Date is time that has passed",
		[]step{{0, "GET", "200|Cache-Control: max-age=60|Date: -50s", "asked 1"}, {11 * s, "GET", "200", "asked 2"}}},
	{"4.2.3", "without Date the time of the reply counts",
		[]step{{0, "GET", "200|Cache-Control: max-age=60|Date: none", "asked 1"}, {59 * s, "GET", "200", "kept 1"}}},
	{"5.1", "a kept reply tells its Age",
		[]step{{0, "GET", fresh60, "asked 1"}, {30 * s, "GET", "200", "kept 1 Age: 30"}}},
	{"4.2.2", "without a stated lifetime none is guessed",
		[]step{{0, "GET", "200|Last-Modified: -864000s", "asked 1"}, {1 * s, "GET", "304", "renewed 1"}}},

	{"5.2.2.5", "no-store is not kept", []step{{0, "GET", "200|Cache-Control: no-store, max-age=60", "asked 1"},
		{1 * s, "GET", "200", "asked 2"}}},
	{"5.2.1.5", "a request's no-store is obeyed",
		[]step{{0, "GET|Cache-Control: no-store", fresh60, "asked 1"}, {1 * s, "GET", "200", "asked 2"}}},
	{"5.2.2.7", "private is for us", []step{{0, "GET", "200|Cache-Control: private, max-age=60", "asked 1"},
		{59 * s, "GET", "200", "kept 1"}}},
	{"5.2.2.4", "no-cache asks each time",
		[]step{{0, "GET", `200|Cache-Control: no-cache, max-age=60|Etag: "a"`, "asked 1"},
			{1 * s, "GET", "304", "renewed 1"}}},
	{"5.2.1.4", "a request's no-cache asks",
		[]step{{0, "GET", tagged60, "asked 1"}, {1 * s, "GET|Cache-Control: no-cache", "304", "renewed 1"}}},
	{"5.4", "Pragma: no-cache is the same",
		[]step{{0, "GET", fresh60, "asked 1"}, {1 * s, "GET|Pragma: no-cache", "200", "asked 2"}}},
	{"5.4", "Pragma is nothing beside Cache-Control",
		[]step{{0, "GET", fresh60, "asked 1"},
			{1 * s, "GET|Pragma: no-cache|Cache-Control: max-age=30", "200", "kept 1"}}},
	{"5.2.1.1", "a request's max-age", []step{{0, "GET", fresh60, "asked 1"},
		{30 * s, "GET|Cache-Control: max-age=20", "200", "asked 2"}}},
	{"5.2.1.3", "a request's min-fresh",
		[]step{{0, "GET", fresh60, "asked 1"}, {30 * s, "GET|Cache-Control: min-fresh=40", "200", "asked 2"}}},
	{"5.2.1.2", "a request's max-stale",
		[]step{{0, "GET", fresh60, "asked 1"}, {70 * s, "GET|Cache-Control: max-stale=20", "200", "kept 1"},
			{20 * s, "GET|Cache-Control: max-stale=20", "200", "asked 3"}}},
	{"5.2.1.2", "max-stale without a number",
		[]step{{0, "GET", fresh60, "asked 1"}, {70 * h, "GET|Cache-Control: max-stale", "200", "kept 1"}}},
	{"5.2.2.2", "must-revalidate goes before max-stale",
		[]step{{0, "GET", "200|Cache-Control: max-age=60, must-revalidate", "asked 1"},
			{70 * s, "GET|Cache-Control: max-stale", "200", "asked 2"}}},
	{"5.2.1.7", "only-if-cached, and it is",
		[]step{{0, "GET", fresh60, "asked 1"}, {1 * s, "GET|Cache-Control: only-if-cached", "200", "kept 1"}}},
	{"5.2.1.7", "only-if-cached, and it is not", []step{{0, "GET|Cache-Control: only-if-cached", "200", "status 504"}}},
	{"5.2.1.7", "only-if-cached does not ask whether it holds",
		[]step{{0, "GET", tagged60, "asked 1"}, {61 * s, "GET|Cache-Control: only-if-cached", "304", "status 504"}}},

	{"4.3.1", "an ETag is asked about", []step{{0, "GET", tagged60, "asked 1"},
		{61 * s, "GET", "304", `renewed 1 If-None-Match: "a"`}}},
	{"4.3.1", "Last-Modified is asked about",
		[]step{{0, "GET", "200|Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT", "asked 1"},
			{61 * s, "GET", "304", "renewed 1 If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT"}}},
	{"4.3.3", "a 304 makes it fresh again",
		[]step{{0, "GET", tagged60, "asked 1"}, {61 * s, "GET", "304", "renewed 1"}, {59 * s, "GET", "200", "kept 1"}}},
	{"4.3.4", "a 304 brings other headers",
		[]step{{0, "GET", tagged60 + "|X-A: old|X-B: old", "asked 1"},
			{61 * s, "GET", "304|X-A: new", "renewed 1 X-A: new"}, {1 * s, "GET", "200", "kept 1 X-B: old"},
			{1 * s, "GET", "200", "kept 1 X-A: new"}}},
	{"4.3.4", "a 304 brings another lifetime",
		[]step{{0, "GET", tagged60, "asked 1"}, {61 * s, "GET", "304|Cache-Control: max-age=600", "renewed 1"},
			{599 * s, "GET", "200", "kept 1"}}},
	{"3.2", "a 304 does not change the length",
		[]step{{0, "GET", tagged60, "asked 1"}, {61 * s, "GET", "304|Content-Length: 0", "renewed 1 Content-Length: 1"},
			{1 * s, "GET", "200", "kept 1 Content-Length: 1"}}},
	{"4.3.4", "a 304 about another reply",
		[]step{{0, "GET", tagged60, "asked 1"}, {61 * s, "GET", `304|Etag: "z"`, "asked 2"}}},
	{"4.3.4", "a weak tag is the same", []step{{0, "GET", tagged60, "asked 1"},
		{61 * s, "GET", `304|Etag: W/"a"`, "renewed 1"}}},
	{"4.3.3", "a new 200 takes its place",
		[]step{{0, "GET", tagged60, "asked 1"}, {61 * s, "GET", `200|Cache-Control: max-age=60|Etag: "b"`, "asked 2"},
			{59 * s, "GET", "200", "kept 2"}}},
	{"4.3.3", "a new no-store drops it",
		[]step{{0, "GET", tagged60, "asked 1"}, {61 * s, "GET", "200|Cache-Control: no-store", "asked 2"},
			{1 * s, "GET|Cache-Control: max-stale", "200", "asked 3"}}},
	{"4.3.3", "a 5xx is handed on and drops nothing",
		[]step{{0, "GET", tagged60, "asked 1"}, {61 * s, "GET", "503", "asked 2 status 503"},
			{1 * s, "GET", "304", "renewed 1"}}},
	{"4.3", "a caller's own condition passes by",
		[]step{{0, "GET", tagged60, "asked 1"}, {1 * s, `GET|If-None-Match: "a"`, "304", "status 304"}}},

	{"4.1", "Vary: the same", []step{{0, "GET|Accept: a", fresh60 + "|Vary: Accept", "asked 1"},
		{1 * s, "GET|Accept: a", "200", "kept 1"}}},
	{"4.1", "Vary: another", []step{{0, "GET|Accept: a", fresh60 + "|Vary: Accept", "asked 1"},
		{1 * s, "GET|Accept: b", "200", "asked 2"}}},
	{"4.1", "Vary: not sent", []step{{0, "GET|Accept: a", fresh60 + "|Vary: Accept", "asked 1"},
		{1 * s, "GET", "200", "asked 2"}}},
	{"4.1", "Vary: two of two", []step{{0, "GET|Accept: a|X-L: b", fresh60 + "|Vary: accept, x-l", "asked 1"},
		{1 * s, "GET|Accept: a|X-L: c", "200", "asked 2"}}},
	{"4.1", "Vary: what does not select",
		[]step{{0, "GET|X-L: a", fresh60 + "|Vary: Accept", "asked 1"}, {1 * s, "GET|X-L: b", "200", "kept 1"}}},
	{"4.1", "Vary: *", []step{{0, "GET", fresh60 + "|Vary: *", "asked 1"}, {1 * s, "GET", "200", "asked 2"}}},
	{"4.1", "Vary: * among others", []step{{0, "GET", fresh60 + "|Vary: Accept, *", "asked 1"},
		{1 * s, "GET", "200", "asked 2"}}},

	{"3", "a 404 may be kept", []step{{0, "GET", "404|Cache-Control: max-age=60", "asked 1 status 404"},
		{1 * s, "GET", "200", "kept 1 status 404"}}},
	{"3", "a 302 only if it says so", []step{{0, "GET", "302|Location: /b", "asked 1"},
		{1 * s, "GET|Cache-Control: max-stale", "200", "asked 2"}}},
	{"3", "a 302 that says so", []step{{0, "GET", "302|Location: /b|Cache-Control: max-age=60", "asked 1"},
		{1 * s, "GET", "200", "kept 1 status 302"}}},
	{"3.3", "a part is not kept", []step{{0, "GET|Range: bytes=0-0",
		"206|Cache-Control: max-age=60|Content-Range: bytes 0-0/9", "asked 1"}, {1 * s, "GET", "200", "asked 2"}}},
	{"3.3", "a part that was not asked for is not kept",
		[]step{{0, "GET", "206|Cache-Control: max-age=60|Content-Range: bytes 0-0/9", "asked 1"},
			{1 * s, "GET", "200", "asked 2"}}},
	{"3.4", "a range is not answered by the whole",
		[]step{{0, "GET", fresh60, "asked 1"}, {1 * s, "GET|Range: bytes=0-0", "206", "asked 2"}}},
	{"3", "a reply to POST is not kept",
		[]step{{0, "POST", fresh60, "asked 1"}, {1 * s, "POST", "200", "asked 2"}, {1 * s, "GET", "200", "asked 3"}}},
	{"3.5", "a private cache keeps what was authorised",
		[]step{{0, "GET|Authorization: a", fresh60, "asked 1"}, {1 * s, "GET|Authorization: a", "200", "kept 1"}}},
	{"7.3", "Set-Cookie is not kept", []step{{0, "GET", fresh60 + "|Set-Cookie: a=b", "asked 1"},
		{1 * s, "GET", "200", "kept 1 Set-Cookie: "}}},
	{"3.1", "headers of the connection are not kept",
		[]step{{0, "GET", fresh60 + "|Connection: x-hop|X-Hop: a", "asked 1"},
			{1 * s, "GET", "200", "kept 1 X-Hop: "}}},

	{"4", "other methods are asked", []step{{0, "GET", fresh60, "asked 1"}, {1 * s, "OPTIONS", "200", "asked 2"},
		{1 * s, "GET", "200", "kept 1"}}},
	{"4", "HEAD is answered from a GET",
		[]step{{0, "GET", fresh60, "asked 1"}, {1 * s, "HEAD", "200", "kept Content-Length: 1"}}},
	{"4", "GET is not answered from a HEAD", []step{{0, "HEAD", fresh60, "asked"}, {1 * s, "GET", "200", "asked 2"}}},
	{"4.3.5", "a HEAD that tells of another reply drops it",
		[]step{{0, "GET", tagged60, "asked 1"}, {61 * s, "HEAD", `200|Etag: "b"`, "asked"},
			{1 * s, "GET|Cache-Control: max-stale", "200", "asked 3"}}},
	{"4", "another query is another URL",
		[]step{{0, "GET /?a=1", fresh60, "asked 1"}, {1 * s, "GET /?a=2", "200", "asked 2"}}},

	{"4.4", "POST makes a GET wrong", []step{{0, "GET", fresh60, "asked 1"}, {1 * s, "POST", "200", "asked 2"},
		{1 * s, "GET", "200", "asked 3"}}},
	{"4.4", "PUT, DELETE and methods not known too",
		[]step{{0, "GET", fresh60, "asked 1"}, {1 * s, "MERGE", "200", "asked 2"}, {1 * s, "GET", "200", "asked 3"}}},
	{"4.4", "not if it is refused", []step{{0, "GET", fresh60, "asked 1"}, {1 * s, "POST", "400", "asked 2"},
		{1 * s, "GET", "200", "kept 1"}}},
	{"4.4", "Content-Location is wrong too",
		[]step{{0, "GET /b", fresh60, "asked 1"}, {1 * s, "POST /a", "200|Content-Location: /b", "asked 2"},
			{1 * s, "GET /b", "200", "asked 3"}}},
	{"4.4", "Location is wrong too", []step{{0, "GET /b", fresh60, "asked 1"},
		{1 * s, "POST /a", "201|Location: http://h/b", "asked 2"}, {1 * s, "GET /b", "200", "asked 3"}}},
	{"4.4", "what is another host's is not",
		[]step{{0, "GET /b", fresh60, "asked 1"}, {1 * s, "POST http://other/a", "200|Location: http://h/b", "asked 2"},
			{1 * s, "GET /b", "200", "kept 1"}}},

	{"5861", "stale-if-error: no answer",
		[]step{{0, "GET", "200|Cache-Control: max-age=60, stale-if-error=60", "asked 1"},
			{100 * s, "GET", "", "stale 1"}}},
	{"5861", "stale-if-error: 503", []step{{0, "GET", "200|Cache-Control: max-age=60, stale-if-error=60", "asked 1"},
		{100 * s, "GET", "503", "stale 1"}}},
	{"5861", "stale-if-error is over", []step{{0, "GET", "200|Cache-Control: max-age=60, stale-if-error=60", "asked 1"},
		{121 * s, "GET", "503", "asked 2 status 503"}}},
	{"5861", "stale-if-error: a 404 is an answer",
		[]step{{0, "GET", "200|Cache-Control: max-age=60, stale-if-error=60", "asked 1"},
			{100 * s, "GET", "404", "asked 2 status 404"}}},
	{"5861", "stale-if-error of a request",
		[]step{{0, "GET", fresh60, "asked 1"}, {100 * s, "GET|Cache-Control: stale-if-error=60", "500", "stale 1"}}},
	{"5861", "without it an error is an error", []step{{0, "GET", fresh60, "asked 1"}, {100 * s, "GET", "", "error"}}},
	{"5.2.2.2", "must-revalidate goes before stale-if-error",
		[]step{{0, "GET", "200|Cache-Control: max-age=60, stale-if-error=60, must-revalidate", "asked 1"},
			{100 * s, "GET", "503", "asked 2 status 503"}}},
}

func TestRFC9111(t *testing.T) {
	t.Parallel()
	for _, r := range rfc9111 {
		t.Run(r.section+" "+r.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				r.play(t, func(next http.RoundTripper) http.RoundTripper { return cacheIn(t, dir, next) })
			})
		})
	}
}

// play tells a story to a cache that begins empty.
func (r row) play(t *testing.T, cached func(http.RoundTripper) http.RoundTripper) {
	h := &storyHost{}
	rt := cached(h)
	time.Sleep(time.Until(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))) // where virtual time begins, by the book
	for i, st := range r.steps {
		time.Sleep(st.after)
		req := st.newRequest(t)
		h.n, h.reply, h.got = i+1, st.reply, nil
		resp, err := rt.RoundTrip(req)
		body := ""
		if err == nil {
			raw, e := io.ReadAll(resp.Body)
			err = errors.Join(e, resp.Body.Close())
			body = string(raw)
		}
		if problem := st.check(resp, body, err, h.got); problem != "" {
			t.Errorf("step %d, %s, answer %q: %s", i+1, st.request, st.reply, problem)
		}
	}
}

func (st step) newRequest(t *testing.T) *http.Request {
	t.Helper()
	line, rest, _ := strings.Cut(st.request, "|")
	method, path, _ := strings.Cut(line, " ")
	if !strings.HasPrefix(path, "http:") {
		path = "http://h" + path
	}
	req, err := http.NewRequestWithContext(t.Context(), method, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	addHeaders(req.Header, rest)
	return req
}

// check says what is wrong with what came of a step. The first word of want is
//
//	asked    the host was asked without a condition
//	kept     it was not asked
//	renewed  it was asked whether what is kept still holds
//	stale    it was asked in any way
//	error    there is no reply
//
// then may come a body, a "status", or a "Header: value" of the reply or of what the host was
// asked.
func (st step) check(resp *http.Response, body string, err error, got *http.Request) string {
	word, rest, _ := strings.Cut(st.want, " ")
	conditional := got != nil && got.Header.Get("If-None-Match")+got.Header.Get("If-Modified-Since") != ""
	switch {
	case (err != nil) != (word == "error"):
		return fmt.Sprintf("error: %v", err)
	case word == "error":
		return ""
	case word == "kept" && got != nil:
		return "the host was asked"
	case (word == "asked" || word == "stale") && got == nil:
		return "the host was not asked"
	case word == "renewed" && !conditional:
		return "the host was not asked whether it still holds"
	case word == "status":
		rest = st.want
	}
	if number, more, _ := strings.Cut(rest, " "); number != "" && strings.Trim(number, "0123456789") == "" {
		if body != number {
			return "the body is " + strconv.Quote(body)
		}
		rest = more
	}
	switch name, value, header := strings.Cut(rest, ": "); {
	case strings.HasPrefix(rest, "status ") && strconv.Itoa(resp.StatusCode) != rest[len("status "):]:
		return "the reply is " + resp.Status
	case header && resp.Header.Get(name) != value && (got == nil || value == "" || got.Header.Get(name) != value):
		return fmt.Sprintf("%s is %q", name, resp.Header.Get(name))
	}
	return ""
}

// storyHost answers as the step says.
type storyHost struct {
	n     int
	reply string
	got   *http.Request
}

func (h *storyHost) RoundTrip(req *http.Request) (*http.Response, error) {
	h.got = req
	if h.reply == "" {
		return nil, errors.New("no answer")
	}
	status, headers, _ := strings.Cut(h.reply, "|")
	code, err := strconv.Atoi(status)
	if err != nil {
		return nil, err
	}
	if code == http.StatusNotModified && req.Header.Get("If-None-Match")+req.Header.Get("If-Modified-Since") == "" {
		code = http.StatusOK // nothing was asked that a 304 would answer
	}
	resp := reply(req, code, http.Header{"Date": {"+0s"}})
	addHeaders(resp.Header, headers)
	if req.Method == http.MethodHead || code == http.StatusNotModified {
		return resp, nil
	}
	text := strconv.Itoa(h.n)
	resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	return resp, nil
}

// addHeaders adds "Name: value|Name: value" and puts in what is said of times.
func addHeaders(h http.Header, text string) {
	for _, line := range strings.Split(text, "|") {
		name, value, ok := strings.Cut(line, ": ")
		switch {
		case !ok:
		case name == "Date":
			h.Set(name, value)
		default:
			h.Add(name, value)
		}
	}
	for _, name := range []string{"Date", "Expires", "Last-Modified"} {
		if d, err := time.ParseDuration(h.Get(name)); err == nil && h.Get(name) != "0" {
			h.Set(name, time.Now().Add(d).UTC().Format(http.TimeFormat))
		}
	}
	if h.Get("Date") == "none" {
		h.Del("Date")
	}
}

// cacheIn returns a cache in a folder.
func cacheIn(t *testing.T, dir string, next http.RoundTripper, change ...func(*Options)) http.RoundTripper {
	t.Helper()
	store, err := Open(dir, 1<<20, 0)
	if err != nil {
		t.Fatal(err)
	}
	o := testOptions(store)
	for _, f := range change {
		f(&o)
	}
	return New(o, next)
}
