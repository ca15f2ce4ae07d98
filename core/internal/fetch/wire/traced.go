// Explains what net/http does for an attempt.

package wire

import (
	"crypto/tls"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"

	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
)

// Traced explains what net/http does for an attempt.
func Traced() trip.Decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		return trip.Func(func(req *http.Request) (*http.Response, error) {
			facts := trip.FactsOf(req)
			if !facts.Asked() {
				return next.RoundTrip(req)
			}
			var over atomic.Bool // net/http may continue with a connection that is not needed any more
			defer over.Store(true)
			ctx := httptrace.WithClientTrace(req.Context(), wireTrace(func(text string) {
				if !over.Load() {
					facts.Explain("wire", func() string { return text })
				}
			}))
			return next.RoundTrip(req.WithContext(ctx))
		})
	}
}

func wireTrace(tell func(text string)) *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSDone: func(i httptrace.DNSDoneInfo) {
			if i.Err == nil {
				var all []string
				for _, a := range i.Addrs {
					all = append(all, a.String())
				}
				tell("the name leads to " + strings.Join(all, ", "))
			}
		},
		TLSHandshakeDone: func(s tls.ConnectionState, err error) {
			if err == nil {
				tell(tls.VersionName(s.Version) + ", certificate for " + strings.Join(s.PeerCertificates[0].DNSNames,
					", "))
			}
		},
		GotConn: func(i httptrace.GotConnInfo) {
			how := "a new connection"
			if i.Reused {
				how = "an open connection"
			}
			tell(how + " to " + i.Conn.RemoteAddr().String())
		},
	}
}
