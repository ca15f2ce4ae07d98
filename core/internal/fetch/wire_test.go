// That connections are shared and used again.

package fetch

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

// TestNoMoreConnectionsThanInFlight makes 1,000 requests, 16 at once, over HTTP/1.1 and, where it
// is offered, over HTTP/2.
func TestNoMoreConnectionsThanInFlight(t *testing.T) {
	t.Parallel()
	for name, offered := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const inFlight, requests = 16, 1000
			var connections, others atomic.Int64
			var first sync.WaitGroup // so that all connections are there before the first can be used again
			first.Add(inFlight)
			var arrived atomic.Int64
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/warm" && arrived.Add(1) <= inFlight {
					first.Done()
					first.Wait()
				}
				if r.Proto != name {
					others.Add(1)
				}
				_, _ = io.WriteString(w, "a page") // the client's end notices
			}))
			s.EnableHTTP2 = offered
			s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					connections.Add(1)
				}
			}
			s.StartTLS()
			defer s.Close()
			wire := newWire()
			wire.TLSClientConfig.RootCAs = s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
			c := newClient(Options{}, wire)
			defer c.Close()
			rt := transport(t, c, httppolicy.Policy{Allow: []origin.Origin{mustOrigin(t, s.URL)},
				Concurrency: inFlight})
			for range 2 * inFlight { // the window opens by one with each reply
				if _, _, err := ask(t.Context(), rt, "GET", s.URL+"/warm", ""); err != nil {
					t.Fatal(err)
				}
			}
			errs := make([]error, inFlight)
			var left atomic.Int64
			left.Store(requests)
			var all sync.WaitGroup
			for i := range inFlight {
				all.Go(func() {
					for left.Add(-1) >= 0 && errs[i] == nil {
						_, _, errs[i] = ask(t.Context(), rt, "GET", s.URL, "")
					}
				})
			}
			all.Wait()
			if err := errors.Join(errs...); err != nil {
				t.Fatal(err)
			}
			st := only(t, c)
			again := int64(0) // on a busy machine a handshake may take longer than it is given, and is begun anew
			for _, n := range st.Retries {
				again += int64(n)
			}
			if n := connections.Load(); n > inFlight+again || others.Load() > 0 {
				t.Errorf("%d connections for %d in flight; %d requests not over %s; retries %v", n, inFlight,
					others.Load(), name, st.Retries)
			}
			t.Logf("%d connections, %d of %d requests over one that was there", st.Connections, st.Reused, st.Requests)
		})
	}
}
