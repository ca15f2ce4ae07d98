// Package robotstxt obeys the robots.txt of hosts, for sources that ask for it.
package robotstxt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/scrapekit/scrapekit/core/internal/fetch/allow"
	"github.com/scrapekit/scrapekit/core/internal/fetch/fault"
	"github.com/scrapekit/scrapekit/core/internal/fetch/limits"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/core/internal/robots"
	"github.com/scrapekit/scrapekit/sdk"
)

const (
	robotsAge  = 24 * time.Hour // RFC 9309, section 2.4
	robotsHops = 5              // section 2.3.1.2
	robotsRest = time.Minute    // between failed attempts
	// longestDelay bounds a Crawl-delay. Some files ask for hours to keep robots away, which is the
	// purpose of Disallow.
	longestDelay = time.Minute
)

// Obey permits what the robots.txt of a host allows to p's user agent. It calls delay with the time
// that a host wants between two requests.
func Obey(p httppolicy.Policy, known *Cache, delay func(host origin.Origin, every time.Duration)) trip.Decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		if !p.Robots {
			return next
		}
		return trip.Func(func(req *http.Request) (*http.Response, error) {
			facts := trip.FactsOf(req)
			b := known.get(facts.Origin)
			file, err := b.read(req.Context(), func(ctx context.Context) (*robots.File, error) {
				return readRobots(ctx, p, facts.Origin, next)
			})
			if err != nil {
				return nil, fmt.Errorf("%s/robots.txt could not be read, so nothing else is requested there: %w",
					facts.Origin, err)
			}
			rules := file.For(p.UserAgent)
			ok, by := rules.Allows(req.URL.RequestURI())
			facts.Explain("robots", func() string { return robotsText(ok, by, rules.Delay) })
			if !ok {
				return nil, &forbiddenError{origin: facts.Origin, by: by}
			}
			if d := min(rules.Delay, longestDelay); d > 0 {
				delay(facts.Origin, d)
			}
			return next.RoundTrip(req)
		})
	}
}

// forbiddenError is an [sdk.ErrRobots] with the line and file.
type forbiddenError struct {
	origin origin.Origin
	by     string
}

func (e *forbiddenError) Error() string {
	return fmt.Sprintf("%s/robots.txt forbids it (%s); with the owner's consent set http.robots = false", e.origin,
		e.by)
}

func (e *forbiddenError) Is(target error) bool {
	return target == sdk.ErrRobots || target == sdk.ErrSkip
}

// robotsText describes what the file says about a request.
func robotsText(ok bool, by string, delay time.Duration) string {
	text := "robots.txt allows it"
	if !ok {
		text = "robots.txt forbids it (" + by + ")"
	}
	if delay > 0 {
		text += fmt.Sprintf(", one request every %s", limits.Short(min(delay, longestDelay)))
	}
	return text
}

// Cache keeps the robots.txt of each origin. The zero value is ready for use.
type Cache struct {
	mu sync.Mutex
	m  map[origin.Origin]*siteRules
}

func (r *Cache) get(o origin.Origin) *siteRules {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.m == nil {
		r.m = map[origin.Origin]*siteRules{}
	}
	b := r.m[o]
	if b == nil {
		b = &siteRules{}
		r.m[o] = b
	}
	return b
}

// siteRules is the robots.txt of one origin, as last read.
type siteRules struct {
	flight singleflight.Group

	mu   sync.Mutex
	file *robots.File
	err  error // of the last attempt
	at   time.Time
}

// read returns the file, requested once for all waiting requests. An expired file is better than
// none.
func (b *siteRules) read(ctx context.Context, ask func(context.Context) (*robots.File, error)) (*robots.File, error) {
	if file, err, fresh := b.kept(); fresh {
		return file, err
	}
	done := b.flight.DoChan("", func() (any, error) {
		if file, err, fresh := b.kept(); fresh {
			return file, err
		}
		file, err := ask(context.WithoutCancel(ctx))
		b.mu.Lock()
		defer b.mu.Unlock()
		if err == nil {
			b.file = file
		}
		b.err, b.at = err, time.Now()
		if b.file != nil {
			return b.file, nil
		}
		return nil, err
	})
	select {
	case r := <-done:
		file, _ := r.Val.(*robots.File)
		return file, r.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (b *siteRules) kept() (file *robots.File, err error, fresh bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	age := time.Since(b.at)
	switch {
	case b.at.IsZero(), b.err != nil && age >= robotsRest, age >= robotsAge:
		return nil, nil, false
	case b.file != nil:
		return b.file, nil, true
	}
	return nil, b.err, true
}

// readRobots requests the file through next. A missing file (4xx) has no rules. If the host fails
// (5xx, no reply), everything is forbidden.
func readRobots(ctx context.Context, p httppolicy.Policy, of origin.Origin, next http.RoundTripper) (*robots.File,
	error) {
	at := &url.URL{Scheme: of.Scheme, Host: of.Address(), Path: "/robots.txt"}
	ctx = trip.Aside(ctx, "robots.txt")
	for range robotsHops + 1 {
		facts := trip.Facts{Origin: of, URL: at.String()}
		req, err := http.NewRequestWithContext(trip.With(ctx, facts), http.MethodGet, at.String(), nil)
		if err != nil {
			return nil, err
		}
		req.Header.Set("User-Agent", p.UserAgent)
		resp, err := next.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		switch {
		case resp.StatusCode < 300:
			return parseRobots(resp.Body)
		case resp.StatusCode < 400:
			resp.Body.Close() // best effort: memory or a spool file
			if at, err = at.Parse(resp.Header.Get("Location")); err != nil || resp.Header.Get("Location") == "" {
				return nil, errors.New("it redirects to nowhere")
			}
			to, err := origin.Of(at)
			if err == nil && !origin.Covered(p.Allow, to) {
				err = sdk.Permanent(fmt.Errorf(
					"it redirects to %s: add that to http.allow in the pipeline file, or set http.robots = false", to))
			}
			if err != nil {
				return nil, err
			}
			of, at = to, allow.Hop(at, to)
		case resp.StatusCode < 500:
			resp.Body.Close() // as above
			return &robots.File{}, nil
		default:
			resp.Body.Close() // as above
			return nil, errors.New(fault.StatusText(resp.StatusCode))
		}
	}
	return &robots.File{}, nil // too many redirects count as a missing file
}

func parseRobots(body io.ReadCloser) (*robots.File, error) {
	defer body.Close() // as above
	text, err := io.ReadAll(io.LimitReader(body, robots.MaxSize))
	if err != nil {
		return nil, err
	}
	return robots.Parse(text), nil
}
