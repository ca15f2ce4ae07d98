// Client: what all plugins of the process share, and the one place where the decorators are put
// together.

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

// Options are what the host gives to its HTTP. The zero value works.
type Options struct {
	Logger hclog.Logger // nil: no log
	Redact *redact.Set  // the credentials of every httppolicy.Policy are added to it; nil: a set of the client's own
	// Hosts is shared by the clients of all runs of a process, so that they keep a host's limits
	// together; nil: this client is alone.
	Hosts *ratelimit.Hosts
	// Learned is the file in which what is learned of hosts is kept for the next run; "": none.
	Learned string
	// Aside says that what is learned is not kept: a few requests beside the runs teach little.
	Aside bool
	// Limiter spaces the requests if Hosts is nil; nil: one for this process alone. If it has the
	// method of [ratelimit.RateSetter], it is told the rate of each host and what is learned of it.
	Limiter ratelimit.Limiter
	// Listeners are told of every exchange, and of every pause of a host and wait before a retry as
	// it begins.
	Listeners observe.Listeners
	Version   string // of scrapekit, for the default User-Agent

	Record *recording.Writer // nil: nothing is recorded
	Replay http.RoundTripper // not nil: it answers, and nobody else is asked
}

// Client makes the requests of all plugins of a process. Its methods may be called by several
// goroutines at once.
type Client struct {
	opts   Options
	log    hclog.Logger
	hosts  *ratelimit.Session
	pieces *body.Pool
	wires  *wire.Pool
	jars   cookies.Jars
	robots robotstxt.Books
}

// New returns a client. Close it at the end.
func New(o Options) *Client {
	return newWith(o, wire.NewPool())
}

// newWith takes the wires from outside, so that tests can put a server of their own there.
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

// For returns the HTTP of one plugin. It fails, permanently, on a policy that cannot work.
//
// A reply that it hands on is whole and decoded: no Content-Encoding is left, Content-Length is
// right, and reading it cannot fail for reasons of the network. An error's class is that of package
// sdk.
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

// Stats returns what was counted so far.
func (c *Client) Stats() stats.Stats { return c.hosts.Stats() }

// Close ends idle connections, and no limit of the client's plugins binds others any more. Requests
// under way are ended by their contexts.
func (c *Client) Close() {
	c.hosts.Close()
	c.wires.CloseIdle()
}
