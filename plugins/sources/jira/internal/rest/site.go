// The site: which Jira answers, and what time it has.

package rest

import (
	"net/http"
	"time"
)

// The flavours, as records name them.
const (
	DataCenter = "datacenter"
	Cloud      = "cloud"
)

// Site is what serverInfo says.
type Site struct {
	Flavour string
	Browse  string        // what an issue's page begins with
	Now     time.Time     // the server's time when it was asked; zero: it did not say
	Asked   time.Time     // this machine's time at that moment
	Skew    time.Duration // what its Date header lacks to it
}

// Clock returns the server's time of a reply. One that does not say it is taken to come at this
// moment.
func (s Site) Clock(header http.Header) time.Time {
	t, err := http.ParseTime(header.Get("Date"))
	switch {
	case err == nil:
		return t.Add(s.Skew)
	case s.Now.IsZero():
		return s.Now
	}
	return s.Now.Add(time.Since(s.Asked))
}

// API is the path of the REST API.
func (s Site) API() string {
	if s.Flavour == Cloud {
		return "/rest/api/3"
	}
	return "/rest/api/2"
}
