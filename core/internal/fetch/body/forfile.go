// Requests for files, whose bodies are kept unchanged.

package body

import (
	"context"
	"net/http"

	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
)

type forFileKey struct{}

// ForFiles returns a round tripper for requests whose bodies the caller stores: character sets are
// not converted, and the cache does not store the replies.
func ForFiles(next http.RoundTripper) http.RoundTripper {
	return trip.Func(func(req *http.Request) (*http.Response, error) {
		return next.RoundTrip(req.WithContext(context.WithValue(req.Context(), forFileKey{}, true)))
	})
}

// IsForFile reports whether req was made by ForFiles.
func IsForFile(req *http.Request) bool { return req.Context().Value(forFileKey{}) != nil }
