// The HTTP client of all remotes.

package remote

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"oras.land/oras-go/v2/registry/remote/retry"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
)

const (
	userAgent     = "scrapekit"
	lockFile      = ".lock"
	lockPause     = 50 * time.Millisecond
	headerTimeout = time.Minute
	maxRedirects  = 10
)

// client returns the client of the options, or one that retries temporary errors and times out on
// unresponsive hosts. Only ctx bounds the time of a download.
func (o Options) client() *http.Client {
	if o.Client != nil {
		c := *o.Client
		if c.CheckRedirect == nil {
			c.CheckRedirect = KeepHTTPS
		}
		return &c
	}
	transport := http.DefaultTransport.(*http.Transport).Clone() // documented type
	transport.ResponseHeaderTimeout = headerTimeout
	return &http.Client{Transport: retry.NewTransport(transport), CheckRedirect: KeepHTTPS}
}

// KeepHTTPS follows redirects, for example to blob storage, but not from HTTPS to HTTP.
func KeepHTTPS(next *http.Request, before []*http.Request) error {
	last := before[len(before)-1].URL
	switch {
	case len(before) >= maxRedirects:
		return fmt.Errorf("more than %d redirects", maxRedirects)
	case next.URL.Scheme != "https" && (last.Scheme == "https" || !artifact.IsLoopback(next.URL.Host)):
		return errors.New("a redirect away from HTTPS is not followed")
	}
	return nil
}
