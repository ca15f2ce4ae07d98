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

// client is that of the options, or one that retries what is temporary and waits for no dead host.
// An archive may take as long as it takes: ctx ends it.
func (o Options) client() *http.Client {
	if o.Client != nil {
		c := *o.Client
		if c.CheckRedirect == nil {
			c.CheckRedirect = KeepHTTPS
		}
		return &c
	}
	transport := http.DefaultTransport.(*http.Transport).Clone() // what net/http says it is
	transport.ResponseHeaderTimeout = headerTimeout
	return &http.Client{Transport: retry.NewTransport(transport), CheckRedirect: KeepHTTPS}
}

// KeepHTTPS follows redirects, as of blobs to where they are stored, but not from HTTPS to HTTP.
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
