// redacted is the outermost decorator: it removes secrets from errors.

package fetch

import (
	"net/http"

	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/redact"
)

func redacted(set *redact.Set) trip.Decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		return trip.Func(func(req *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			if err != nil {
				return nil, set.Error(err)
			}
			return resp, nil
		})
	}
}
