// Redirects: what to do where one leads to a place that cannot be asked.

package reply

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Redirected is the error of a request that was redirected to another origin and failed there,
// usually because the pipeline file does not allow that origin.
type Redirected struct {
	Status   int      // of the reply that led there
	From, To *url.URL // without what may be secret in them
	Err      error    // what came of it; its class is that of this error
}

func (e *Redirected) Error() string { return e.Explain("the settings") }

// Explain says what happened and what to do. setting names where the address is set: "url", or "the
// settings".
func (e *Redirected) Explain(setting string) string {
	return fmt.Sprintf("%d %s from %s leads to %s: %s", e.Status, http.StatusText(e.Status), e.From, origin(e.To),
		e.Advice(setting))
}

func (e *Redirected) Unwrap() error { return e.Err }

// Advice says what to do about a redirect from one origin to another, and how sure that is.
func (e *Redirected) Advice(setting string) string {
	switch base, moved := e.Moved(); {
	case moved && setting == "url":
		return fmt.Sprintf("the server has moved to %s: set url to that", base)
	case moved:
		return fmt.Sprintf("the server has moved to %s: write that into %s in place of %s", base, setting,
			origin(e.From))
	}
	if loginPlace.MatchString(e.To.Host + e.To.Path) {
		return "it looks like a login page, and no credential was sent there; a token in http.auth often avoids it"
	}
	return "if that host is a part of the system, add it to http.allow; if it is a login page, a token in http.auth " +
		"often avoids it"
}

// loginPlace are hosts and paths of logins, as far as they are known by their names.
var loginPlace = regexp.MustCompile(`(?i)log-?[io]n|sign-?in|saml|\bsso\b|oauth|\bidp\b|adfs|okta|authorize|authenticate`)

// Moved reports whether the same resource is at another origin, and returns its base there. It goes
// by the path, which is the same except for a prefix, and by the status or the name of the host.
func (e *Redirected) Moved() (base string, moved bool) {
	from, to := strings.TrimSuffix(e.From.Path, "/"), strings.TrimSuffix(e.To.Path, "/")
	lasting := e.Status == http.StatusMovedPermanently || e.Status == http.StatusPermanentRedirect
	if !lasting && e.From.Hostname() != e.To.Hostname() {
		return "", false
	}
	if from == to {
		return origin(e.To), true
	}
	if prefix, ok := strings.CutSuffix(to, from); ok {
		return origin(e.To) + prefix, true
	}
	return "", false
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// RedirectOf returns the redirect to another origin that led to a request, or nil.
func RedirectOf(req *http.Request) *Redirected {
	for ; req != nil && req.Response != nil && req.Response.Request != nil; req = req.Response.Request {
		if before := req.Response.Request; origin(before.URL) != origin(req.URL) {
			return &Redirected{Status: req.Response.StatusCode, From: bare(before.URL), To: bare(req.URL)}
		}
	}
	return nil
}

func bare(u *url.URL) *url.URL { return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path} }
