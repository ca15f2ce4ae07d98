// Fetch: makes one request as the host would for a plugin, and lists the decisions on its way.

package core

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/observe"
	"github.com/scrapekit/scrapekit/sdk"
)

// FetchRequest is a request to make on behalf of a plugin.
type FetchRequest struct {
	Stage  string // the stage whose HTTP policy applies: a plugin's name, or a stage's ("source jira"); "": the source
	Method string // "": GET, or POST with a body
	URL    string // absolute, or a path on the first host that the stage may request
	Header http.Header
	Body   []byte
	Follow bool               // follow redirects
	OnStep func(observe.Step) // receives each decision and action for the request
}

// Fetch makes a request exactly as the host would for a plugin: with its credentials, limits, cache
// and retries. The caller closes the reply's body, then calls end.
func (p *Pipeline) Fetch(ctx context.Context, r FetchRequest) (resp *http.Response, end func() error, err error) {
	parts, end, err := p.assembleAside()
	if err != nil {
		return nil, nil, err
	}
	resp, err = parts.fetchOne(ctx, r)
	if err != nil {
		return nil, nil, p.redact.Error(errors.Join(err, end()))
	}
	return resp, end, nil
}

func (p *parts) fetchOne(ctx context.Context, r FetchRequest) (*http.Response, error) {
	b, err := p.blockOf(r.Stage)
	if err != nil {
		return nil, err
	}
	b.HTTP.Methods = nil // the user asks here, so methods are not restricted
	transport, err := p.transport(ctx, b)
	if err != nil {
		return nil, err
	}
	req, err := r.request(ctx, b, p.redact.String)
	if err != nil {
		return nil, err
	}
	client := http.Client{Transport: transport}
	if !r.Follow {
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	resp, err := client.Do(req)
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // the wrapper repeats the URL
	}
	return resp, err
}

// blockOf returns the block of a stage, given its plugin, its name or its full name.
func (p *Pipeline) blockOf(stage string) (config.Block, error) {
	if stage == "" {
		return p.config.Source, nil
	}
	blocks := p.blocks()
	i := slices.IndexFunc(blocks, func(b config.Block) bool {
		return stageName(b) == stage || b.Name == stage || b.Type == stage
	})
	if i < 0 {
		return config.Block{}, fmt.Errorf("the pipeline has no stage %q; there are %s", stage,
			strings.Join(p.Stages(), ", "))
	}
	return blocks[i], nil
}

func (r FetchRequest) request(ctx context.Context, b config.Block, hide func(string) string) (*http.Request, error) {
	target, err := r.target(b)
	if err != nil {
		return nil, err
	}
	method := r.Method
	if method == "" {
		method = http.MethodGet
		if r.Body != nil {
			method = http.MethodPost
		}
	}
	if r.OnStep != nil {
		began := time.Now()
		ctx = observe.Into(ctx, func(e observe.Event) {
			if s, ok := e.(observe.Step); ok {
				s.At, s.Text = time.Since(began), hide(s.Text)
				r.OnStep(s)
			}
		})
	}
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	for name, values := range r.Header {
		req.Header[name] = values
	}
	return req, nil
}

// target returns the absolute URL. A path is resolved against the first host of the block.
func (r FetchRequest) target(b config.Block) (string, error) {
	if !strings.HasPrefix(r.URL, "/") {
		return r.URL, nil
	}
	for _, o := range b.HTTP.Allow {
		if !strings.Contains(o.Host, "*") {
			return o.String() + r.URL, nil
		}
	}
	return "", sdk.Permanent(fmt.Errorf("%s names no host that %s could be on: give the whole URL", stageName(b),
		r.URL))
}
