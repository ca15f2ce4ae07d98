// What a credential in use is: its value now, and how the next one is obtained.

package auth

import (
	"context"
	"fmt"
	"net/http"
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
	obtainTimeout = 5 * time.Minute // with all attempts
	// After this long a credential that never worked is obtained anew once more, and a failure to
	// obtain it is tried again: until then every request would ask in vain.
	obtainRest = time.Minute
	failedRest = 5 * time.Second
)

// obtain returns the value that follows, and until when it is good; zero: no such time is known.
type obtain func(ctx context.Context, now credential.Value) (next credential.Value, until time.Time, err error)

// live may be used by several goroutines at once.
type live struct {
	name    string // for people
	origins []origin.Origin
	set     *redact.Set
	obtain  obtain // nil: it does not change

	flight singleflight.Group
	mu     sync.Mutex
	held   *held
	failed *failure
}

// held is what a credential consists of for a time. It does not change, but for worked.
type held struct {
	value   credential.Value
	version int
	got     time.Time
	until   time.Time    // then it must be obtained anew; zero: no such time is known
	worked  *atomic.Bool // a host took it
	echo    *redact.Set  // what of it may come back in the headers of a reply
	vain    bool         // the one before did not work either
}

func newHeld(v credential.Value, version int) *held {
	h := &held{value: v, version: version, got: time.Now(), worked: &atomic.Bool{}, echo: &redact.Set{}}
	const shortest = 8 // less may well be a part of an honest header
	if len(v.Sent()) >= shortest {
		v.Hide(h.echo)
	}
	return h
}

// failure is an attempt in vain to obtain a credential after a version.
type failure struct {
	version int
	at      time.Time
	err     error
}

// newLive returns a credential that is a; obtain may be nil, and missing says that it must be
// obtained first.
func newLive(a credential.Credential, set *redact.Set, obtain obtain, missing bool) *live {
	h := newHeld(a.Value, 0)
	switch {
	case missing:
		h.until = h.got
		h.worked.Store(true) // so that the first one does not count as one in vain
	case a.TTL > 0:
		h.until = h.got.Add(a.TTL)
	}
	return &live{name: a.Title(), origins: a.Origins, set: set, obtain: obtain, held: h}
}

// peek returns the credential as it is.
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

// renew returns the credential after a host refused sent: sent itself where another is not to be
// had.
func (c *live) renew(ctx context.Context, sent *held) (*held, error) {
	if c.obtain == nil || sent == nil || !sent.worked.Load() && sent.vain && time.Since(sent.got) < obtainRest {
		return sent, nil
	}
	return c.anew(ctx, sent)
}

// anew obtains what follows after stale, once for all who wait.
func (c *live) anew(ctx context.Context, stale *held) (*held, error) {
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

func (c *live) replace(ctx context.Context, stale *held) (*held, error) {
	value, until, err := c.obtain(ctx, stale.value)
	if err != nil {
		err = fmt.Errorf("%s could not be obtained: %w", c.name, c.set.Error(err))
		c.mu.Lock()
		c.failed = &failure{stale.version, time.Now(), err}
		c.mu.Unlock()
		return nil, err
	}
	value.Hide(c.set) // before it can be anywhere
	next := newHeld(value, stale.version+1)
	next.until, next.vain = until, !stale.worked.Load()
	c.mu.Lock()
	c.held, c.failed = next, nil
	c.mu.Unlock()
	return next, nil
}

// Credentials are those of one plugin.
type Credentials struct{ all []*live }

// New makes the credentials of a policy, and adds them to set. host is the host's own HTTP, by
// which it obtains access tokens.
func New(p httppolicy.Policy, set *redact.Set, host func(httppolicy.Policy) (http.RoundTripper, error)) (*Credentials,
	error) {
	var all []*live
	for _, a := range p.Auth {
		a.Value.Hide(set)
		one := newLive(a, set, nil, false)
		if o, ok := a.Value.(credential.OAuth2); ok {
			obtain, err := tokens(p, o, a.Keep, set, host)
			if err != nil {
				return nil, err
			}
			one = newLive(a, set, obtain, true)
		} else if a.Renew != nil {
			one = newLive(a, set, renewed(a), false)
		}
		all = append(all, one)
	}
	return &Credentials{all}, nil
}

// renewed obtains a by its own means.
func renewed(a credential.Credential) obtain {
	return func(ctx context.Context, _ credential.Value) (credential.Value, time.Time, error) {
		next, err := a.Renew(ctx)
		if err != nil {
			return nil, time.Time{}, err
		}
		if err := next.Check(); err != nil {
			return nil, time.Time{}, fmt.Errorf("credentials: %w", err)
		}
		var until time.Time
		if a.TTL > 0 {
			until = time.Now().Add(a.TTL)
		}
		return next, until, nil
	}
}
