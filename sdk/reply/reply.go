// Package reply is about the replies to a plugin's requests: which of them are failures of what
// kind, what the host did and says about one, and the JSON in one.
package reply

import (
	"context"
	"net/http"
	"time"

	"github.com/scrapekit/scrapekit/sdk/host/hint"
)

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
