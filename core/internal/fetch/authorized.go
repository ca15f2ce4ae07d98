// authorized adds credentials to requests for the hosts that they belong to, and obtains those anew that a host does not
// take any more: once for all requests that wait for them, and once for a request.

package fetch

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/scrapekit/scrapekit/core/internal/credential"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/sdk"
)

// authorized sees to it that there are credentials, and goes on from a 401. It stands above the limits: to obtain a
// credential may take a request to the same host.
func authorized(all []*liveCredential) decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		if len(all) == 0 {
			return next
		}
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			mine := belonging(all, exchangeOf(req).origin)
			for _, c := range mine {
				if err := c.ready(req.Context()); err != nil {
					return nil, credentialError(req.Context(), err)
				}
			}
			resp, err := next.RoundTrip(req)
			if err != nil || resp.StatusCode != http.StatusUnauthorized {
				return resp, err
			}
			changed, err := renew(req, mine)
			if err != nil {
				resp.Body.Close() // memory or a spool file: nothing to lose
				return nil, credentialError(req.Context(), fmt.Errorf("401 Unauthorized from %s, and %w", exchangeOf(req).origin, err))
			}
			if !changed {
				return resp, nil
			}
			resp.Body.Close() // as above
			return next.RoundTrip(once(req))
		})
	}
}

// renew obtains those of the credentials anew that req was sent with, as far as they can be.
func renew(req *http.Request, mine []*liveCredential) (changed bool, err error) {
	for _, c := range mine {
		sent := exchangeOf(req).sent[c]
		now, err := c.renew(req.Context(), sent)
		if err != nil {
			return false, err
		}
		changed = changed || now.version != sent.version && !credential.Same(now.value, sent.value)
	}
	return changed, nil
}

// once returns req to be sent once more: with its body anew.
func once(req *http.Request) *http.Request {
	out := req.Clone(req.Context())
	exchangeOf(req).fill(out)
	return out
}

func belonging(all []*liveCredential, to origin.Origin) []*liveCredential {
	var mine []*liveCredential
	for _, c := range all {
		if origin.Covered(c.origins, to) {
			mine = append(mine, c)
		}
	}
	return mine
}

// credentialError is no fault of the host that was to be asked: to ask it again would not help.
func credentialError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	class := of("credentials")
	if sdk.IsPermanent(err) {
		class = of("no credentials")
	}
	return &attemptError{outcome: class, unsent: true, err: err}
}

// signed puts the credentials in. It stands below the limits: a signature is good for minutes, and a request may wait
// for longer.
func signed(all []*liveCredential) decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		if len(all) == 0 {
			return next
		}
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			ex := exchangeOf(req)
			mine := belonging(all, ex.origin)
			req = req.Clone(req.Context())
			ex.sent = map[*liveCredential]*held{}
			for _, c := range mine {
				h := c.peek()
				if err := h.value.Put(req, ex.body); err != nil {
					return nil, &attemptError{outcome: of("no credentials"), unsent: true, err: err}
				}
				ex.sent[c] = h
			}
			resp, err := next.RoundTrip(req)
			if err != nil {
				return nil, err
			}
			for _, c := range mine {
				h := ex.sent[c]
				if resp.StatusCode != http.StatusUnauthorized {
					h.worked.Store(true)
				}
				h.unecho(resp.Header)
			}
			return resp, nil
		})
	}
}

// unecho takes the credential out of the headers of a reply: some hosts put back into a redirect what was in the query.
func (h *held) unecho(header http.Header) {
	for name, values := range header {
		for i, v := range values {
			if name == "Location" {
				v = h.withoutParameters(v)
			}
			values[i] = h.echo.Known(v)
		}
	}
}

// withoutParameters takes what the credential puts into the query of a URL out of it.
func (h *held) withoutParameters(location string) string {
	before, query, found := strings.Cut(location, "?")
	if !found {
		return location
	}
	for _, at := range h.value.Places() {
		if at.In == credential.InQuery {
			query = credential.WithoutParameter(query, at.Name)
			location = strings.TrimSuffix(before+"?"+query, "?")
		}
	}
	return location
}
