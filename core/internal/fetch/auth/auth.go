// Package auth adds credentials to requests for their hosts. It renews credentials that a host
// refuses: once for all waiting requests, and once for each request.
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

// Ready obtains credentials before a request, and renews them after a 401. It is above the limits,
// because obtaining a credential may take a request to the same host.
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
				resp.Body.Close() // best effort: memory or a spool file
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

// sent has the credentials of a request's latest attempt.
type sent map[*live]*held

type sentKey struct{}

// renew renews the credentials that a request was sent with, if possible.
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

// once returns a copy of req with a new body.
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

// credentialError is an error of a credential, not of the requested host: a retry would not help.
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

// Sign adds the credentials. It is below the limits, because a signature is valid for minutes, and
// a request may wait longer.
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

// unecho removes the credential from the headers of a reply, because some hosts repeat the query in
// a redirect.
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

// withoutParameters removes the credential from the query of a URL.
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
