// Requests to Jira: one path for all of them, so that every reply is judged alike.

package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/reply"
)

// Client makes requests to one site within one call.
type Client struct {
	http     *http.Client
	base     *url.URL
	accepted accepted
	vouch    *Vouch
	doubt    uint64 // the last reply that does not say whom it is for; guarded by vouch
}

// NewClient returns a client for the call of ctx. base has no slash at its end. All calls of a
// process share vouch.
func NewClient(ctx context.Context, base *url.URL, vouch *Vouch) *Client {
	return &Client{http: sdk.HTTPClient(ctx), base: base, vouch: vouch}
}

// Get asks for a path below the base URL. The caller closes the body. Every error, and every reply
// that is not JSON with status 200, comes back as an error that says what to do.
func (c *Client) Get(ctx context.Context, path string, query url.Values) (*http.Response, error) {
	return c.send(ctx, http.MethodGet, path, query, nil)
}

// Post sends a query that reads only.
func (c *Client) Post(ctx context.Context, path string, body any) (*http.Response, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, sdk.Permanent(fmt.Errorf("%s: %w", path, err))
	}
	return c.send(sdk.Idempotent(ctx), http.MethodPost, path, nil, raw)
}

func (c *Client) send(ctx context.Context, method, path string, query url.Values, sent []byte) (*http.Response, error) {
	u := *c.base
	u.Path += path
	u.RawQuery = query.Encode()
	// Beyond the result window of a search platform the same comes again, for ever.
	ctx = reply.Final(ctx, http.StatusInternalServerError, "limit exceeded")
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(sent))
	if err != nil {
		return nil, sdk.Permanent(err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Language", "en")
	req.Header.Set("X-Force-Accept-Language", "true") // or Jira's words come in the account's language
	if sent != nil {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Atlassian-Token", "no-check") // or Data Center may take a POST for a forged form
	}
	number := c.vouch.event()
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, &failedRequest{unsent(req, err)}
	}
	resp.Body = body{reply.Text(resp.Body), resp.Body}
	err = c.vouched(ctx, number, resp, path)
	if err == nil {
		err = c.judge(ctx, resp, path)
	}
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

// body is the JSON text of a body.
type body struct {
	io.Reader
	io.Closer
}

// GetJSON decodes a small reply. Members of into that are tagged required must be in it: see
// [sdk.GetJSON].
func (c *Client) GetJSON(ctx context.Context, path string, query url.Values, into any) (http.Header, error) {
	resp, err := c.Get(ctx, path, query)
	if err != nil {
		return nil, err
	}
	return resp.Header, Decode(resp, into)
}

// PostJSON sends a query that reads only and decodes a small reply.
func (c *Client) PostJSON(ctx context.Context, path string, body, into any) error {
	resp, err := c.Post(ctx, path, body)
	if err != nil {
		return err
	}
	return Decode(resp, into)
}

// Decode decodes a small reply and closes its body.
func Decode(resp *http.Response, into any) error {
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return &failedRequest{fmt.Errorf("%s: reply: %w", Where(resp), err)}
	}
	if err := reply.Decode(raw, into); err != nil {
		return Other(resp, err, raw)
	}
	return nil
}

// Where names the request of a reply in errors.
func Where(resp *http.Response) string {
	if resp.Request == nil {
		return "jira"
	}
	return named(resp.Request)
}

// named names a request in errors: without its query, which is long and holds the JQL.
func named(req *http.Request) string {
	u := *req.URL
	u.RawQuery, u.User = "", nil
	return strings.TrimSpace(req.Method + " " + u.String())
}

// unsent takes the URL off an error of an HTTP client, which puts it there with its query, and puts
// the name of the request in its place unless the transport has named it already, as the host's
// does.
func unsent(req *http.Request, err error) error {
	var outer *url.Error
	if !errors.As(err, &outer) {
		return err
	}
	if led := (*reply.Redirected)(nil); errors.As(err, &led) {
		return sdk.Permanent(errors.New(led.Explain("url")))
	}
	if strings.Contains(outer.Err.Error(), req.URL.Scheme+"://"+req.URL.Host) {
		return outer.Err
	}
	return fmt.Errorf("%s: %w", named(req), outer.Err)
}
