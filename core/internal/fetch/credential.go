// credential is an Auth in use: what it consists of now, and how it is obtained anew.

package fetch

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/scrapekit/scrapekit/core/internal/redact"
)

const (
	obtainTimeout = 5 * time.Minute // with all attempts
	// After this long a credential that never worked is obtained anew once more, and a failure to obtain it is tried again:
	// until then every request would ask in vain.
	obtainRest = time.Minute
	failedRest = 5 * time.Second
)

// credential may be used by several goroutines at once.
type credential struct {
	name    string // for people
	origins []Origin
	set     *redact.Set
	obtain  func(ctx context.Context, now Auth) (next Auth, until time.Time, err error) // nil: it does not change

	flight singleflight.Group
	mu     sync.Mutex
	held   *held
	failed *failure
}

// held is what a credential consists of for a time. It does not change, but for worked.
type held struct {
	auth    Auth
	version int
	got     time.Time
	until   time.Time    // then it must be obtained anew; zero: no such time is known
	worked  *atomic.Bool // a host took it
	echo    *redact.Set  // what of it may come back in the headers of a reply
	vain    bool         // the one before did not work either
}

func newHeld(a Auth, version int) *held {
	h := &held{auth: a, version: version, got: time.Now(), worked: &atomic.Bool{}, echo: &redact.Set{}}
	const shortest = 8 // less may well be a part of an honest header
	if len(a.Password) >= shortest || len(a.Token) >= shortest || len(a.Value) >= shortest {
		a.hide(h.echo)
	}
	return h
}

// failure is an attempt in vain to obtain a credential after a version.
type failure struct {
	version int
	at      time.Time
	err     error
}

// newCredential returns a credential that is a; obtain may be nil, and missing says that it must be obtained first.
func newCredential(a Auth, set *redact.Set, obtain func(context.Context, Auth) (Auth, time.Time, error), missing bool) *credential {
	h := newHeld(a, 0)
	switch {
	case missing:
		h.until = h.got
		h.worked.Store(true) // so that the first one does not count as one in vain
	case a.TTL > 0:
		h.until = h.got.Add(a.TTL)
	}
	return &credential{name: a.title(), origins: a.Origins, set: set, obtain: obtain, held: h}
}

// peek returns the credential as it is.
func (c *credential) peek() *held {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held
}

// ready returns when the credential can be used.
func (c *credential) ready(ctx context.Context) error {
	h := c.peek()
	if c.obtain == nil || h.until.IsZero() || time.Now().Before(h.until) {
		return nil
	}
	_, err := c.anew(ctx, h)
	return err
}

// renew returns the credential after a host refused sent: sent itself where another is not to be had.
func (c *credential) renew(ctx context.Context, sent *held) (*held, error) {
	if c.obtain == nil || sent == nil || !sent.worked.Load() && sent.vain && time.Since(sent.got) < obtainRest {
		return sent, nil
	}
	return c.anew(ctx, sent)
}

// anew obtains what follows after stale, once for all who wait.
func (c *credential) anew(ctx context.Context, stale *held) (*held, error) {
	done := c.flight.DoChan("", func() (any, error) {
		c.mu.Lock()
		now, failed := c.held, c.failed
		c.mu.Unlock()
		if now.version != stale.version {
			return now, nil // somebody was faster
		}
		if failed != nil && failed.version == stale.version && time.Since(failed.at) < failedRest {
			return nil, failed.err
		}
		// Whoever began it may give up: the others go on waiting.
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

func (c *credential) replace(ctx context.Context, stale *held) (*held, error) {
	auth, until, err := c.obtain(ctx, stale.auth)
	if err != nil {
		err = fmt.Errorf("%s could not be obtained: %w", c.name, c.set.Error(err))
		c.mu.Lock()
		c.failed = &failure{stale.version, time.Now(), err}
		c.mu.Unlock()
		return nil, err
	}
	auth.hide(c.set) // before it can be anywhere
	next := newHeld(auth, stale.version+1)
	next.until, next.vain = until, !stale.worked.Load()
	c.mu.Lock()
	c.held, c.failed = next, nil
	c.mu.Unlock()
	return next, nil
}

// credentials makes those of a policy.
func (c *Client) credentials(p Policy) ([]*credential, error) {
	var all []*credential
	for _, a := range p.Auth {
		a.hide(c.opts.Redact)
		switch {
		case a.Kind == AuthOAuth2:
			obtain, err := c.tokens(p, *a.OAuth2)
			if err != nil {
				return nil, err
			}
			all = append(all, newCredential(a, c.opts.Redact, obtain, true))
		case a.Renew != nil:
			all = append(all, newCredential(a, c.opts.Redact, renewed(a), false))
		default:
			all = append(all, newCredential(a, c.opts.Redact, nil, false))
		}
	}
	return all, nil
}

// renewed obtains a by its own means.
func renewed(a Auth) func(context.Context, Auth) (Auth, time.Time, error) {
	return func(ctx context.Context, _ Auth) (Auth, time.Time, error) {
		next, err := a.Renew(ctx)
		if err != nil {
			return Auth{}, time.Time{}, err
		}
		if next.Origins == nil {
			next.Origins = a.Origins
		}
		if err := next.check(); err != nil {
			return Auth{}, time.Time{}, err
		}
		var until time.Time
		if a.TTL > 0 {
			until = time.Now().Add(a.TTL)
		}
		next.TTL = a.TTL
		return next, until, nil
	}
}
