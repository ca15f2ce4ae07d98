// The http block: where a plugin's requests may go, with which credentials, how fast.

package config

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// http reads an http block; b is nil if there is none. hosts are the origins of the plugin's host settings.
func (l *loader) http(st stage, b *hclsyntax.Block, hosts []string) HTTP {
	out := HTTP{Allow: hosts}
	if b == nil {
		return out
	}
	s := l.section(st.title+": http", b.Body)
	allow, at := s.texts("allow", `allow = ["https://cdn.example.com"]`)
	out.Allow = union(hosts, s.origins("allow", allow, at))
	out.Rate = s.number("rate", 0, 0.001)
	out.Burst = s.whole("burst", 0, 1)
	out.Concurrency = s.whole("concurrency", 0, 1)
	out.Attempts = s.whole("attempts", 0, 1)
	out.ConnectTimeout = s.duration("connect_timeout", 0)
	out.HeaderTimeout = s.duration("header_timeout", 0)
	out.IdleTimeout = s.duration("idle_timeout", 0)
	out.Timeout = s.duration("timeout", 0)
	out.MaxWait = s.duration("max_wait", 0)
	out.Deadline = s.duration("deadline", 0)
	out.RetryBudget = s.number("retry_budget", 0, 0.01)
	out.UserAgent = s.headerValue("user_agent", s.text("user_agent"))
	if auth := s.block("auth"); auth != nil {
		out.Auth = l.auth(s.title, auth, hosts, out.Allow)
	}
	if b := s.bare("cache"); b != nil {
		out.Cache = l.cache(s.title, b)
	}
	s.end()
	return out
}

// defaultCache is how many bytes of replies are kept where the cache block says nothing.
const defaultCache = 1 << 30

// cache reads `cache { … }`.
func (l *loader) cache(title string, b *hclsyntax.Block) *Cache {
	s := l.section(title+": cache", b.Body)
	c := &Cache{MaxSize: s.size("max_size", defaultCache), StaleIfError: s.duration("stale_if_error", 0)}
	s.end()
	return c
}

// auth reads `auth "SCHEME" { … }`.
func (l *loader) auth(title string, b *hclsyntax.Block, hosts, allow []string) *Auth {
	schemes := []string{"basic", "bearer", "header"}
	header := b.DefRange()
	if len(b.Labels) != 1 || !slices.Contains(schemes, b.Labels[0]) {
		hint, at := `write auth "basic" { … }, auth "bearer" { … } or auth "header" { … }`, header
		if len(b.Labels) > 0 {
			at = b.LabelRanges[0]
			hint = joinLines(didYouMean(b.Labels[0], schemes), hint)
		}
		l.fail(at, hint, "%s: auth is labelled with its scheme", title)
		return nil
	}
	a := &Auth{Scheme: b.Labels[0]}
	s := l.section(fmt.Sprintf("%s: auth %q", title, a.Scheme), b.Body)
	switch a.Scheme {
	case "basic":
		a.User, a.Password = s.needed("user", header), s.secret("password", header)
	case "bearer":
		a.Token = s.headerValue("token", s.secret("token", header))
	case "header":
		a.Name, a.Value = s.headerName("name", header), s.headerValue("value", s.secret("value", header))
	}
	a.Origins = s.authOrigins(header, hosts, allow)
	s.end()
	return a
}

// authOrigins are those that get the credential: the ones given, or those of the host settings.
func (s *section) authOrigins(header hcl.Range, hosts, allow []string) []string {
	texts, at := s.texts("origins", `origins = ["https://example.com"]`)
	if s.body.Attributes["origins"] == nil {
		at = header
		if len(hosts) == 0 {
			s.fail(at, `write origins = ["https://example.com"]`, "%s: it is not said where the credential goes", s.title)
		}
	}
	origins := hosts
	if texts != nil {
		origins = s.origins("origins", texts, at)
	}
	for i, o := range origins {
		place := at
		if texts != nil && len(texts) == len(origins) {
			place = elementRange(s.body.Attributes["origins"].Expr, i, at)
		}
		if !covered(o, allow) {
			s.fail(place, "add it to allow", "%s: %s gets the credential but is not allowed", s.title, o)
		}
		if plainText(o) {
			s.warn(place, "use https", "%s: the credential goes to %s unencrypted", s.title, o)
		}
	}
	return union(nil, origins)
}

// headerName is the name of a header field.
func (s *section) headerName(name string, header hcl.Range) string {
	text := s.needed(name, header)
	if text != "" && !regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$").MatchString(text) {
		s.fail(s.body.Attributes[name].Expr.Range(), `for example "X-Api-Key"`, "%s: %s is not the name of a header", s.title, name)
	}
	return text
}

// headerValue checks that a text can stand in a header; a line break at the end of a token that was read
// from a file is the usual fault.
func (s *section) headerValue(name, text string) string {
	for _, c := range text {
		if c < ' ' || c == 0x7f {
			s.fail(s.body.Attributes[name].Expr.Range(), "a line break at the end of a file is taken off by trimspace(file(…))", "%s: %s holds a line break or another control character", s.title, name)
			return ""
		}
	}
	return text
}

// union merges lists of origins, sorted, each once.
func union(a, b []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
}
