// Replies that are not what was requested, and errors that concern only one request.

package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// otherReply is a reply with status 200 that is not what was requested.
type otherReply struct{ where, text string }

func (e *otherReply) Error() string { return e.where + ": " + e.text }

// Other returns the error for a reply with status 200 that is not what was requested. why says what
// it lacks; body has the server's words, as far as known. The error is temporary.
func Other(resp *http.Response, why error, body []byte) error {
	text := "reply: " + why.Error()
	if strings.Contains(text, "invalid character '<'") {
		text += ": a page, perhaps of a login or of a proxy in front of Jira"
	}
	if says := messages(body); says != "" && !strings.Contains(text, says) {
		text += ": " + says
	}
	return sdk.RetryAfter(&otherReply{Where(resp), text}, soon)
}

// failedRequest is a request without a complete reply.
type failedRequest struct{ err error }

func (e *failedRequest) Error() string { return e.err.Error() }
func (e *failedRequest) Unwrap() error { return e.err }

// Short returns the error for a list that is shorter than stated; where names its request. The
// error is temporary.
func Short(where string) error {
	return sdk.RetryAfter(&otherReply{where, "the list ends before its total"}, soon)
}

func isOther(err error) bool { return errors.As(err, new(*otherReply)) }

// soon is the pause after a reply that is not what was requested, because its cause (a reindexing,
// an expiring login) takes time.
const soon = time.Second

// Alone reports whether err concerns only the requested item, not the server or the credentials, so
// that a read may continue without it. That is so for requests that always fail while others
// succeed. A refusal (4xx) is for the caller to decide.
func (c *Client) Alone(ctx context.Context, err error) bool {
	if err == nil || ctx.Err() != nil || Refused(err) || sdk.RetryDelay(err) > 0 && !isOther(err) {
		return false
	}
	status := Status(err)
	if status == 0 && !isOther(err) && !errors.As(err, new(*failedRequest)) || status != 0 &&
		status < http.StatusInternalServerError {
		return false
	}
	return c.Working(ctx) == nil
}

// Patience remembers failures for the reads of a process: an item is left out only if it fails
// again within a few minutes, so a split is read once more before, after its host's pause. The zero
// value is ready for use.
type Patience struct {
	mu     sync.Mutex
	failed map[string]time.Time
}

const (
	// mostFailed bounds the remembered failures: beyond it, everything is tried once more.
	mostFailed = 10_000
	// failedFor is how long a failure is remembered.
	failedFor = 10 * time.Minute
)

// Over records that name failed with err, and reports whether it has failed before or must fail.
func (p *Patience) Over(name string, err error) bool {
	if sdk.IsPermanent(err) {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if before, ok := p.failed[name]; ok && time.Since(before) < failedFor {
		delete(p.failed, name)
		return true
	}
	if p.failed == nil || len(p.failed) >= mostFailed {
		p.failed = map[string]time.Time{}
	}
	p.failed[name] = time.Now()
	return false
}

// Working returns an error unless the server answers and accepts the credentials, so that the
// failure concerned only one request.
func (c *Client) Working(ctx context.Context) error {
	var info map[string]any
	if _, err := c.GetJSON(ctx, "/rest/api/2/serverInfo", nil, &info); err != nil {
		return err
	}
	if len(info) == 0 {
		return fmt.Errorf("GET %s/rest/api/2/serverInfo: the reply is empty", c.base)
	}
	return c.Accepted(ctx)
}

// Why describes an error briefly, without its request, so that equal causes have equal texts.
func Why(err error) error {
	var status *statusError
	var other *otherReply
	switch {
	case errors.As(err, &status):
		text := fmt.Sprintf("%d %s", status.status, http.StatusText(status.status))
		if status.says != "" {
			text += ": " + status.says
		}
		return errors.New(text)
	case errors.As(err, &other):
		return errors.New(other.text)
	}
	return err
}
