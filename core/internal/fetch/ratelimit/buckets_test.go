package ratelimit

import (
	"net/http"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

func TestEndpointLimitFits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, path, url string
		want              bool
	}{
		{"GET", "/search/*", "/search/code", true}, {"GET", "/search/*", "/search/a/b", true},
		{"POST", "/search/*", "/search/code", false}, {"", "/search*", "/search", true},
		{"", "/repos/*/issues", "/repos/x/issues", true}, {"", "/repos/*/issues", "/repos/x/y/issues", false},
		{"", "/", "/", true}, {"", "/a", "/ab", false},
	} {
		req, err := http.NewRequest("GET", "http://host.example"+c.url+"?q=1", nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := endpointFits(httppolicy.EndpointLimit{Method: c.method, Path: c.path}, req); got != c.want {
			t.Errorf("%s %s for %s: %v", c.method, c.path, c.url, got)
		}
	}
}
