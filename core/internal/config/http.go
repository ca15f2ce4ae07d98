// The http block: the hosts, credentials and limits of a plugin's requests.

package config

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/sdk"
)

// maxRequests bounds the concurrent requests to one host. Each uses a connection, or waits and uses
// as much memory.
const maxRequests = 1000

// http reads an http block; nil: there is none. set has the origins of the plugin's hosts. robots
// says that the plugin asks to respect robots.txt.
func (l *loader) http(st stage, b *hclsyntax.Block, set settings, robots bool) httppolicy.Policy {
	hosts := set.hosts
	out := httppolicy.Policy{Allow: hosts, Robots: robots}
	if b == nil {
		return out
	}
	s := l.section(st.title+": http", b.Body)
	s.unsure = set.unsure
	allow, at := s.texts("allow", `allow = ["https://cdn.example.com"]`)
	out.Allow = unionOrigins(hosts, s.origins("allow", allow, at))
	out.Methods = s.methods()
	out.Rate = s.number("rate", 0, 0.001)
	out.Burst = s.whole("burst", 0, 1)
	out.Concurrency = s.wholeBetween("concurrency", 0, 1, maxRequests,
		"it is how many requests are made of one host at once")
	out.Limits = s.endpoints()
	out.Attempts = s.whole("attempts", 0, 1)
	out.ConnectTimeout = s.duration("connect_timeout", 0)
	out.HeaderTimeout = s.duration("header_timeout", 0)
	out.IdleTimeout = s.duration("idle_timeout", 0)
	out.Timeout = s.duration("timeout", 0)
	out.MaxWait = s.duration("max_wait", 0)
	out.Deadline = s.duration("deadline", 0)
	out.RetryBudget = s.number("retry_budget", 0, 0.01)
	out.UserAgent = s.headerValue("user_agent", s.text("user_agent"))
	out.Auth = s.auths(hosts, out.Allow)
	out.MaxBody = s.size("max_body", 0)
	out.MaxRatio = int64(s.whole("max_ratio", 0, 1))
	out.AllowPrivate, out.Cookies = s.flag("allow_private"), s.flag("cookies")
	out.Robots = s.flagOr("robots", robots)
	out.Proxy = s.proxy()
	if b := s.bare("tls"); b != nil {
		out.TLS, out.Certified = s.tls(b, hosts, out.Allow)
	}
	if b := s.bare("cache"); b != nil {
		out.Cache = l.cache(s.title, b)
	}
	s.end()
	return out
}

// methods reads `methods = ["GET", "POST"]`; nil: not set.
func (s *section) methods() []string {
	methods, at := s.texts("methods", `methods = ["GET", "HEAD", "POST"]`)
	for i, m := range methods {
		if err := (sdk.Permissions{Methods: []string{m}}).Check(); err != nil {
			s.fail(elementRange(s.body.Attributes["methods"].Expr, i, at), "", "%s: %v", s.title, err)
		}
	}
	return methods
}

// defaultCache is the default size of a cache, in bytes.
const defaultCache = 1 << 30

// cache reads `cache { … }`.
func (l *loader) cache(title string, b *hclsyntax.Block) *httppolicy.Cache {
	s := l.section(title+": cache", b.Body)
	c := &httppolicy.Cache{MaxSize: s.size("max_size", defaultCache), StaleIfError: s.duration("stale_if_error", 0)}
	s.end()
	return c
}
