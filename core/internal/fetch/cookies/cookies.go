// Package cookies keeps a plugin's cookies in the host, if the pipeline file enables them. The
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

// Jars has one jar for each plugin for the life of the process, so that a restarted plugin keeps
// its session. The zero value is ready for use.
type Jars struct {
	mu sync.Mutex
	m  map[string]*Jar
}

// Get returns the jar of a plugin. Values of cookies are added to set.
func (js *Jars) Get(plugin string, set *redact.Set) *Jar {
	js.mu.Lock()
	defer js.mu.Unlock()
	if j := js.m[plugin]; j != nil {
		return j
	}
	// It returns no error.
	cookies, _ := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
	j := &Jar{cookies: cookies, set: set}
	if js.m == nil {
		js.m = map[string]*Jar{}
	}
	js.m[plugin] = j
	return j
}

// mostHidden bounds the number of masked values, because a host may send a new one with every
// reply.
const mostHidden = 256

// Jar holds the cookies of one plugin.
type Jar struct {
	cookies *cookiejar.Jar
	set     *redact.Set

	mu     sync.Mutex
	hidden int
}

// hide masks a session id, which is as secret as a password. Short values are settings.
func (j *Jar) hide(value string) {
	const shortest = 12
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(value) >= shortest && j.hidden < mostHidden {
		j.hidden++
		j.set.Add(value)
	}
}

// Keep sends the cookies of j and stores those in replies. A nil j stores none.
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
