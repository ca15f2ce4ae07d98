// The host's services, as a plugin sees them: through the context of a call.

package sdk

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
)

// Host is what the host offers to a plugin while a call runs. sdk/serve puts one into the context of
// every call; a test may put its own there with [WithHost]. Any field may be nil.
type Host struct {
	Transport http.RoundTripper
	Logger    *slog.Logger
	Count     func(name string, n int64)
}

type hostKey struct{}

// WithHost returns a context in which h serves [HTTPClient], [Log] and [Count].
func WithHost(ctx context.Context, h Host) context.Context {
	return context.WithValue(ctx, hostKey{}, h)
}

// HostOf returns the Host of a call's context; its fields are nil where there is none.
func HostOf(ctx context.Context) Host {
	h, _ := ctx.Value(hostKey{}).(Host)
	return h
}

// HTTPClient returns a client whose requests the host makes. Credentials, limits, retries and
// decompression are the host's: a plugin sends a plain request and gets a whole reply, or an error whose
// class (see [IsPermanent], [RetryDelay]) is already right to be returned from Read. Redirects are
// followed by asking the host again. The client is good for as long as the call of ctx runs.
func HTTPClient(ctx context.Context) *http.Client {
	t := HostOf(ctx).Transport
	if t == nil {
		t = noTransport{}
	}
	return &http.Client{Transport: t}
}

type noTransport struct{}

func (noTransport) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, Permanent(errors.New("no host in this context: use the context of the call, or sdk.WithHost in a test"))
}

type idempotentKey struct{}

// Idempotent marks the requests made with the returned context as safe to send twice, whatever their
// method: a search by POST. GET, HEAD, OPTIONS, PUT and DELETE are so by themselves.
func Idempotent(ctx context.Context) context.Context {
	return context.WithValue(ctx, idempotentKey{}, true)
}

// IsIdempotent reports whether the host may send req again after a failure.
func IsIdempotent(req *http.Request) bool {
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete:
		return true
	}
	marked, _ := req.Context().Value(idempotentKey{}).(bool)
	return marked
}

// Log returns the logger of a call. Its lines appear in the host's log with the plugin's name, the
// stream and the split already in them.
func Log(ctx context.Context) *slog.Logger {
	if l := HostOf(ctx).Logger; l != nil {
		return l
	}
	return slog.Default()
}

// Count adds n to a counter of the run's report. Names are paths: "dropped/bot comment" is shown under
// the heading "dropped". A count made within Read, Transform or Write belongs to the records of that call: it is
// committed with them, and taken back with them after a crash, so it is exact.
func Count(ctx context.Context, name string, n int64) {
	if c := HostOf(ctx).Count; c != nil {
		c(name, n)
	}
}
