// Package httppolicy holds what the pipeline file says about the HTTP of one plugin: the file is
// read into it, and the host's HTTP keeps to it.
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

// Policy is what one plugin may do and how. Zero values stand for the defaults.
type Policy struct {
	Allow []origin.Origin // where requests may go; none: nowhere
	// Methods are those that may be sent; nil: any.
	Methods []string
	Auth    []credential.Credential // each goes along to the origins that it is for

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
	Deadline       time.Duration // for a request with all attempts, waits for limits not included; default 30 min
	RetryBudget    float64       // retries to a host, as a share of the requests of the last minute; default 0.2

	UserAgent string // default scrapekit/VERSION with the project's address
	MaxBody   int64  // bytes of a body after decoding; default 256 MiB
	MaxRatio  int64  // times that a body of more than 1 MiB may grow by decoding; default 200, less than 0: any

	AllowPrivate bool   // names of hosts may lead to addresses of one's own network
	Proxy        string // "" or none, env, or a URL
	TLS          TLS
	Certified    []origin.Origin // that are shown the client's certificate
	Robots       bool            // keep to robots.txt
	Cookies      bool            // keep cookies, for the plugin as a whole

	Cache *Cache // nil: no reply is kept

	// What follows is the host's, not the file's.

	Plugin string // for logs and errors
	Pos    string // of its block in the pipeline file, for the reader of an error
	// Reads allows, where Methods has no POST or PATCH, those that the plugin marks as reading.
	Reads     bool
	SpoolDir  string     // for bodies over 8 MiB; default the system's folder for temporary files
	SpoolRoom *disk.Room // for all of them together; nil: any
	// OwnAuthorization says that the host itself asks, and sets Authorization itself.
	OwnAuthorization bool
}

// EndpointLimit is `limit "GET /search/*" { … }`: a limit for a part of a host.
type EndpointLimit struct {
	Method      string // "": any
	Path        string // a pattern as of [path.Match]; a * at its end stands for any rest
	Rate        float64
	Burst       int
	Concurrency int
}

// String returns the label of the block.
func (l EndpointLimit) String() string { return strings.TrimSpace(l.Method + " " + l.Path) }

// TLS says whom to trust and who to be. Zero values stand for the defaults.
type TLS struct {
	CA        string // certificates in PEM that are trusted beside the system's
	Cert, Key string // of the client, in PEM: shown to the origins of Policy.Certified alone
	Min       uint16 // least version; default TLS 1.2
	Insecure  bool   // take any certificate
}

// Cache says how replies are kept.
type Cache struct {
	MaxSize      int64         // in bytes
	StaleIfError time.Duration // how long past its time a reply may stand in for a host in trouble

	// What follows is the host's, not the file's.

	Dir    string
	Mode   CacheMode
	MaxAge time.Duration // since a reply was used last; 0: any
}

// CacheMode says what a run does with the replies that are kept.
type CacheMode string

// The modes.
const (
	CacheOn      CacheMode = "on"
	CacheOff     CacheMode = "off"     // neither read nor written
	CacheOnly    CacheMode = "only"    // what is kept is the answer, however old; no host is asked
	CacheRefresh CacheMode = "refresh" // everything is asked for again, and kept
)

// CacheModes are all of them, for people who write them down.
var CacheModes = []CacheMode{CacheOn, CacheOff, CacheOnly, CacheRefresh}

// DefaultMaxBody is the longest body in bytes where a policy says nothing.
const DefaultMaxBody = 256 << 20

// DefaultMaxRatio is how many times longer than it was sent a body may become by decoding.
const DefaultMaxRatio = 200

// Complete fills in the defaults and refuses what cannot work. version is the host's.
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
