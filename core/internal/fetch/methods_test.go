package fetch

import (
	"net/http"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/sdk"
)

// TestMethods: a plugin changes nothing at a host unless it may, by whichever way it says the
// method.
func TestMethods(t *testing.T) {
	t.Parallel()
	sent := 0
	c := newClient(Options{}, trip.Func(func(*http.Request) (*http.Response, error) {
		sent++
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody}, nil
	}))
	allow := []origin.Origin{mustOrigin(t, "https://a.example")}
	for _, p := range []struct {
		name    string
		methods []string
		reads   bool
		sends   string // methods that go; "+" those that are marked
	}{
		{"a source", []string{"GET", "HEAD"}, true, "GET HEAD GET+ HEAD+"},
		{"a source that may search", []string{"GET", "HEAD", "POST"}, true, "GET HEAD GET+ HEAD+ POST+"},
		{"a source that may remove", []string{"GET", "DELETE"}, true, "GET GET+ DELETE DELETE+"},
		{"a sink that may create", []string{"POST"}, false, "POST POST+"},
		{"a sink", nil, false,
			"GET HEAD POST PUT PATCH DELETE PURGE post GET+ HEAD+ POST+ PUT+ PATCH+ DELETE+ PURGE+ post+"},
	} {
		rt := transport(t, c, httppolicy.Policy{Plugin: "source x", Pos: "x.hcl:1", Allow: allow, Methods: p.methods,
			Reads: p.reads, Attempts: 1})
		for _, m := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "PURGE", "post"} {
			for _, marked := range []string{"", "+"} {
				ctx := t.Context()
				if marked != "" {
					ctx = sdk.Idempotent(ctx)
				}
				req, err := http.NewRequestWithContext(ctx, m, "https://a.example/", nil)
				if err != nil {
					t.Fatal(err)
				}
				before := sent
				resp, err := rt.RoundTrip(req)
				if err == nil {
					resp.Body.Close()
				}
				want := strings.Contains(" "+p.sends+" ", " "+m+marked+" ")
				if want != (err == nil) || want != (sent > before) {
					t.Errorf("%s: %s%s: %v, sent %d", p.name, m, marked, err, sent-before)
				}
				if err != nil && (!sdk.IsPermanent(err) || !strings.Contains(err.Error(), "source x")) {
					t.Errorf("%s: %s: %v", p.name, m, err)
				}
			}
		}
		for _, name := range []string{"X-HTTP-Method-Override", "x_http_method", "X-Method-Override"} {
			req, err := http.NewRequestWithContext(sdk.Idempotent(t.Context()), firstOf(p.methods),
				"https://a.example/", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header[name] = []string{"PURGE"}
			resp, err := rt.RoundTrip(req)
			if err == nil {
				resp.Body.Close()
			}
			if (err == nil) != (p.methods == nil) {
				t.Errorf("%s: %s: %v", p.name, name, err)
			}
		}
	}
}

func firstOf(methods []string) string {
	if methods == nil {
		return http.MethodGet
	}
	return methods[0]
}
