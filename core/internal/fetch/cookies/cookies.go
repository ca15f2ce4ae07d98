// Package cookies keeps the cookies of a plugin in the host, where the pipeline file wants it: the
// plugin never sees them.
package cookies

import (
	"net/http"
	"net/http/cookiejar"
	"sync"

	"golang.org/x/net/publicsuffix"

	"github.com/scrapekit/scrapekit/core/internal/credential"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/redact"
)

// Jars holds one jar for each plugin, for as long as the process runs: a plugin that is started
// again goes on with its session. The zero value works.
type Jars struct {
	mu sync.Mutex
	m  map[string]*Jar
}

// Get returns the jar of a plugin, whose values set masks.
func (js *Jars) Get(plugin string, set *redact.Set) *Jar {
	js.mu.Lock()
	defer js.mu.Unlock()
	if j := js.m[plugin]; j != nil {
		return j
	}
	// It fails for no options that there are.
	cookies, _ := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
	j := &Jar{cookies: cookies, set: set}
	if js.m == nil {
		js.m = map[string]*Jar{}
	}
	js.m[plugin] = j
	return j
}

// mostHidden bounds how many values of cookies are masked: a host may give a new one with every
// reply.
const mostHidden = 256

// Jar holds the cookies of one plugin.
type Jar struct {
	cookies *cookiejar.Jar
	set     *redact.Set

	mu     sync.Mutex
	hidden int
}

// hide masks a session's id, which is as good as a password. Short values are settings.
func (j *Jar) hide(value string) {
	const shortest = 12
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(value) >= shortest && j.hidden < mostHidden {
		j.hidden++
		j.set.Add(value)
	}
}

// Keep sends the cookies of j, and takes in those of the replies. A nil j keeps none.
func Keep(j *Jar) trip.Decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		if j == nil {
			return next
		}
		return trip.Func(func(req *http.Request) (*http.Response, error) {
			if have := j.cookies.Cookies(req.URL); len(have) > 0 {
				req = req.Clone(req.Context())
				for _, c := range have {
					credential.AddCookie(req, c.Name+"="+c.Value)
				}
			}
			resp, err := next.RoundTrip(req)
			if err != nil {
				return nil, err
			}
			given := resp.Cookies()
			for _, c := range given {
				j.hide(c.Value)
			}
			if len(given) > 0 {
				j.cookies.SetCookies(req.URL, given)
			}
			return resp, nil
		})
	}
}
