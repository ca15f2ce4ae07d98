// Package httppolicy has the HTTP settings of one plugin. Package config fills them from the
// pipeline file, and package fetch follows them.
package httppolicy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/scrapekit/scrapekit/core/internal/credential"
	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
)

// Policy has the HTTP settings of one plugin. Zero values mean the defaults.
type Policy struct {
	Allow []origin.Origin // allowed origins; none: no requests
	// Methods are the allowed methods; nil: all.
	Methods []string
	Auth    []credential.Credential // each is sent only to its own origins

	// If several plugins use one host, the strictest limits apply to all.
	Rate        float64         // requests per second to a host; 0: as many as the host allows
	Burst       int             // requests in a burst after idle time; default 1; only with Rate
	Concurrency int             // concurrent requests to a host; default 8
	Limits      []EndpointLimit // additional limits for parts of a host; the first that matches a request applies

	Attempts       int           // tries of a request, including the first; default 6
	ConnectTimeout time.Duration // for name lookup, connection and TLS; default 10 s
	HeaderTimeout  time.Duration // from sending the request to the reply's header; default 60 s
	IdleTimeout    time.Duration // without a byte of the body; default 30 s
	Timeout        time.Duration // for one attempt without waits for limits; default 10 min
	MaxWait        time.Duration // longest accepted pause that a host asks for; default 15 min
	Deadline       time.Duration // for all attempts of a request without waits for limits; default 30 min
	RetryBudget    float64       // retries to a host as a fraction of its requests in the last minute; default 0.2

	UserAgent string // default: scrapekit/VERSION with the project's URL
	MaxBody   int64  // bytes of a decoded body; default 256 MiB
	MaxRatio  int64  // decoded to encoded size of a body over 1 MiB; default 200, negative: unlimited

	AllowPrivate bool   // host names may resolve to private addresses
	Proxy        string // "" or none, env, or a URL
	TLS          TLS
	Certified    []origin.Origin // receive the client's certificate
	Robots       bool            // obey robots.txt
	Cookies      bool            // keep cookies, shared by all requests of the plugin

	Cache *Cache // nil: no cache

	// The host sets the following, not the file.

	Plugin string // for logs and errors
	Pos    string // place of its block in the pipeline file, for errors
	// Reads allows POST and PATCH requests that the plugin marks as reading, even if Methods does
	// not.
	Reads     bool
	SpoolDir  string     // for bodies over 8 MiB; default: the system's temporary folder
	SpoolRoom *disk.Room // disk space for them together; nil: unlimited
	// OwnAuthorization says that the host makes the requests itself and sets Authorization.
	OwnAuthorization bool
}

// EndpointLimit is `limit "GET /search/*" { … }`: limits for a part of a host.
type EndpointLimit struct {
	Method      string // "": any
	Path        string // pattern of [path.Match]; a * at its end matches any rest
	Rate        float64
	Burst       int
	Concurrency int
}

// String returns the label of the block.
func (l EndpointLimit) String() string { return strings.TrimSpace(l.Method + " " + l.Path) }

// TLS has the certificates. Zero values mean the defaults.
type TLS struct {
	CA        string // additional trusted certificates, PEM
	Cert, Key string // of the client, PEM: sent only to the origins of Policy.Certified
	Min       uint16 // minimum version; default TLS 1.2
	Insecure  bool   // accept any certificate
}

// Cache has the settings of a cache.
type Cache struct {
	MaxSize      int64         // in bytes
	StaleIfError time.Duration // how long an expired reply may replace one of a failing host

	// The host sets the following, not the file.

	Dir    string
	Mode   CacheMode
	MaxAge time.Duration // since the last use of a reply; 0: unlimited
}

// CacheMode says how a run uses its caches.
type CacheMode string

// The modes.
const (
	CacheOn      CacheMode = "on"
	CacheOff     CacheMode = "off"     // neither read nor written
	CacheOnly    CacheMode = "only"    // answer only from the cache, however old; send no requests
	CacheRefresh CacheMode = "refresh" // request everything again, and store it
)

// CacheModes are all modes.
var CacheModes = []CacheMode{CacheOn, CacheOff, CacheOnly, CacheRefresh}

// DefaultMaxBody is the default of Policy.MaxBody, in bytes.
const DefaultMaxBody = 256 << 20

// DefaultMaxRatio is the default of Policy.MaxRatio.
const DefaultMaxRatio = 200

// Complete fills in defaults and returns an error for invalid settings. version is that of the
// host.
func (p Policy) Complete(version string) (Policy, error) {
	orElse(&p.Burst, 1)
	orElse(&p.Concurrency, 8)
	orElse(&p.Attempts, 6)
	orElse(&p.ConnectTimeout, 10*time.Second)
	orElse(&p.HeaderTimeout, time.Minute)
	orElse(&p.IdleTimeout, 30*time.Second)
	orElse(&p.Timeout, 10*time.Minute)
	orElse(&p.MaxWait, 15*time.Minute)
	orElse(&p.MaxBody, DefaultMaxBody)
	orElse(&p.MaxRatio, DefaultMaxRatio)
	orElse(&p.Deadline, 30*time.Minute)
	orElse(&p.RetryBudget, 0.2)
	if p.UserAgent == "" {
		p.UserAgent = "scrapekit/" + version + " (+https://github.com/scrapekit/scrapekit)"
	}
	p.Allow = slices.Clone(p.Allow)
	if err := p.check(); err != nil {
		return p, fmt.Errorf("http of %s: %w", p.Plugin, err)
	}
	return p, nil
}

func (p Policy) check() error {
	if !httpguts.ValidHeaderFieldValue(p.UserAgent) {
		return fmt.Errorf("the user agent %q cannot stand in a header", p.UserAgent)
	}
	if !(p.Rate >= 0) || !(p.RetryBudget >= 0) || min(p.Burst, p.Concurrency, p.Attempts) < 0 || p.MaxBody < 0 ||
		min(p.ConnectTimeout, p.HeaderTimeout, p.IdleTimeout, p.Timeout, p.MaxWait, p.Deadline) < 0 {
		return errors.New("limits and times must not be negative")
	}
	for _, c := range p.Auth {
		if err := c.Check(); err != nil {
			return err
		}
	}
	return nil
}

func orElse[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}
