// Package auth adds credentials to requests for the hosts that they belong to, and obtains those
// again that a host does not take any more: once for all requests that wait for them, and once for
// a request.
package auth

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/scrapekit/scrapekit/core/internal/credential"
	"github.com/scrapekit/scrapekit/core/internal/fetch/fault"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/sdk"
)

// Ready sees to it that there are credentials, and goes on from a 401. It stands above the limits:
// to obtain a credential may take a request to the same host.
func (cs *Credentials) Ready() trip.Decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		if len(cs.all) == 0 {
			return next
		}
		return trip.Func(func(req *http.Request) (*http.Response, error) {
			latest := &sent{}
			req = req.WithContext(context.WithValue(req.Context(), sentKey{}, latest))
			mine := belonging(cs.all, trip.FactsOf(req).Origin)
			for _, c := range mine {
				if err := c.ready(req.Context()); err != nil {
					return nil, credentialError(req.Context(), err)
				}
			}
			resp, err := next.RoundTrip(req)
			if err != nil || resp.StatusCode != http.StatusUnauthorized {
				return resp, err
			}
			changed, err := renew(req.Context(), latest, mine)
			if err != nil {
				resp.Body.Close() // memory or a spool file: nothing to lose
				return nil, credentialError(req.Context(),
					fmt.Errorf("401 Unauthorized from %s, and %w", trip.FactsOf(req).Origin, err))
			}
			if !changed {
				return resp, nil
			}
			resp.Body.Close() // as above
			return next.RoundTrip(once(req))
		})
	}
}

// sent is what the latest attempt of a request was sent with.
type sent map[*live]*held

type sentKey struct{}

// renew obtains those of the credentials again that a request was sent with, as far as they can be.
func renew(ctx context.Context, latest *sent, mine []*live) (changed bool, err error) {
	for _, c := range mine {
		was := (*latest)[c]
		now, err := c.renew(ctx, was)
		if err != nil {
			return false, err
		}
		changed = changed || now.version != was.version && !credential.Same(now.value, was.value)
	}
	return changed, nil
}

// once returns req to be sent once more: with its body anew.
func once(req *http.Request) *http.Request {
	out := req.Clone(req.Context())
	trip.FactsOf(req).Fill(out)
	return out
}

func belonging(all []*live, to origin.Origin) []*live {
	var mine []*live
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
	class := fault.Of("credentials")
	if sdk.IsPermanent(err) {
		class = fault.Of("no credentials")
	}
	return &fault.Error{Outcome: class, Unsent: true, Err: err}
}

// Sign puts the credentials in. It stands below the limits: a signature is good for minutes, and a
// request may wait for longer.
func (cs *Credentials) Sign() trip.Decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		if len(cs.all) == 0 {
			return next
		}
		return trip.Func(func(req *http.Request) (*http.Response, error) {
			facts, now := trip.FactsOf(req), sent{}
			mine := belonging(cs.all, facts.Origin)
			req = req.Clone(req.Context())
			*req.Context().Value(sentKey{}).(*sent) = now
			for _, c := range mine {
				h := c.peek()
				if err := h.value.Put(req, facts.Body); err != nil {
					return nil, &fault.Error{Outcome: fault.Of("no credentials"), Unsent: true, Err: err}
				}
				now[c] = h
			}
			resp, err := next.RoundTrip(req)
			if err != nil {
				return nil, err
			}
			for _, c := range mine {
				h := now[c]
				if resp.StatusCode != http.StatusUnauthorized {
					h.worked.Store(true)
				}
				h.unecho(resp.Header)
			}
			return resp, nil
		})
	}
}

// unecho takes the credential out of the headers of a reply: some hosts put back into a redirect
// what was in the query.
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
