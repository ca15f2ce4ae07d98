// Origins: scheme, host and port of URLs in the file.

package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
)

// parseOrigin returns the origin of an http or https URL, and the URL, which may contain a user and
// password. Its errors do not quote the URL, which may be sensitive.
func parseOrigin(text string) (origin.Origin, *url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		var at *url.Error
		if errors.As(err, &at) {
			err = at.Err
		}
		return origin.Origin{}, nil, fmt.Errorf("not a URL: %w", err)
	}
	bare := *u
	bare.User = nil
	o, err := origin.Of(&bare)
	return o, u, err
}

// origins checks a list of origins of the file.
func (s *section) origins(name string, texts []string, at hcl.Range) []origin.Origin {
	var out []origin.Origin
	for i, text := range texts {
		place := elementRange(s.body.Attributes[name].Expr, i, at)
		o, err := origin.Parse(text)
		u, badURL := url.Parse(text)
		switch {
		case err != nil && !strings.Contains(text, "/"):
			s.fail(place, fmt.Sprintf("write %q", "https://"+text), "%s: %s: %q is no origin", s.title, name, text)
		case err != nil && (badURL != nil || u.User == nil):
			s.fail(place, fmt.Sprintf("%v; for example \"https://cdn.example.com\"", err), "%s: %s: %q is no origin",
				s.title, name, text)
		case err != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
			u.User = nil
			o, _ = origin.Of(u)
			s.fail(place, fmt.Sprintf("a whole host is meant: write %q", o.String()),
				"%s: %s: %q is more than an origin", s.title, name, text)
		default:
			out = append(out, o)
		}
	}
	return out
}

// unionOrigins returns the sorted union of two lists of origins.
func unionOrigins(a, b []origin.Origin) []origin.Origin {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(a, b origin.Origin) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(all)
}
