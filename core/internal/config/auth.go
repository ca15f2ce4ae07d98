// The auth blocks of an http block: credentials, and where each goes.

package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// schemes are the labels of auth blocks, each with what reads the rest of the block.
var schemes = map[string]func(s *section, a *Auth, header hcl.Range){
	"basic": func(s *section, a *Auth, header hcl.Range) {
		a.User, a.Password = s.needed("user", header), s.secret("password", header)
	},
	"bearer": func(s *section, a *Auth, header hcl.Range) {
		a.Token = s.headerValue("token", s.secret("token", header))
	},
	"header": func(s *section, a *Auth, header hcl.Range) {
		a.Name, a.Value = s.headerName("name", header), s.headerValue("value", s.secret("value", header))
	},
	"query": func(s *section, a *Auth, header hcl.Range) {
		a.Name, a.Value = s.needed("name", header), s.headerValue("value", s.secret("value", header))
	},
	"cookie": func(s *section, a *Auth, header hcl.Range) {
		a.Name, a.Value = s.headerName("name", header), s.cookieValue("value", s.secret("value", header))
	},
	"oauth2":    (*section).oauth2,
	"aws_sigv4": (*section).aws,
}

// auths reads all auth blocks.
func (s *section) auths(hosts, allow []string) []Auth {
	var all []Auth
	for _, b := range s.all("auth") {
		a := s.auth(b, hosts, allow)
		if a == nil {
			continue
		}
		for _, before := range all {
			if a.clashes(before) {
				s.fail(b.DefRange(), "the first is at "+before.Pos+"; give each its origins", "%s: two credentials take the same place in requests to one host", s.title)
			}
		}
		all = append(all, *a)
	}
	return all
}

// auth reads `auth "SCHEME" { … }`.
func (s *section) auth(b *hclsyntax.Block, hosts, allow []string) *Auth {
	header := b.DefRange()
	names := slices.Sorted(maps.Keys(schemes))
	if len(b.Labels) != 1 || schemes[b.Labels[0]] == nil {
		hint, at := `write auth "basic" { … }; there are: `+strings.Join(names, ", "), header
		if len(b.Labels) > 0 {
			at = b.LabelRanges[0]
			hint = joinLines(didYouMean(b.Labels[0], names), hint)
		}
		s.fail(at, hint, "%s: auth is labelled with its scheme", s.title)
		return nil
	}
	a := &Auth{Scheme: b.Labels[0], Pos: s.pos(b.TypeRange)}
	inner := s.section(fmt.Sprintf("%s: auth %q", s.title, a.Scheme), b.Body)
	inner.late, inner.unsure = true, s.unsure
	schemes[a.Scheme](inner, a, header)
	inner.late = false
	a.Origins = inner.authOrigins("the credential", header, hosts, allow)
	inner.end()
	return a
}

func (s *section) oauth2(a *Auth, header hcl.Range) {
	o := &OAuth2{Grant: s.needed("grant", header), ClientID: s.needed("client_id", header)}
	o.TokenURL = s.tokenURL(header)
	switch o.Grant {
	case "client_credentials":
		o.ClientSecret = s.secret("client_secret", header)
	case "refresh_token":
		o.RefreshToken = s.secret("refresh_token", header)
		if s.body.Attributes["client_secret"] != nil { // a public client has none
			o.ClientSecret = s.secret("client_secret", header)
		}
		s.attribute("client_secret")
	case "":
	default:
		s.attribute("client_secret")
		s.attribute("refresh_token")
		s.fail(s.body.Attributes["grant"].Expr.Range(), `write "client_credentials" or "refresh_token"`, "%s: there is no grant %q", s.title, o.Grant)
	}
	o.Scopes, _ = s.texts("scopes", `scopes = ["read"]`)
	o.Audience = s.text("audience")
	a.OAuth2 = o
}

// tokenURL is where access tokens come from. The host itself asks there, so it need not be allowed.
func (s *section) tokenURL(header hcl.Range) string {
	text := s.needed("token_url", header)
	if text == "" {
		return ""
	}
	at := s.body.Attributes["token_url"].Expr.Range()
	origin, u, err := parseOrigin(text)
	switch {
	case err != nil:
		s.fail(at, `for example "https://login.example.com/oauth/token"`, "%s: token_url: %v", s.title, err)
	case u.User != nil:
		s.fail(at, "write client_id and client_secret", "%s: token_url: a URL cannot hold a user and password here", s.title)
	case plainText(origin):
		s.warn(at, "use https", "%s: the client's credentials go to %s unencrypted", s.title, origin)
	}
	return text
}

func (s *section) aws(a *Auth, header hcl.Range) {
	a.AWS = &AWS{
		Region: s.needed("region", header), Service: s.needed("service", header),
		AccessKeyID: s.needed("access_key_id", header), SecretAccessKey: s.secret("secret_access_key", header),
	}
	if s.attribute("session_token") != nil {
		a.AWS.SessionToken = s.secret("session_token", header)
	}
}

// place is where in a request a credential goes.
func (a Auth) place() string {
	switch a.Scheme {
	case "header":
		return "header " + strings.ToLower(a.Name)
	case "query", "cookie":
		return a.Scheme + " " + a.Name
	}
	return "header authorization"
}

func (a Auth) clashes(b Auth) bool {
	if a.place() != b.place() {
		return false
	}
	return slices.ContainsFunc(a.Origins, func(o string) bool { return covered(o, b.Origins) }) ||
		slices.ContainsFunc(b.Origins, func(o string) bool { return covered(o, a.Origins) })
}

// authOrigins are those that get what: the ones given, or those of the host settings.
func (s *section) authOrigins(what string, header hcl.Range, hosts, allow []string) []string {
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
		if !covered(o, allow) && !s.unsure {
			s.fail(place, "add it to allow", "%s: %s gets %s but is not allowed", s.title, o, what)
		}
		if plainText(o) {
			s.warn(place, "use https", "%s: %s goes to %s unencrypted", s.title, what, o)
		}
	}
	return union(nil, origins)
}

// headerName is the name of a header field or cookie.
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

func (s *section) cookieValue(name, text string) string {
	if strings.ContainsAny(text, ";,") {
		s.fail(s.body.Attributes[name].Expr.Range(), "write one auth block for each cookie", "%s: %s holds more than one cookie", s.title, name)
	}
	return s.headerValue(name, text)
}
