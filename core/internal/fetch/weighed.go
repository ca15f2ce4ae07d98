// weighed reads what a reply says of the host's limits, and whether it is a refusal: by its head, and by what the plugin knows of it
// (sdk.Throttled, sdk.Temporary). The breaker, the pace and the retries go by that.

package fetch

import (
	"net/http"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/body"
	"github.com/scrapekit/scrapekit/core/internal/fetch/limits"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
)

// lookedAt is how much of a body is searched for the text of a class, and lookedFor for how long the plugin is to wait.
const (
	lookedAt  = 64 << 10
	lookedFor = 8 << 20
)

// word is what a reply says.
type word struct {
	limits.Statement
	refused bool // for asking too often
	// unsure says that nothing but a limit with nothing left tells a refusal: where a limit is small, a reply of any kind may use its last unit.
	unsure bool
	busy   bool // by a host that may just be busy: a 503, which tells nothing of a rate
	// suspected says that it is a 503 without a word, which may be no refusal at all; see suspect.go.
	suspected bool
	wait      time.Duration // until it is to be asked again; 0: not said
	least     time.Duration // the first pause, where it is not said
}

func weighed() trip.Decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		return trip.Func(func(req *http.Request) (*http.Response, error) {
			ex := exchangeOf(req)
			ex.word, ex.class = word{}, nil
			sent := time.Now()
			resp, err := next.RoundTrip(req)
			if err == nil {
				ex.weigh(resp, sent, time.Now())
			}
			return resp, err
		})
	}
}

// weigh reads a reply that came at now, to a request sent at a time.
func (ex *exchange) weigh(resp *http.Response, sent, now time.Time) {
	w := ex.host.pace.read(sent, now, resp.StatusCode, resp.Header)
	if c, ok := ownClass(ex.classes, resp); ok {
		ex.class = &c
		switch {
		case c.Throttled:
			w = ex.host.pace.read(sent, now, http.StatusTooManyRequests, resp.Header) // as it is, whatever its status
			w.least = c.Pause
			w.look(c, resp)
		case c.Temporary && w.Wait > 0:
			w.refused, w.wait = true, w.Wait
		}
	}
	for _, c := range ex.classes {
		if c.Good && fits(c, resp) {
			w.look(c, resp)
		}
	}
	ex.word = w
	if len(w.Ignored) > 0 {
		ex.host.all.log.Debug("limits that are not understood", "host", ex.host.key, "headers", w.Ignored)
	}
	if text := w.String(); text != "" {
		ex.Explain("limits", func() string { return text })
	}
}

// look reads what the body says of limits, where a class of the plugin tells.
func (w *word) look(c hint.Class, resp *http.Response) {
	b, ok := resp.Body.(*body.Body)
	if !ok || c.Seconds == "" {
		return
	}
	wait, limit, ok := limits.InBodyAt(b.Head(lookedFor), c.Seconds, dateOf(resp))
	if !ok {
		return
	}
	w.wait = max(w.wait, wait)
	if limit.Name != "" {
		w.Limits = append(w.Limits, limit)
	}
}

// dateOf is the time by the host's clock, or by this machine's where it does not say.
func dateOf(resp *http.Response) time.Time {
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		return date
	}
	return time.Now()
}
