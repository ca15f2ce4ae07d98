// Package trip has the common parts of the HTTP decorators: how they are combined, and the constant
// facts of a request.
package trip

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/observe"
	"github.com/scrapekit/scrapekit/sdk"
)

// Decorator wraps a RoundTripper, which is the next one towards the wire.
type Decorator func(next http.RoundTripper) http.RoundTripper

// Stack wraps wire with decorators, the first outermost.
func Stack(wire http.RoundTripper, decorators ...Decorator) http.RoundTripper {
	for i := len(decorators) - 1; i >= 0; i-- {
		wire = decorators[i](wire)
	}
	return wire
}

// Func is a RoundTripper that is a function.
type Func func(*http.Request) (*http.Response, error)

// RoundTrip calls f.
func (f Func) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// Facts are what does not change about a request. Its context has them below the list of allowed
// hosts.
type Facts struct {
	Origin origin.Origin
	Body   []byte // sent by every attempt; nil: none
	URL    string // for people, without secrets

	listen observe.Listener // receives each step; nil: none
}

type factsKey struct{}

// With returns a context with facts. Explanations go to the listener of ctx.
func With(ctx context.Context, f Facts) context.Context {
	f.listen = observe.Of(ctx)
	return context.WithValue(ctx, factsKey{}, &f)
}

// FactsOf returns the facts of a request, which must have them.
func FactsOf(req *http.Request) *Facts { return req.Context().Value(factsKey{}).(*Facts) }

// Fill gives out a new body.
func (f *Facts) Fill(out *http.Request) {
	if f.Body == nil {
		out.Body, out.ContentLength = nil, 0
		return
	}
	out.ContentLength = int64(len(f.Body))
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(f.Body)), nil }
	out.Body = io.NopCloser(bytes.NewReader(f.Body))
}

// MaxHeader bounds the headers of a request or reply: names and values together, in bytes.
const MaxHeader = 1 << 20

const maxSent = 64 << 20

// BodyOf reads and closes the body of req, because each attempt needs a new one. It returns a
// permanent error if the body exceeds 64 MiB.
func BodyOf(req *http.Request) ([]byte, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	defer req.Body.Close() // only for reading
	body, err := io.ReadAll(io.LimitReader(req.Body, maxSent+1))
	if err != nil {
		return nil, fmt.Errorf("the body to be sent: %w", err)
	}
	if len(body) > maxSent {
		return nil, sdk.Permanent(fmt.Errorf("the body to be sent is longer than %d MiB", maxSent>>20))
	}
	return body, nil
}

// Method returns the method of req; net/http allows "".
func Method(req *http.Request) string {
	if req.Method == "" {
		return http.MethodGet
	}
	return req.Method
}

// Sleep waits for d, or until ctx is done.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
