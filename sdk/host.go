// The host's services, as a plugin sees them: through the context of a call.

package sdk

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/scrapekit/scrapekit/sdk/host/hint"
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
// is a [*Redirected]. The client may be used until the call of ctx ends.
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

// Idempotent marks the requests made with the returned context as safe to send twice, whatever
// their method: a search by POST. GET, HEAD, OPTIONS, PUT and DELETE need no mark. A source may
// send a POST only with this mark, which says that the request changes nothing, and only if the
// user grants it; see [Permissions].Methods.
func Idempotent(ctx context.Context) context.Context {
	return hint.WithIdempotent(ctx)
}

// Refusal describes a reply that says "too many requests" although its status, Retry-After and rate
// limit headers do not: a 403 "secondary rate limit", a 400 with a ThrottlingException, a 200 with
// "ok": false. A reply matches if all fields that are set match.
type Refusal struct {
	Status int    // 0: whatever the status
	Text   string // in the first 64 KiB of the body
	Header string // that the reply has: "X-Throttled", or with its value "MediaWiki-API-Error: maxlag"
	// Seconds is the path in a JSON body to how long to wait: "retry_after",
	// "errors.0.extensions.retry_in_seconds". There stands a number of seconds or a text with one
	// in it ("available in 12 seconds"); or an object that tells a bucket, as
	// "extensions.cost.throttleStatus" of Shopify does, from which the host keeps its pace.
	Seconds string
	// Pause is the first pause, where the reply says none; each refusal that follows doubles it, up
	// to a minute. 0: half a second.
	Pause time.Duration
	// Good says that the reply is good and is handed on: what Seconds tells holds for the requests
	// that come next, like "backoff" of Stack Exchange.
	Good bool
}

// Final marks replies with this status as final, for the requests made with the returned context:
// the host does not try again, although the status looks temporary. An example is a 500 that says
// "window too deep". A reply matches if the first 64 KiB of its body contain one of texts, or if
// there are no texts.
func Final(ctx context.Context, status int, texts ...string) context.Context {
	return withClasses(ctx, status, false, texts)
}

// Temporary marks replies with this status as temporary, although the status looks final: a 404 for
// something that was just made. The host tries again with growing pauses, as for a 503. A reply
// with a Retry-After is a refusal, like those of [Throttled]. See [Final] for texts.
func Temporary(ctx context.Context, status int, texts ...string) context.Context {
	return withClasses(ctx, status, true, texts)
}

// Throttled says which replies are refusals, for the requests made with the returned context. After
// one the host makes no request to that far end for as long as the reply says, and then sends the
// request again; it does not count as a failed attempt. The pause is that of Retry-After or of
// [Refusal].Seconds; otherwise it grows with each refusal. A pause longer than http.max_wait in the
// pipeline file ends the request with a permanent error that says until when it lasts.
func Throttled(ctx context.Context, refusals ...Refusal) context.Context {
	var more []hint.Class
	for _, r := range refusals {
		more = append(more, hint.Class{Status: r.Status, Text: r.Text, Throttled: true, Header: r.Header,
			Seconds: r.Seconds, Pause: r.Pause, Good: r.Good})
	}
	return hint.WithClasses(ctx, more...)
}

func withClasses(ctx context.Context, status int, temporary bool, texts []string) context.Context {
	if len(texts) == 0 {
		texts = []string{""}
	}
	var more []hint.Class
	for _, text := range texts {
		more = append(more, hint.Class{Status: status, Text: text, Temporary: temporary})
	}
	return hint.WithClasses(ctx, more...)
}

// GaveUp returns what the host did before it returned a failed reply, to be added to the plugin's
// error: "gave up after 6 attempts in 14 s: 503 Service Unavailable (6×)". It is "" if there was
// one attempt.
func GaveUp(resp *http.Response) string { return resp.Header.Get(hint.GaveUp) }

// Login returns which credential of the pipeline file a 401 refused, or that none is set, to be
// added to the plugin's error: `the credential was refused: check auth "basic" of jira.hcl:12`. It
// is "" for other replies.
func Login(resp *http.Response) string { return resp.Header.Get(hint.Login) }

// Credential names the credential that was sent with a request whose reply is a 401 or 403, such as
// `auth "basic" of jira.hcl:12`; "" if none was. A system that refuses a credential may answer
// other requests as for an anonymous user: a source must not mistake such replies for those of its
// user.
func Credential(resp *http.Response) string { return resp.Header.Get(hint.Credential) }

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
