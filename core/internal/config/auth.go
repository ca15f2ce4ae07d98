// The auth blocks of an http block: credentials, and the origins that receive them.

package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/scrapekit/scrapekit/core/internal/credential"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
)

// auths reads all auth blocks.
func (s *section) auths(hosts, allow []origin.Origin) []credential.Credential {
	var all []credential.Credential
	for _, b := range s.all("auth") {
		c, ok := s.auth(b, hosts, allow)
		if !ok {
			continue
		}
		for _, before := range all {
			if c.Clash(before) {
				s.fail(b.DefRange(), "the first is at "+before.Pos+"; give each its origins",
					"%s: two credentials use the same place in requests to one host", s.title)
			}
		}
		all = append(all, c)
	}
	return all
}

// auth reads `auth "SCHEME" { … }`.
func (s *section) auth(b *hclsyntax.Block, hosts, allow []origin.Origin) (c credential.Credential, ok bool) {
	header := b.DefRange()
	names := slices.Sorted(maps.Keys(credential.Schemes))
	if len(b.Labels) != 1 || credential.Schemes[b.Labels[0]] == nil {
		hint, at := `write auth "basic" { … }; there are: `+strings.Join(names, ", "), header
		if len(b.Labels) > 0 {
			at = b.LabelRanges[0]
			hint = joinLines(didYouMean(b.Labels[0], names), hint)
		}
		s.fail(at, hint, "%s: auth is labelled with its scheme", s.title)
		return c, false
	}
	c = credential.Credential{Scheme: b.Labels[0], Pos: s.pos(b.TypeRange)}
	inner := s.section(fmt.Sprintf("%s: auth %q", s.title, c.Scheme), b.Body)
	inner.late, inner.unsure = true, s.unsure
	c.Value = credential.Schemes[c.Scheme](authBlock{inner, header})
	inner.late = false
	c.Origins = inner.authOrigins("the credential", header, hosts, allow)
	inner.end()
	return c, true
}

// authBlock gives a scheme access to its block.
type authBlock struct {
	*section
	header hcl.Range
}

func (b authBlock) Has(name string) bool { return b.attribute(name) != nil }

func (b authBlock) Text(name string) string { return b.text(name) }

func (b authBlock) Required(name string) string { return b.needed(name, b.header) }

func (b authBlock) Secret(name string) string { return b.secret(name, b.header) }

func (b authBlock) Texts(name, example string) []string {
	all, _ := b.texts(name, example)
	return all
}

func (b authBlock) Report(name string, severity credential.Severity, hint, format string, args ...any) {
	report := b.fail
	if severity == credential.Unwise {
		report = b.warn
	}
	report(b.body.Attributes[name].Expr.Range(), hint, "%s: %s", b.title, fmt.Sprintf(format, args...))
}

// authOrigins returns the origins that receive what: those given, or else those of the host
// settings.
func (s *section) authOrigins(what string, header hcl.Range, hosts, allow []origin.Origin) []origin.Origin {
	texts, at := s.texts("origins", `origins = ["https://example.com"]`)
	if s.body.Attributes["origins"] == nil {
		at = header
		if len(hosts) == 0 && !s.unsure {
			s.fail(at, `write origins = ["https://example.com"]`, "%s: it is not said where %s goes", s.title, what)
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
		if !origin.Covered(allow, o) && !s.unsure {
			s.fail(place, "add it to allow", "%s: %s gets %s but is not allowed", s.title, o, what)
		}
		if o.PlainText() {
			s.warn(place, "use https", "%s: %s goes to %s unencrypted", s.title, what, o)
		}
	}
	return unionOrigins(nil, origins)
}

// headerValue checks that a text is valid in a header.
func (s *section) headerValue(name, text string) string {
	if !credential.IsHeaderText(text) {
		s.fail(s.body.Attributes[name].Expr.Range(),
			"a line break at the end of a file is taken off by trimspace(file(…))",
			"%s: %s holds a line break or another control character", s.title, name)
		return ""
	}
	return text
}
