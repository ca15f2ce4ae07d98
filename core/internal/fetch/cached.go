// cached puts a cache in front of the hosts: see package cache.

package fetch

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/hashicorp/go-hclog"

	"github.com/scrapekit/scrapekit/core/internal/credential"
	"github.com/scrapekit/scrapekit/core/internal/fetch/body"
	"github.com/scrapekit/scrapekit/core/internal/fetch/cache"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/fetch/ratelimit"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/core/internal/redact"
	"github.com/scrapekit/scrapekit/core/observe"
)

// cacheWords are outcomes in words.
var cacheWords = map[cache.Outcome]string{
	cache.Miss:        "nothing usable was kept; the host was asked",
	cache.Hit:         "answered from what is kept; the host was not asked",
	cache.Revalidated: "the host was asked, and the kept reply is still valid",
	cache.Stale:       "the kept reply is stale, and was used all the same",
}

func cached(p httppolicy.Policy, hosts *ratelimit.Session, set *redact.Set, log hclog.Logger) (trip.Decorator, error) {
	if p.Cache == nil || p.Cache.Mode == httppolicy.CacheOff {
		return func(next http.RoundTripper) http.RoundTripper { return next }, nil
	}
	account, err := account(p.Auth)
	if err != nil {
		return nil, err
	}
	age := p.Cache.MaxAge
	if p.Cache.Mode == httppolicy.CacheOnly {
		age = 0 // in this mode, age does not matter
	}
	store, err := cache.Open(p.Cache.Dir, p.Cache.MaxSize, age)
	if err != nil {
		return nil, err
	}
	o := cache.Options{
		Store: store, Mode: p.Cache.Mode, StaleIfError: p.Cache.StaleIfError, Redact: set, Logger: log,
		Account: func(req *http.Request) string { return account(trip.FactsOf(req).Origin) },
		Count: func(req *http.Request, o cache.Outcome, saved int64) {
			h := hosts.Get(trip.FactsOf(req).Origin, p)
			h.Tell(observe.CacheAsked{Host: h.Key(), Outcome: string(o), Saved: saved})
			trip.FactsOf(req).Explain("cache", func() string { return cacheWords[o] })
		},
	}
	return func(next http.RoundTripper) http.RoundTripper {
		kept := cache.New(o, next)
		return trip.Func(func(req *http.Request) (*http.Response, error) {
			if body.IsForFile(req) && p.Cache.Mode != httppolicy.CacheOnly {
				return next.RoundTrip(req) // the body is stored elsewhere
			}
			req.ContentLength = int64(len(trip.FactsOf(req).Body)) // each attempt sets the body itself
			return kept.RoundTrip(req)
		})
	}, nil
}

// account returns a function that identifies the credentials of an origin, for hashing into names
// of the cache.
func account(all []credential.Credential) (func(origin.Origin) string, error) {
	texts := make([]string, len(all))
	for i, a := range all {
		whole, err := json.Marshal(struct {
			Scheme string
			Value  credential.Value
		}{a.Scheme, a.Value})
		if err != nil {
			return nil, fmt.Errorf("the cache cannot tell credentials apart: %w", err)
		}
		texts[i] = string(whole)
	}
	return func(o origin.Origin) string {
		var mine string
		for i, a := range all {
			if origin.Covered(a.Origins, o) {
				mine += texts[i]
			}
		}
		return mine
	}, nil
}
