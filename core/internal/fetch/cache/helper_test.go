// What the tests share.

package cache

import (
	"net/http"

	"github.com/hashicorp/go-hclog"

	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/core/internal/redact"
)

func testOptions(s *Store) Options {
	return Options{
		Store: s, Mode: httppolicy.CacheOn, Redact: &redact.Set{}, Logger: hclog.NewNullLogger(),
		Account: func(req *http.Request) string { return req.Header.Get("Authorization") },
		Count:   func(*http.Request, Outcome, int64) {},
	}
}
