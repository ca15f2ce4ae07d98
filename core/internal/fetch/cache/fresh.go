// Which replies may be stored, and how long they are fresh: RFC 9111, sections 3 and 4.2.

package cache

import (
	"net/http"
	"slices"
	"time"
)

// head is a stored reply without its body.
type head struct {
	URL       string      `json:"url"` // for people, without secrets
	Status    int         `json:"status"`
	Header    http.Header `json:"header"`
	Asked     time.Time   `json:"asked"`     // when the request was sent
	Got       time.Time   `json:"got"`       // when the reply came
	Selecting string      `json:"selecting"` // the request's values of the headers that Vary names
}

// storable reports whether the reply to a GET may be stored.
func storable(req *http.Request, resp *http.Response) bool {
	forbidden := directivesOf(req.Header).has("no-store") || directivesOf(resp.Header).has("no-store") ||
		slices.Contains(list(resp.Header, "Vary"), "*")
	switch s := resp.StatusCode; s {
	case http.StatusPartialContent, http.StatusNotModified, http.StatusRequestTimeout, http.StatusTooEarly,
		http.StatusTooManyRequests:
		return false
	default:
		return !forbidden && s >= 200 && s < 500
	}
}

// reusable reports whether a stored reply may answer another request. Others are used only in the
// mode only, in which for example a 401 must be repeated offline.
func reusable(status int, header http.Header) bool {
	says := directivesOf(header)
	switch status {
	case http.StatusOK, http.StatusNonAuthoritativeInfo, http.StatusNoContent, http.StatusMultipleChoices,
		http.StatusMovedPermanently,
		http.StatusPermanentRedirect, http.StatusNotFound, http.StatusGone:
		return true // cacheable by default
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return false
	default:
		return says.has("public") || says.has("private") || says.has("max-age") || header.Get("Expires") != ""
	}
}

// lifetime returns how long h is fresh. s-maxage does not apply to a private cache.
func (h *head) lifetime() time.Duration {
	if d, ok := directivesOf(h.Header).seconds("max-age"); ok {
		return d
	}
	if text := h.Header.Get("Expires"); text != "" {
		expires, err := http.ParseTime(text)
		if err != nil || len(h.Header.Values("Expires")) > 1 {
			return 0
		}
		return min(max(0, expires.Sub(h.date())), longest)
	}
	return 0
}

// date returns when the reply was made.
func (h *head) date() time.Time {
	if t, err := http.ParseTime(h.Header.Get("Date")); err == nil {
		return t
	}
	return h.Got
}

// age returns the age of h, including transfer and other caches.
func (h *head) age(now time.Time) time.Duration {
	apparent := max(0, h.Got.Sub(h.date()))
	stated := deltaSeconds(h.Header.Get("Age"))
	return max(apparent, stated+h.Got.Sub(h.Asked)) + max(0, now.Sub(h.Got))
}

// usable reports whether h may answer req without the host.
func (h *head) usable(req directives, now time.Time) bool {
	says := directivesOf(h.Header)
	if req.has("no-cache") || says.has("no-cache") {
		return false
	}
	age, life := h.age(now), h.lifetime()
	if most, ok := req.seconds("max-age"); ok && age > most {
		return false
	}
	if least, ok := req.seconds("min-fresh"); ok && life-age < least {
		return false
	}
	if age < life {
		return true
	}
	text, borne := req["max-stale"]
	if !borne || says.has("must-revalidate") {
		return false
	}
	return text == "" || age-life <= deltaSeconds(text)
}

// usableOnError reports whether h may replace a reply of a failing host. allowed is the time in the
// pipeline file.
func (h *head) usableOnError(req directives, allowed time.Duration, now time.Time) bool {
	says := directivesOf(h.Header)
	if says.has("must-revalidate") || says.has("no-cache") || req.has("no-cache") {
		return false
	}
	for _, d := range []directives{says, req} {
		if t, ok := d.seconds("stale-if-error"); ok {
			allowed = max(allowed, t)
		}
	}
	return allowed > 0 && h.age(now)-h.lifetime() <= allowed
}

// freshen merges the headers of a 304.
func (h *head) freshen(header http.Header, asked, got time.Time) {
	for name, values := range kept(header) {
		switch name {
		case "Content-Length", "Content-Encoding", "Content-Range": // about a body that was not sent
		default:
			h.Header[name] = values
		}
	}
	if header.Get("Age") == "" {
		h.Header.Del("Age")
	}
	h.Asked, h.Got = asked, got
}

// kept returns the headers to store: without those of the connection and credentials.
func kept(h http.Header) http.Header {
	out := h.Clone()
	drop := []string{
		"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"Set-Cookie", "Set-Cookie2", "Www-Authenticate", "Proxy-Authenticate", "Authentication-Info",
		"Proxy-Authentication-Info", "Authorization",
	}
	for _, name := range append(drop, list(h, "Connection")...) {
		out.Del(name)
	}
	return out
}
