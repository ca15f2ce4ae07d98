// The host's services, as a plugin sees them: through the context of a call.

package sdk

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"

	"github.com/scrapekit/scrapekit/sdk/host/hint"
	"github.com/scrapekit/scrapekit/sdk/reply"
)

// Host is what the host offers to a plugin while a call runs. sdk/serve puts one into the context
// of every call; a test may put its own there with [WithHost]. Any field may be nil.
type Host struct {
	Transport http.RoundTripper
	// Keep makes req, a GET whose redirects it follows, and keeps the file that comes. See the
	// function [Keep].
	Keep func(req *http.Request, key string, expect Expect) (File, error)
	// Dial connects to an address, which it checks. In a test of a plugin
	// new(net.Dialer).DialContext will do.
	Dial   func(ctx context.Context, network, address string) (net.Conn, error)
	Logger *slog.Logger
	Count  func(name string, n int64)
}

type hostKey struct{}

// WithHost returns a context in which h serves [HTTPClient], [Keep], [Dial], [Log] and [Count].
func WithHost(ctx context.Context, h Host) context.Context {
	return context.WithValue(ctx, hostKey{}, h)
}

// HostOf returns the Host of a call's context; its fields are nil where there is none.
func HostOf(ctx context.Context) Host {
	h, _ := ctx.Value(hostKey{}).(Host)
	return h
}

// HTTPClient returns a client whose requests the host makes. The host adds credentials, limits,
// retries and decompression: a plugin sends a plain request and gets a complete reply, or an error
// that Read may return as it is (its class is right, see [IsPermanent] and [RetryDelay]). Each
// redirect is another request to the host; if it leads to another origin and fails there, the error
// is a [*reply.Redirected]. The client may be used until the call of ctx ends.
func HTTPClient(ctx context.Context) *http.Client {
	t := HostOf(ctx).Transport
	if t == nil {
		t = noTransport{}
	}
	return &http.Client{Transport: redirects{t}}
}

type noTransport struct{}

func (noTransport) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, Permanent(errors.New("no host in this context: use the context of the call, or sdk.WithHost in a test"))
}

// redirects explains the failure of a request that a redirect has made. It is a permanent one in
// either case: the address that the user wrote leads there each time.
type redirects struct{ next http.RoundTripper }

func (t redirects) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err == nil || !IsPermanent(err) {
		return resp, err
	}
	if e := reply.RedirectOf(req); e != nil {
		e.Err = err
		return nil, e
	}
	return nil, err
}

// Idempotent marks the requests made with the returned context as safe to send twice, whatever
// their method: a search by POST. GET, HEAD, OPTIONS, PUT and DELETE need no mark. A source may
// send a POST only with this mark, which says that the request changes nothing, and only if the
// user grants it; see [Permissions].Methods.
func Idempotent(ctx context.Context) context.Context {
	return hint.WithIdempotent(ctx)
}

// Log returns the logger of a call. Its lines appear in the host's log with the plugin's name, the
// stream and the split already in them.
func Log(ctx context.Context) *slog.Logger {
	if l := HostOf(ctx).Logger; l != nil {
		return l
	}
	return slog.Default()
}

// Count adds n to a counter in the report of the run. Names are paths: "dropped/bot comment" is
// shown under the heading "dropped". A count within Read, Transform or Write belongs to the records
// of that call: it is committed with them, and taken back with them after a crash, so it is exact.
func Count(ctx context.Context, name string, n int64) {
	if c := HostOf(ctx).Count; c != nil {
		c(name, n)
	}
}
