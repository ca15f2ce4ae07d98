package fetch

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

// TestReplyTooMany: a reply that was sent before the request is not the one to it.
func TestReplyTooMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		twice := func(c netConn, _ *http.Request) bool {
			one := "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none"
			io.WriteString(c, one+one)
			return true
		}
		s := &scripted{scripts: []script{twice, answer(200, "two")}}
		c := s.client(t, Options{})
		defer c.Close()
		wire := theWire(t, c)
		wire.DialContext = countedDial(wire.DialContext)
		rt := transport(t, c, httppolicy.Policy{})
		for _, want := range []string{"one", "two", "two"} {
			if _, body, err := ask(t.Context(), rt, "GET", page, ""); err != nil || body != want {
				t.Errorf("%q, want %q: %v", body, want, err)
			}
		}
	})
}
