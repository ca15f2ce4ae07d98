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
// of every call; a test may put its own there with [Host.In]. Any field may be nil.
type Host struct {
	Transport http.RoundTripper
	// Keep makes req, a GET whose redirects it follows, and keeps the file that comes. See the
	// function [Keep].
	Keep func(req *http.Request, key string, expect reply.Expect) (reply.File, error)
	// Dial connects to an address, which it checks. In a test of a plugin
	// new(net.Dialer).DialContext will do.
	Dial   func(ctx context.Context, network, address string) (net.Conn, error)
	Logger *slog.Logger
	Count  func(name string, n int64)
}

type hostKey struct{}

// In returns a context in which h serves [HTTPClient], [Keep], [Dial], [Log] and [Count].
func (h Host) In(ctx context.Context) context.Context {
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
	return nil, Permanent(errors.New("no host in this context: use the context of the call, or sdk.Host.In in a test"))
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

// Keep asks the host to make a request, a GET of something large, and to keep the body of its reply
// in the folder that the block "files" of the pipeline file names. The bytes go from the wire to
// the disk and do not reach the plugin.
//
// key is the permanent name of the content within the pipeline: a file that was kept under it is
// not requested again, in later runs too, unless it differs from what expect says. Redirects are
// followed. When Keep returns, the file is durable on disk.
//
// The error is a [*reply.NotKept] if there is no such file: for a status that is not 2xx, for a
// file that is longer than the block allows, for a body that differs from what expect says, and for
// a failed request. Nothing is kept then, and the key may be tried again. The error is permanent if
// the pipeline file has no such block; Read may return any other error.
func Keep(ctx context.Context, key, url string, expect ...reply.Expect) (reply.File, error) {
	var known reply.Expect
	for _, e := range expect {
		known = e
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return reply.File{}, Permanent(err)
	}
	keep := HostOf(ctx).Keep
	if keep == nil {
		return reply.File{}, Permanent(errors.New("this host keeps no files"))
	}
	return keep(req, key, known)
}
