// Requests for files: their bodies are kept as they came.

package body

import (
	"context"
	"net/http"

	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
)

type forFileKey struct{}

// ForFiles makes requests by next whose bodies are kept by whoever asks: no character set is
// decoded, and the cache of replies does not hold them.
func ForFiles(next http.RoundTripper) http.RoundTripper {
	return trip.Func(func(req *http.Request) (*http.Response, error) {
		return next.RoundTrip(req.WithContext(context.WithValue(req.Context(), forFileKey{}, true)))
	})
}

// IsForFile reports whether req is one of ForFiles.
func IsForFile(req *http.Request) bool { return req.Context().Value(forFileKey{}) != nil }
