// The limit blocks of an http block: limits for parts of a host.

package config

import (
	"path"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

var methodName = regexp.MustCompile(`^[A-Z]+$`)

// endpoints reads all limit blocks.
func (s *section) endpoints() []httppolicy.EndpointLimit {
	var all []httppolicy.EndpointLimit
	for _, b := range s.all("limit") {
		if l, ok := s.endpoint(b); ok {
			all = append(all, l)
		}
	}
	return all
}

func (s *section) endpoint(b *hclsyntax.Block) (l httppolicy.EndpointLimit, ok bool) {
	const hint = `write limit "GET /search/*" { rate = 4 }, or limit "/search/*" for all methods`
	if len(b.Labels) != 1 {
		s.fail(b.DefRange(), hint, "%s: limit needs a label: the requests that it is for", s.title)
		return l, false
	}
	method, pattern, found := strings.Cut(b.Labels[0], " ")
	if !found {
		method, pattern = "", b.Labels[0]
	}
	l.Method, l.Path = method, strings.TrimSpace(pattern)
	if _, err := path.Match(l.Path, "/"); err != nil || !strings.HasPrefix(l.Path, "/") || method != "" &&
		!methodName.MatchString(method) {
		s.fail(b.LabelRanges[0], hint, "%s: limit %q is not a method and a path", s.title, b.Labels[0])
		return l, false
	}
	inner := s.section(s.title+": limit", b.Body)
	l.Rate = inner.number("rate", 0, 0.001)
	l.Burst = inner.whole("burst", 0, 1)
	l.Concurrency = inner.whole("concurrency", 0, 1)
	inner.end()
	if l.Rate == 0 && l.Concurrency == 0 && inner.body.Attributes["rate"] == nil &&
		inner.body.Attributes["concurrency"] == nil {
		s.fail(b.DefRange(), "give it a rate, a concurrency, or both", "%s: limit %q has no effect", s.title,
			b.Labels[0])
		return l, false
	}
	return l, true
}
