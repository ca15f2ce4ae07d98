// Refused credentials. Jira still answers many requests as for anonymous callers, with less, so a
// refusal anywhere ends the request.

package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/reply"
)

// refusedError says that Jira refuses the credentials.
type refusedError struct{ text string }

func (e *refusedError) Error() string { return e.text }

// Refused reports whether err says that the credentials of the pipeline file are refused.
func Refused(err error) bool { return errors.As(err, new(*refusedError)) }

// refused returns the permanent error for such a reply.
func refused(resp *http.Response, why string) error {
	text := fmt.Sprintf("%s: the credentials were refused (%s)", Where(resp), why)
	if resp.StatusCode != http.StatusOK {
		text = fmt.Sprintf("%d %s from %s", resp.StatusCode, http.StatusText(resp.StatusCode), Where(resp))
	}
	advice := "check http.auth"
	switch {
	case locked(resp):
		advice = "after too many failed logins Jira wants you to log in with a browser first" + loginURL(resp) +
			"; then check http.auth"
	case reply.Login(resp) != "":
		advice = reply.Login(resp)
	}
	return sdk.Permanent(&refusedError{text + ": " + advice + "; nothing is read without them"})
}

// failed reports whether Jira refused the credentials of a request. It gives the same 401 to a
// request without any.
func failed(resp *http.Response) bool {
	return strings.Contains(resp.Header.Get("X-Seraph-LoginReason"), "AUTHENTICATED_FAILED")
}

// locked reports whether Jira refuses all credentials of the account, even correct ones, until a
// login by browser.
func locked(resp *http.Response) bool {
	return strings.Contains(resp.Header.Get("X-Seraph-LoginReason"), "AUTHENTICATION_DENIED") ||
		strings.Contains(resp.Header.Get("X-Authentication-Denied-Reason"), "CAPTCHA_CHALLENGE")
}

// loginURL returns the login URL, if the reply has one.
func loginURL(resp *http.Response) string {
	_, text, _ := strings.Cut(resp.Header.Get("X-Authentication-Denied-Reason"), "login-url=")
	text, _, _ = strings.Cut(text, ";")
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return " (at " + (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String() + ")"
}

// login returns an error if a 401 or 403 means refused credentials rather than a missing
// permission: Jira uses both for either.
func (c *Client) login(ctx context.Context, resp *http.Response, path, says string) error {
	switch {
	case locked(resp):
		return refused(resp, "")
	// A token of Cloud may permit some requests and not others.
	case reply.Credential(resp) == "", strings.Contains(says, "scope"):
		return nil
	case failed(resp), strings.HasSuffix(path, "/myself"):
		return refused(resp, "")
	case resp.StatusCode == http.StatusForbidden:
		return nil
	}
	return c.Accepted(ctx)
}

// acceptedFor is how long accepted credentials are not checked again.
const acceptedFor = time.Minute

// accepted is what is known of a client's credentials.
type accepted struct {
	mu   sync.Mutex
	when time.Time // that they were taken last
	err  error     // they are not
}

// Accepted returns an error if Jira refuses the credentials, and nil if it takes them or does not
// tell.
func (c *Client) Accepted(ctx context.Context) error {
	c.accepted.mu.Lock()
	defer c.accepted.mu.Unlock()
	if c.accepted.err != nil || time.Since(c.accepted.when) < acceptedFor {
		return c.accepted.err
	}
	resp, err := c.Get(ctx, "/rest/api/2/myself", nil)
	if err == nil {
		resp.Body.Close()
	}
	switch {
	case Refused(err):
		c.accepted.err = err
	case ctx.Err() == nil:
		c.accepted.when = time.Now()
	}
	return c.accepted.err
}
