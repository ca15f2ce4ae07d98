// The plugin's own classes: replies of which it knows better than the table in judge.go whether
// they pass, and whether they are refusals.

package ratelimit

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/core/internal/fetch/body"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
)

// lookedAt is the number of bytes of a body that are searched for the text of a class.
const lookedAt = 64 << 10

// ownClass returns the first class that names resp, and says more than how long to wait after a
// good reply.
func ownClass(classes []hint.Class, resp *http.Response) (hint.Class, bool) {
	for _, c := range classes {
		if !c.Good && fits(c, resp) {
			return c, true
		}
	}
	return hint.Class{}, false
}

// fits reports whether a class names resp.
func fits(c hint.Class, resp *http.Response) bool {
	if c.Status != resp.StatusCode && (c.Status != 0 || !c.Throttled) || !hasHeader(resp.Header, c.Header) {
		return false
	}
	if c.Text == "" {
		return true
	}
	b, ok := resp.Body.(*body.Body)
	return ok && bytes.Contains(b.Head(lookedAt), []byte(c.Text))
}

// hasHeader reports whether a reply has a header, "Name" or "Name: value"; "" is always there.
func hasHeader(h http.Header, want string) bool {
	if want == "" {
		return true
	}
	name, value, given := strings.Cut(want, ":")
	values := h.Values(strings.TrimSpace(name))
	return len(values) > 0 && (!given ||
		slices.ContainsFunc(values, func(v string) bool {
			return strings.EqualFold(strings.TrimSpace(v),
				strings.TrimSpace(value))
		}))
}
