// Policy: what the pipeline file says about the HTTP of one plugin.

package fetch

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/sdk"
)

// DefaultMaxBody is the longest body in bytes where a policy says nothing.
const DefaultMaxBody = 256 << 20

// defaultMaxRatio is by how much a body may grow through decoding.
const defaultMaxRatio = 200

// Policy is what one plugin may do and how. Zero values stand for the defaults.
type Policy struct {
	Plugin string   // for logs and errors
	Pos    string   // of its block in the pipeline file, for the reader of an error
	Allow  []Origin // where requests may go; none: nowhere
	// Methods are those that may be sent; nil: any. With Reads a POST, or a PATCH, goes only if the plugin marks it as one that reads.
	Methods []string
	Reads   bool
	Auth    []Auth // those that cover a request's origin all go with it; none: anonymous

	// Where several plugins ask one host, the strictest of their limits holds for all.
	Rate        float64         // requests per second to a host; 0: as fast as the host lets
	Burst       int             // requests that may go at once after a time of rest; default 1; used with Rate only
	Concurrency int             // requests to a host at one time; default 8
	Limits      []EndpointLimit // of parts of a host, beside those; the first that fits a request holds for it

	Attempts       int           // tries for a request, the first included; default 6
	ConnectTimeout time.Duration // to find, reach and greet the host; default 10 s
	HeaderTimeout  time.Duration // from the request sent to the head of the reply; default 60 s
	IdleTimeout    time.Duration // without a byte of the body; default 30 s
	Timeout        time.Duration // for an attempt as a whole, waits for limits not included; default 10 min
	MaxWait        time.Duration // the longest pause asked for by a host that is kept; default 15 min
	Deadline       time.Duration // for a request with all its attempts, waits for limits not included; default 30 min
	RetryBudget    float64       // retries to a host, as a share of the requests of the last minute; default 0.2

	UserAgent string     // default scrapekit/VERSION with the project's address
	MaxBody   int64      // bytes of a body after decoding; default 256 MiB
	MaxRatio  int64      // times that a body of more than 1 MiB may grow by decoding; default 200, less than 0: any
	SpoolDir  string     // for bodies over 8 MiB; default the system's folder for temporary files
	SpoolRoom *disk.Room // for all of them together; nil: any

	Cache *CachePolicy // nil: nothing is kept

	AllowPrivate bool   // names of hosts may lead to the network of one's own
	Proxy        string // "" or none, env, or a URL
	TLS          TLS
	Certified    []Origin // that are shown the client's certificate
	Robots       bool     // keep to robots.txt
	Cookies      bool     // keep cookies, for the plugin as a whole

	hostsOwn bool // the host itself asks, and sets Authorization itself
}

// complete fills in the defaults and refuses what cannot work.
func (p Policy) complete(version string) (Policy, error) {
	orElse(&p.Burst, 1)
	orElse(&p.Concurrency, 8)
	orElse(&p.Attempts, 6)
	orElse(&p.ConnectTimeout, 10*time.Second)
	orElse(&p.HeaderTimeout, time.Minute)
	orElse(&p.IdleTimeout, 30*time.Second)
	orElse(&p.Timeout, 10*time.Minute)
	orElse(&p.MaxWait, 15*time.Minute)
	orElse(&p.MaxBody, DefaultMaxBody)
	orElse(&p.MaxRatio, defaultMaxRatio)
	orElse(&p.Deadline, 30*time.Minute)
	orElse(&p.RetryBudget, 0.2)
	if p.UserAgent == "" {
		p.UserAgent = "scrapekit/" + version + " (+https://github.com/scrapekit/scrapekit)"
	}
	p.Allow = slices.Clone(p.Allow)
	if !httpguts.ValidHeaderFieldValue(p.UserAgent) {
		return p, sdk.Permanent(fmt.Errorf("http of %s: the user agent %q cannot stand in a header", p.Plugin, p.UserAgent))
	}
	if !(p.Rate >= 0) || !(p.RetryBudget >= 0) || min(p.Burst, p.Concurrency, p.Attempts) < 0 || p.MaxBody < 0 ||
		min(p.ConnectTimeout, p.HeaderTimeout, p.IdleTimeout, p.Timeout, p.MaxWait, p.Deadline) < 0 {
		return p, sdk.Permanent(fmt.Errorf("http of %s: limits and times must not be negative", p.Plugin))
	}
	for _, a := range p.Auth {
		if err := a.check(); err != nil {
			return p, sdk.Permanent(fmt.Errorf("http of %s: %w", p.Plugin, err))
		}
	}
	return p, nil
}

func orElse[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}
