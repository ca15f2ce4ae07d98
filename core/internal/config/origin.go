// Origins: scheme, host and port of a URL, in one spelling.

package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// parseOrigin returns the origin of an http or https URL, lower case and without a default port. The errors do not
// quote the URL: it may be sensitive.
func parseOrigin(text string) (string, *url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		var at *url.Error
		if errors.As(err, &at) {
			err = at.Err
		}
		return "", nil, fmt.Errorf("not a URL: %w", err)
	}
	scheme := strings.ToLower(u.Scheme)
	if scheme != "http" && scheme != "https" {
		return "", nil, errors.New("a URL begins with https:// or http://")
	}
	host := strings.ToLower(u.Hostname())
	if host == "" || strings.ContainsAny(host, "* {}\"'") {
		return "", nil, errors.New("the URL names no host")
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port := u.Port(); port != "" && (scheme != "https" || port != "443") && (scheme != "http" || port != "80") {
		host += ":" + port
	}
	return scheme + "://" + host, u, nil
}

// origins checks a list of origins of the file.
func (s *section) origins(name string, texts []string, at hcl.Range) []string {
	var out []string
	for i, text := range texts {
		place := elementRange(s.body.Attributes[name].Expr, i, at)
		origin, u, err := parseOrigin(strings.Replace(text, "://*.", "://", 1))
		if strings.Contains(text, "://*.") {
			origin = strings.Replace(origin, "://", "://*.", 1) // every host below
		}
		switch {
		case err != nil && !strings.Contains(text, "/"):
			s.fail(place, fmt.Sprintf("write %q", "https://"+text), "%s: %s: %q is no origin", s.title, name, text)
		case err != nil:
			s.fail(place, fmt.Sprintf("%v; for example \"https://cdn.example.com\"", err), "%s: %s: %q is no origin", s.title, name, text)
		case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
			s.fail(place, fmt.Sprintf("a whole host is meant: write %q", origin), "%s: %s: %q is more than an origin", s.title, name, text)
		default:
			out = append(out, origin)
		}
	}
	return out
}

// covered reports whether an origin is among the allowed, by itself or below a wildcard.
func covered(origin string, allow []string) bool {
	for _, a := range allow {
		scheme, below, wild := strings.Cut(a, "*")
		if a == origin || (wild && strings.HasPrefix(origin, scheme) && strings.HasSuffix(origin, below)) {
			return true
		}
	}
	return false
}

// plainText reports whether requests to an origin can be read on the way.
func plainText(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}
