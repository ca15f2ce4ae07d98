package fetch

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/fetch/body"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

// TestForFiles: a file is kept byte by byte, though it says that it is JSON in another character
// set.
func TestForFiles(t *testing.T) {
	t.Parallel()
	const sent = "\"caf\xe9\""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=iso-8859-1")
		_, _ = io.WriteString(w, sent)
	}))
	t.Cleanup(server.Close)
	c := New(Options{})
	t.Cleanup(c.Close)
	rt := transport(t, c, httppolicy.Policy{Allow: []origin.Origin{mustOrigin(t, server.URL)}, Attempts: 1})
	for want, rt := range map[string]http.RoundTripper{sent: body.ForFiles(rt), `"café"`: rt} {
		if _, got, err := ask(t.Context(), rt, "GET", server.URL, ""); err != nil || got != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
}
