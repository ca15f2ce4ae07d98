// Package allow permits only requests to allowed hosts, and completes them: it removes headers that
// a plugin must not set, and adds the User-Agent.
package allow

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/net/http/httpguts"

	"github.com/scrapekit/scrapekit/core/internal/credential"
	"github.com/scrapekit/scrapekit/core/internal/fetch/auth"
	"github.com/scrapekit/scrapekit/core/internal/fetch/fault"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/fetch/wire"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/core/internal/redact"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
)

const maxURL = 16 << 10

// hostsOwn are headers that the host sets or that belong to one connection. Through them, a plugin
// could log in as somebody else, reach another virtual host, or confuse proxies about the end of a
// request.
var hostsOwn = map[string]bool{
	"Authorization": true, "Cookie": true, "Host": true, "Connection": true, "Keep-Alive": true, "Te": true,
	"Trailer": true, "Transfer-Encoding": true, "Upgrade": true, "Content-Length": true, "Accept-Encoding": true,
	"Expect": true, "User-Agent": true,
}

// Allow is the outermost decorator except redaction and recording. Below it, requests have
// [trip.Facts].
func Allow(p httppolicy.Policy, set *redact.Set) trip.Decorator {
	g := &allowance{Policy: p, own: ownHeaders(p)}
	return func(next http.RoundTripper) http.RoundTripper {
		return trip.Func(func(req *http.Request) (*http.Response, error) {
			resp, err := send(g, set, next, req)
			if fault.IsDown(err) {
				return nil, err // it names the host and is the same for all requests to it
			}
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", trip.Method(req), set.URL(req.URL), err)
			}
			return resp, nil
		})
	}
}

// allowance is a policy with what follows from it for all requests.
type allowance struct {
	httppolicy.Policy
	own    map[string]bool // headers that a plugin must not set
	latest atomic.Pointer[destination]
}

// destination caches the beginning of an allowed URL, which most consecutive requests share.
// Checking it again would take a twentieth of the host's time for a small reply.
type destination struct {
	scheme, host string
	origin       origin.Origin
}

func send(p *allowance, set *redact.Set, next http.RoundTripper, req *http.Request) (*http.Response, error) {
	body, err := trip.BodyOf(req)
	if err != nil {
		return nil, err
	}
	to, err := p.check(req)
	if err != nil {
		return nil, sdk.Permanent(err)
	}
	out := req.Clone(trip.With(req.Context(), trip.Facts{Origin: to, Body: body, URL: set.URL(req.URL)}))
	facts := trip.FactsOf(out)
	explainAllowed(facts, p.Policy)
	p.clean(out, to)
	explainDropped(facts, req, out)
	resp, err := next.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	resp.Request = req // the request without credentials
	auth.TellLogin(resp, p.Policy, to)
	for _, name := range []string{"Set-Cookie", "Set-Cookie2", "Authorization", "Proxy-Authenticate", "Connection",
		"Keep-Alive", "Transfer-Encoding", "Trailer", "Upgrade"} {
		resp.Header.Del(name)
	}
	return resp, nil
}

// explainAllowed explains why the request is allowed, and its credentials.
func explainAllowed(facts *trip.Facts, p httppolicy.Policy) {
	if p.OwnAuthorization {
		facts.Explain("allow", func() string { return "asks " + facts.URL + ", which the pipeline file names" })
		return
	}
	facts.Explain("allow", func() string {
		return fmt.Sprintf("%s is among the hosts that %s may ask", facts.Origin,
			p.Plugin)
	})
	facts.Explain("auth", func() string { return auth.Text(p.Auth, facts.Origin) })
}

// explainDropped names the removed headers.
func explainDropped(facts *trip.Facts, given, sent *http.Request) {
	if !facts.Asked() {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(given.Header)) {
		if _, ok := sent.Header[name]; !ok || http.CanonicalHeaderKey(name) == "User-Agent" {
			facts.Explain("allow", func() string {
				return "the header " + name + " is not sent: only the host sets it"
			})
		}
	}
}

// check returns the origin of req, or why it is not allowed.
func (p *allowance) check(req *http.Request) (origin.Origin, error) {
	if req.URL == nil {
		return origin.Origin{}, errors.New("the URL is missing")
	}
	if !validMethod(trip.Method(req)) {
		return origin.Origin{}, fmt.Errorf("the method %q is not allowed", req.Method)
	}
	if err := p.mayChange(req); err != nil {
		return origin.Origin{}, err
	}
	if len(req.URL.String()) > maxURL {
		return origin.Origin{}, fmt.Errorf("the URL is longer than %d KiB; send the parameters as a body", maxURL>>10)
	}
	if err := checkHeader(req.Header); err != nil {
		return origin.Origin{}, err
	}
	return p.destined(req.URL)
}

// overrides are headers with which servers replace the method. Some servers accept _ for - in
// names.
var overrides = []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"}

// mayChange returns an error for methods that change something at the host, unless they are
// allowed.
func (p *allowance) mayChange(req *http.Request) error {
	if p.Methods == nil {
		return nil
	}
	all := []string{trip.Method(req)}
	for name, values := range req.Header {
		if slices.Contains(overrides, http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))) {
			all = append(all, values...)
		}
	}
	for _, m := range all {
		switch {
		case !slices.Contains(p.Methods, m):
			return fmt.Errorf("plugin %s may send %s, not %.40q: if it should, add it to methods in the http "+
				"block of %s", p.Plugin, strings.Join(p.Methods, ", "), m, p.Pos)
		case p.Reads && (m == http.MethodPost || m == http.MethodPatch) && !hint.Idempotent(req):
			return fmt.Errorf("plugin %s does not mark this %s as one that only reads, and a source may send no "+
				"other: its author marks it with sdk.Idempotent", p.Plugin, m)
		}
	}
	return nil
}

// destined returns the origin of u, if it is allowed.
func (p *allowance) destined(u *url.URL) (origin.Origin, error) {
	if d := p.latest.Load(); d != nil && d.scheme == u.Scheme && d.host == u.Host && u.User == nil && u.Opaque == "" {
		return d.origin, nil
	}
	to, err := origin.Of(u)
	if err != nil {
		return origin.Origin{}, err
	}
	if !origin.Covered(p.Allow, to) {
		return origin.Origin{}, fmt.Errorf(
			"plugin %s may not ask %s: add it to http.allow in the pipeline file if it should", p.Plugin, to)
	}
	if err := wire.CheckLiteral(to.Host); err != nil {
		return origin.Origin{}, err
	}
	p.latest.Store(&destination{u.Scheme, u.Host, to})
	return to, nil
}

func checkHeader(h http.Header) error {
	size := 0
	for name, values := range h {
		if !httpguts.ValidHeaderFieldName(name) {
			return fmt.Errorf("%q is not the name of a header", name)
		}
		for _, v := range values {
			if !httpguts.ValidHeaderFieldValue(v) {
				return fmt.Errorf("the value of header %s holds control characters", name)
			}
			size += len(name) + len(v)
		}
	}
	if size > trip.MaxHeader {
		return fmt.Errorf("the headers are longer than %d KiB", trip.MaxHeader>>10)
	}
	return nil
}

// clean turns out, a copy of the plugin's request, into the host's own.
func (p *allowance) clean(out *http.Request, to origin.Origin) {
	authorization := out.Header.Get("Authorization")
	connection := ofConnection(out.Header)
	for name, values := range out.Header {
		switch canonical := http.CanonicalHeaderKey(name); {
		case p.own[canonical] || connection[canonical] || strings.HasPrefix(canonical, "Proxy-"):
			delete(out.Header, name)
		case canonical == "Referer":
			out.Header[name] = referers(values, to)
		}
	}
	if p.OwnAuthorization && authorization != "" {
		out.Header.Set("Authorization", authorization)
	}
	if out.Header == nil {
		out.Header = http.Header{}
	}
	out.Header.Set("User-Agent", p.UserAgent)
	out.Method = trip.Method(out)
	out.URL = Hop(out.URL, to)
	for _, at := range places(p.Policy, credential.InQuery) {
		out.URL.RawQuery = credential.WithoutParameter(out.URL.RawQuery, at)
	}
	out.Host = ""
	out.Close = false
	out.Trailer = nil
	out.TransferEncoding = nil
	out.Body, out.GetBody = nil, nil // each attempt sets its own
}

// ofConnection are the headers that the Connection header names.
func ofConnection(h http.Header) map[string]bool {
	values := h.Values("Connection")
	if len(values) == 0 {
		return nil
	}
	names := map[string]bool{}
	for _, name := range strings.Split(strings.Join(values, ","), ",") {
		names[http.CanonicalHeaderKey(strings.TrimSpace(name))] = true
	}
	return names
}

// places names what the plugin's credentials set in a part of a request.
func places(p httppolicy.Policy, in string) []string {
	var names []string
	for _, c := range p.Auth {
		for _, at := range c.Value.Places() {
			if at.In == in {
				names = append(names, at.Name)
			}
		}
	}
	return names
}

// ownHeaders are the headers that a plugin must not set: the host's, and those of its credentials.
func ownHeaders(p httppolicy.Policy) map[string]bool {
	own := maps.Clone(hostsOwn)
	for _, name := range places(p, credential.InHeader) {
		own[name] = true
	}
	return own
}

// referers keeps only the page of a Referer, and only for the origin itself. An http.Client that
// follows a redirect sends the previous URL, with secrets in its query, to the next host.
func referers(values []string, to origin.Origin) []string {
	var kept []string
	for _, v := range values {
		u, err := url.Parse(v)
		if err != nil {
			continue
		}
		if from, err := origin.Of(u); err != nil || from != to {
			continue
		}
		u = Hop(u, to)
		u.RawQuery, u.ForceQuery = "", false
		kept = append(kept, u.String())
	}
	return kept
}

// Hop returns u with the checked spelling of its host, so that exactly that host is dialled.
func Hop(u *url.URL, to origin.Origin) *url.URL {
	h := *u
	h.Scheme, h.Host, h.Fragment, h.RawFragment = to.Scheme, to.Address(), "", ""
	return &h
}

// validMethod returns false for methods that are no token, and for those of proxies and debuggers.
func validMethod(m string) bool {
	return httpguts.ValidHeaderFieldName(m) && m != http.MethodConnect && m != http.MethodTrace
}
