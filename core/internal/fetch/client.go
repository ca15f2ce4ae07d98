// Client: what all plugins of the process share, and the place where the decorators are combined.

package fetch

import (
	"fmt"
	"net/http"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/scrapekit/scrapekit/core/internal/fetch/allow"
	"github.com/scrapekit/scrapekit/core/internal/fetch/auth"
	"github.com/scrapekit/scrapekit/core/internal/fetch/body"
	"github.com/scrapekit/scrapekit/core/internal/fetch/cookies"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/fetch/ratelimit"
	"github.com/scrapekit/scrapekit/core/internal/fetch/recording"
	"github.com/scrapekit/scrapekit/core/internal/fetch/retry"
	"github.com/scrapekit/scrapekit/core/internal/fetch/robotstxt"
	"github.com/scrapekit/scrapekit/core/internal/fetch/stats"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/fetch/wire"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/core/internal/redact"
	"github.com/scrapekit/scrapekit/core/observe"
	"github.com/scrapekit/scrapekit/sdk"
)

// Options are the host's settings of its HTTP client. The zero value is valid.
type Options struct {
	Logger hclog.Logger // nil: no log
	Redact *redact.Set  // receives the credentials of all policies; nil: a set of its own
	// Hosts is shared by the clients of all runs of a process, so that they share each host's
	// limits; nil: not shared.
	Hosts *ratelimit.Hosts
	// Learned is the file with learned limits for the next run; "": none.
	Learned string
	// Aside says that nothing learned is saved, because a few extra requests teach little.
	Aside bool
	// Limiter spaces the requests if Hosts is nil; nil: for this process only. If it implements
	// [ratelimit.RateSetter], it receives the rate of each host.
	Limiter ratelimit.Limiter
	// Listeners receive the events of HTTP.
	Listeners observe.Listeners
	Version   string // of scrapekit, for the default User-Agent

	Record *recording.Writer // nil: nothing is recorded
	Replay http.RoundTripper // answers all requests instead of the network; nil: none
}

// Client makes the requests of all plugins of a process. Its methods may be called by several
// goroutines at the same time.
type Client struct {
	opts   Options
	log    hclog.Logger
	hosts  *ratelimit.Session
	pieces *body.Pool
	wires  *wire.Pool
	jars   cookies.Jars
	robots robotstxt.Cache
}

// New returns a client. The caller must close it.
func New(o Options) *Client {
	return newWith(o, wire.NewPool())
}

// newWith is New with transports, for tests.
func newWith(o Options, wires *wire.Pool) *Client {
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	if o.Redact == nil {
		o.Redact = &redact.Set{}
	}
	if o.Hosts == nil {
		o.Hosts = ratelimit.NewHosts(o.Limiter)
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	return &Client{opts: o, log: o.Logger, hosts: ratelimit.NewSession(ratelimit.Options{
		Hosts: o.Hosts, Logger: o.Logger, Listeners: o.Listeners, Learned: o.Learned, Aside: o.Aside,
	}), pieces: body.NewPool(), wires: wires}
}

// For returns the HTTP client of one plugin. It returns a permanent error for an invalid policy.
//
// Replies are complete and decoded: they have no Content-Encoding and a correct Content-Length, and
// reading them cannot fail because of the network. Errors have the classes of package sdk.
func (c *Client) For(p httppolicy.Policy) (http.RoundTripper, error) {
	p, err := p.Complete(c.opts.Version)
	if err != nil {
		return nil, sdk.Permanent(err)
	}
	credentials, err := auth.New(p, c.opts.Redact, c.For)
	if err != nil {
		return nil, err
	}
	if c.opts.Replay != nil {
		return trip.Stack(c.opts.Replay, redacted(c.opts.Redact)), nil
	}
	transport, err := c.wires.For(p)
	if err != nil {
		return nil, sdk.Permanent(fmt.Errorf("http of %s: %w", p.Plugin, err))
	}
	var jar *cookies.Jar
	if p.Cookies {
		jar = c.jars.Get(p.Plugin, c.opts.Redact)
	}
	log := c.log.Named("fetch").With("plugin", p.Plugin)
	kept, err := cached(p, c.hosts, c.opts.Redact, log)
	if err != nil {
		return nil, sdk.Permanent(fmt.Errorf("http of %s: %w", p.Plugin, err))
	}
	return trip.Stack(transport,
		redacted(c.opts.Redact),
		recording.Record(c.opts.Record, p, c.pieces),
		allow.Allow(p, c.opts.Redact),
		kept,
		robotstxt.Obey(p, &c.robots, func(o origin.Origin, every time.Duration) { c.hosts.CrawlDelay(o, p, every) }),
		retry.Retry(p, c.hosts, log),
		credentials.Ready(),
		ratelimit.Paced(p),
		ratelimit.Guarded(),
		ratelimit.Weighed(),
		ratelimit.Metered(),
		credentials.Sign(),
		cookies.Keep(jar),
		body.Whole(p, c.pieces),
		wire.Timed(p),
		wire.Traced(),
		wire.Paired(),
	), nil
}

// Stats returns the counts so far.
func (c *Client) Stats() stats.Stats { return c.hosts.Stats() }

// Close closes idle connections, and removes the limits of this client's plugins. The contexts of
// requests in progress end those.
func (c *Client) Close() {
	c.hosts.Close()
	c.wires.CloseIdle()
}
