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

// Host is what the host offers to a plugin while a call runs. sdk/serve puts one into the context of
// every call; a test may put its own there with [WithHost]. Any field may be nil.
type Host struct {
	Transport http.RoundTripper
	// Keep makes req, a GET whose redirects it follows, and keeps the file that comes. See the function [Keep].
	Keep func(req *http.Request, key string, expect Expect) (File, error)
	// Dial connects to an address, which it checks. In a test of a plugin new(net.Dialer).DialContext will do.
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

// HTTPClient returns a client whose requests the host makes. Credentials, limits, retries and
// decompression are the host's: a plugin sends a plain request and gets a whole reply, or an error whose
// class (see [IsPermanent], [RetryDelay]) is already right to be returned from Read. Redirects are
// followed by asking the host again; where one leads to another origin and that cannot be asked, the error is a [*Redirected]. The
// client is good for as long as the call of ctx runs.
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

// Idempotent marks the requests made with the returned context as safe to send twice, whatever their
// method: a search by POST. GET, HEAD, OPTIONS, PUT and DELETE are so by themselves. A source's POST goes only with this mark, by
// which it says that the request changes nothing, and if the user grants it; see [Permissions].Methods.
func Idempotent(ctx context.Context) context.Context {
	return hint.WithIdempotent(ctx)
}

// Refusal is a reply by which a far end says that it is asked too often, where its status, a Retry-After or the limits in its
// headers do not tell the host: a 403 "secondary rate limit", a 400 with a ThrottlingException, a 200 with "ok": false in it.
// A reply is meant if all that is given fits.
type Refusal struct {
	Status int    // 0: whatever the status
	Text   string // in the first 64 KiB of the body
	Header string // that the reply has: "X-Throttled", or with its value "MediaWiki-API-Error: maxlag"
	// Seconds is the path in a JSON body to how long to wait: "retry_after", "errors.0.extensions.retry_in_seconds". There
	// stands a number of seconds or a text with one in it ("available in 12 seconds"); or an object that tells a bucket, as
	// "extensions.cost.throttleStatus" of Shopify does, from which the host keeps its pace.
	Seconds string
	// Pause is the first pause, where the reply says none; each refusal that follows doubles it, up to a minute.
	// 0: half a second.
	Pause time.Duration
	// Good says that the reply is good and is handed on: what Seconds tells holds for the requests that come next, like
	// "backoff" of Stack Exchange.
	Good bool
}

// Final marks a reply to the requests made with the returned context as final: the host hands it on and does not ask
// again, though its status looks temporary. So for a 500 that says "window too deep", by whose words it is known:
// the reply is meant if the first 64 KiB of its body hold one of texts, or whatever they hold if there are none.
func Final(ctx context.Context, status int, texts ...string) context.Context {
	return withClasses(ctx, status, false, texts)
}

// Temporary marks a reply as one that passes, though its status looks final: a 403 that says "rate limit", a 404 of what
// was just made. The host asks again, with pauses that grow, as for a 503; if it has a Retry-After, it is a refusal like those of
// [Throttled]. See [Final] for texts.
func Temporary(ctx context.Context, status int, texts ...string) context.Context {
	return withClasses(ctx, status, true, texts)
}

// Throttled says by what replies to the requests made with the returned context the far end refuses because it is asked too often. The host
// then asks nothing more of it for as long as the reply says, and the request goes again afterwards; it is no failed attempt. The wait is
// that of a Retry-After or of [Refusal].Seconds, else one that grows from refusal to refusal. A pause that is longer than http.max_wait of
// the pipeline file ends the request with a permanent error that says until when it lasts.
func Throttled(ctx context.Context, refusals ...Refusal) context.Context {
	var more []hint.Class
	for _, r := range refusals {
		more = append(more, hint.Class{Status: r.Status, Text: r.Text, Throttled: true, Header: r.Header, Seconds: r.Seconds, Pause: r.Pause, Good: r.Good})
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

// GaveUp says what the host did before it handed on a reply that is a failure, to be added to the plugin's error: "gave up
// after 6 attempts in 14 s: 503 Service Unavailable (6×)". It is "" if there was no other attempt.
func GaveUp(resp *http.Response) string { return resp.Header.Get(hint.GaveUp) }

// Login says of a 401 which credential of the pipeline file it was that was refused, or that none is set, to be added to the
// plugin's error: `the credential was refused: check auth "basic" of jira.hcl:12`. It is "" for other replies.
func Login(resp *http.Response) string { return resp.Header.Get(hint.Login) }

// Credential names the credential of the pipeline file that went along with a request which was answered by 401 or 403, as in
// `auth "basic" of jira.hcl:12`; "" if none did. A system that refuses a credential may answer other requests as it answers
// anybody: a source must not take such replies for those that its user asked for.
func Credential(resp *http.Response) string { return resp.Header.Get(hint.Credential) }

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
