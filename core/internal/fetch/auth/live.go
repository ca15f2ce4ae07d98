// A credential in use: its current value, and how to renew it.

package auth

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/scrapekit/scrapekit/core/internal/credential"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/core/internal/redact"
)

const (
	obtainTimeout = 5 * time.Minute // for all attempts
	// After this time, a credential that never worked is renewed again, and a failed renewal
	// retried. Until then, every request would fail in the same way.
	obtainRest = time.Minute
	failedRest = 5 * time.Second
)

// obtain returns the next value and its expiry; zero: unknown.
type obtain func(ctx context.Context, now credential.Value) (next credential.Value, until time.Time, err error)

// live is a credential in use. It is safe for concurrent use.
type live struct {
	name    string // for people
	origins []origin.Origin
	set     *redact.Set
	obtain  obtain // nil: the value does not change

	flight singleflight.Group
	mu     sync.Mutex
	held   *held
	failed *failure
}

// held is one version of a credential. It is immutable except for worked.
type held struct {
	value   credential.Value
	version int
	got     time.Time
	until   time.Time    // expiry; zero: unknown
	worked  *atomic.Bool // a host accepted it
	echo    *redact.Set  // secrets that a host may repeat in reply headers
	vain    bool         // the previous version did not work either
}

func newHeld(v credential.Value, version int) *held {
	h := &held{value: v, version: version, got: time.Now(), worked: &atomic.Bool{}, echo: &redact.Set{}}
	const shortest = 8 // shorter texts may occur in ordinary headers
	if len(v.Sent()) >= shortest {
		v.Hide(h.echo)
	}
	return h
}

// failure is a failed attempt to renew a version.
type failure struct {
	version int
	at      time.Time
	err     error
}

// newLive returns a credential with the value a. obtain may be nil. missing says that the value
// must be obtained before use.
func newLive(a credential.Credential, set *redact.Set, obtain obtain, missing bool) *live {
	h := newHeld(a.Value, 0)
	switch {
	case missing:
		h.until = h.got
		h.worked.Store(true) // so that the first renewal does not count as failed
	default:
		h.until = expiry(a.Value, a.TTL)
	}
	return &live{name: a.Title(), origins: a.Origins, set: set, obtain: obtain, held: h}
}

// peek returns the current version.
func (c *live) peek() *held {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held
}

// ready returns when the credential can be used.
func (c *live) ready(ctx context.Context) error {
	h := c.peek()
	if c.obtain == nil || h.until.IsZero() || time.Now().Before(h.until) {
		return nil
	}
	_, err := c.anew(ctx, h)
	return err
}

// renew returns the version after sent, which a host refused; or sent itself, if there can be no
// other.
func (c *live) renew(ctx context.Context, sent *held) (*held, error) {
	if c.obtain == nil || sent == nil || !sent.worked.Load() && sent.vain && time.Since(sent.got) < obtainRest {
		return sent, nil
	}
	return c.anew(ctx, sent)
}

// anew obtains the version after stale, once for all waiting requests.
func (c *live) anew(ctx context.Context, stale *held) (*held, error) {
	done := c.flight.DoChan("", func() (any, error) {
		c.mu.Lock()
		now, failed := c.held, c.failed
		c.mu.Unlock()
		if now.version != stale.version {
			return now, nil // another goroutine was faster
		}
		if failed != nil && failed.version == stale.version && time.Since(failed.at) < failedRest {
			return nil, failed.err
		}
		// The request that started it may be cancelled; the others still wait.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), obtainTimeout)
		defer cancel()
		return c.replace(ctx, stale)
	})
	select {
	case r := <-done:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*held), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *live) replace(ctx context.Context, stale *held) (*held, error) {
	value, until, err := c.obtain(ctx, stale.value)
	if err != nil {
		err = fmt.Errorf("%s could not be obtained: %w", c.name, c.set.Error(err))
		c.mu.Lock()
		c.failed = &failure{stale.version, time.Now(), err}
		c.mu.Unlock()
		return nil, err
	}
	value.Hide(c.set) // before it can reach any output
	next := newHeld(value, stale.version+1)
	next.until, next.vain = until, !stale.worked.Load()
	c.mu.Lock()
	c.held, c.failed = next, nil
	c.mu.Unlock()
	return next, nil
}

// Credentials are the credentials of one plugin.
type Credentials struct{ all []*live }

// New returns the credentials of a policy, and adds them to set. host returns the host's own HTTP
// client, which requests access tokens.
func New(p httppolicy.Policy, set *redact.Set, host hostClient) (*Credentials, error) {
	var all []*live
	for _, a := range p.Auth {
		a.Value.Hide(set)
		one := newLive(a, set, nil, false)
		switch v := a.Value.(type) {
		case credential.OAuth2:
			obtain, err := tokens(p, v, a.Keep, set, host)
			if err != nil {
				return nil, err
			}
			one = newLive(a, set, obtain, true)
		case credential.Google:
			obtain, err := googleTokens(p, v, host)
			if err != nil {
				return nil, err
			}
			one = newLive(a, set, obtain, true)
		default:
			if a.Renew != nil {
				one = newLive(a, set, renewed(a), false)
			}
		}
		all = append(all, one)
	}
	return &Credentials{all}, nil
}

// renewed obtains the value with a.Renew.
func renewed(a credential.Credential) obtain {
	return func(ctx context.Context, _ credential.Value) (credential.Value, time.Time, error) {
		for range 2 { // the first may have been obtained for another stage, long ago
			next, err := a.Renew(ctx)
			if err != nil {
				return nil, time.Time{}, err
			}
			if err := next.Check(); err != nil {
				return nil, time.Time{}, fmt.Errorf("credentials: %w", err)
			}
			if until := expiry(next, a.TTL); until.IsZero() || time.Now().Before(until) {
				return next, until, nil
			}
		}
		return nil, time.Time{}, errors.New("what was obtained has expired already")
	}
}

// expiry returns when to renew a value that was obtained now.
func expiry(v credential.Value, ttl time.Duration) time.Time {
	now := time.Now()
	var until time.Time
	if e, ok := v.(credential.Expiring); ok {
		until = early(now, e.Expires())
	}
	if end := now.Add(ttl); ttl > 0 && (until.IsZero() || end.Before(until)) {
		until = end
	}
	return until
}
