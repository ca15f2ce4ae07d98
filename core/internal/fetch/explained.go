// explained: what the decorators and net/http say of one request, for a person who asks.

package fetch

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"
)

// Step is something that was decided or done for a request.
type Step struct {
	At   time.Duration `json:"at_ns"`         // since the request was made
	Part string        `json:"part"`          // which part of the host speaks: allow, cache, retry, auth, pace, wire, …
	For  string        `json:"for,omitempty"` // what the host asks for on the way, in a request of its own: "access token", "robots.txt"
	Text string        `json:"text"`
}

type explainKey struct{}

// teller hears each step of a request.
type teller func(what, part, text string)

// Explained returns a context whose requests tell each step to tell, as it is taken and by one goroutine at a time a request.
func Explained(ctx context.Context, tell func(Step)) context.Context {
	start := time.Now()
	return context.WithValue(ctx, explainKey{}, teller(func(what, part, text string) {
		tell(Step{At: time.Since(start), Part: part, For: what, Text: text})
	}))
}

// onTheWay returns a context whose requests are the host's own, made for what on the way of another.
func onTheWay(ctx context.Context, what string) context.Context {
	tell := listener(ctx)
	if tell == nil {
		return ctx
	}
	return context.WithValue(ctx, explainKey{}, teller(func(_, part, text string) { tell(what, part, text) }))
}

// explain tells a step if somebody asked. Nothing is put into words otherwise: every request of a run comes by here.
func (ex *exchange) explain(part string, text func() string) {
	if ex.tell != nil {
		ex.tell("", part, text())
	}
}

// listener returns who asked for the steps of a request, or nil.
func listener(ctx context.Context) teller {
	tell, _ := ctx.Value(explainKey{}).(teller)
	return tell
}

// explained tells what net/http does for an attempt.
func explained() decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			ex := exchangeOf(req)
			if ex.tell == nil {
				return next.RoundTrip(req)
			}
			var over atomic.Bool // net/http may go on with a connection that nobody waits for any more
			defer over.Store(true)
			ctx := httptrace.WithClientTrace(req.Context(), wireTrace(func(text string) {
				if !over.Load() {
					ex.tell("", "wire", text)
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
				tell(tls.VersionName(s.Version) + ", certificate for " + strings.Join(s.PeerCertificates[0].DNSNames, ", "))
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
