// Credentials that die in the middle of a run. Jira then answers as it answers anybody, with less
// or with nothing, and calls it 200. So what was read counts only if the credentials were still
// taken behind the last reply to it. Jira names the account in each of its replies (X-AUSERNAME on
// Data Center, X-AACCOUNTID on Cloud), and that costs no request; where a reply does not say it,
// /myself is asked.

package rest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// Vouch is what a process knows of the credentials that all its calls have. The zero value works.
type Vouch struct {
	checking sync.Mutex // of who asks

	mu      sync.Mutex
	account bool      // the run is logged in: without that there is nothing to know
	now     uint64    // the number of the last event
	taken   uint64    // of the last request that was answered as one of the account
	doubt   uint64    // of the last reply that does not say whom it is for
	asked   time.Time // when /myself was asked last
}

// Expect says whether the run is logged in.
func (v *Vouch) Expect(account bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.account = account
}

// event numbers what happens now.
func (v *Vouch) event() uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now++
	return v.now
}

// doubtful notes that a reply to a call does not say whom it is for.
func (v *Vouch) doubtful(c *Client) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now++
	v.doubt, c.doubt = v.now, v.now
}

// take notes that the credentials were taken with the request of a number.
func (v *Vouch) take(request uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.taken = max(v.taken, request)
}

// anonymousName is whom X-AUSERNAME names where there is no account.
const anonymousName = "anonymous"

// whose names the account that a reply is for; "" where it does not say.
func whose(resp *http.Response) string {
	if name := resp.Header.Get("X-AUSERNAME"); name != "" {
		return name
	}
	return resp.Header.Get("X-AACCOUNTID")
}

const myself = "/myself"

// vouched looks at whom a reply is for. One with status 200 that is for nobody, in a run that is
// logged in, is an error.
func (c *Client) vouched(ctx context.Context, request uint64, resp *http.Response, path string) error {
	c.vouch.mu.Lock()
	account := c.vouch.account
	c.vouch.mu.Unlock()
	who := whose(resp)
	switch {
	case !account || strings.HasSuffix(path, myself):
		return nil
	case who != "" && who != anonymousName:
		c.vouch.take(request)
		return nil
	}
	c.vouch.doubtful(c)
	if who == "" || resp.StatusCode != http.StatusOK {
		return nil
	}
	if err := c.Stand(ctx); err != nil {
		return err
	}
	return Other(resp, errors.New("it is for an anonymous caller, though Jira takes the credentials"), nil)
}

// stands reports whether the credentials were taken behind the last reply to this call.
func (c *Client) stands() bool {
	c.vouch.mu.Lock()
	defer c.vouch.mu.Unlock()
	return c.doubt <= c.vouch.taken
}

// Stand returns an error unless the credentials are known to be taken behind the last reply to this
// call: it is asked for before anything is said to be whole. Calls that end together share one
// request.
func (c *Client) Stand(ctx context.Context) error {
	if c.stands() {
		return nil
	}
	c.vouch.checking.Lock()
	defer c.vouch.checking.Unlock()
	if c.stands() {
		return nil
	}
	request := c.vouch.event()
	resp, err := c.Get(ctx, "/rest/api/2"+myself, nil)
	switch status := Status(err); {
	case err == nil:
		resp.Body.Close()
	case Forbidden(err) && !strings.Contains(err.Error(), "scope"):
		return sdk.Permanent(&refusedError{Brief(err) +
			": the login of this run is not taken any more, and Jira answers as it answers anybody: check http.auth"})
	case Forbidden(err), status == http.StatusNotFound: // it does not tell
	default:
		return err
	}
	c.vouch.take(request)
	c.vouch.mu.Lock()
	defer c.vouch.mu.Unlock()
	c.vouch.asked = time.Now()
	return nil
}

// StandAll is [Client.Stand] for all calls so far.
func (c *Client) StandAll(ctx context.Context) error {
	c.vouch.mu.Lock()
	c.doubt = c.vouch.doubt
	c.vouch.mu.Unlock()
	return c.Stand(ctx)
}

// Sure reports whether a cursor may go out: what is before it was read with the credentials. If
// that is not known, it asks once in a while; else the cursors behind this one have to do.
func (c *Client) Sure(ctx context.Context) (bool, error) {
	if c.stands() {
		return true, nil
	}
	c.vouch.mu.Lock()
	lately := time.Since(c.vouch.asked) < acceptedFor
	c.vouch.mu.Unlock()
	if lately {
		return false, nil
	}
	err := c.Stand(ctx)
	return err == nil, err
}
