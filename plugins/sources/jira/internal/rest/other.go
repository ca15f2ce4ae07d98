// Replies that are not what was asked for, and what is bad for itself alone.

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

// otherReply is a reply 200 that is not what was asked for.
type otherReply struct{ where, text string }

func (e *otherReply) Error() string { return e.where + ": " + e.text }

// Other makes the error for a reply 200 that is not what was asked for. why says what it lacks;
// body is what is known of it, for the server's words. It is temporary.
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

// failedRequest is a request that brought no reply, or half of one.
type failedRequest struct{ err error }

func (e *failedRequest) Error() string { return e.err.Error() }
func (e *failedRequest) Unwrap() error { return e.err }

// Short makes the error for a list that is shorter than it says to be, whose request where names.
// It is temporary.
func Short(where string) error {
	return sdk.RetryAfter(&otherReply{where, "the list ends before its total"}, soon)
}

func isOther(err error) bool { return errors.As(err, new(*otherReply)) }

// soon is how long to wait after a reply that is not what was asked for: what it comes of, an index
// that is built anew or a login that expires, takes its time.
const soon = time.Second

// Alone reports whether err speaks of the one thing that was asked for, and not of the server or
// the credentials: nothing but that is missing if one goes on without it. It is so for what fails
// whenever it is asked for while the server answers other requests. A refusal (4xx) is for the
// caller to judge.
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

// Patience remembers, for the reads of a process, what has failed: it is left out only when it
// fails again within a few minutes, so that a split is read once more before, after the pause of
// its host. The zero value works.
type Patience struct {
	mu     sync.Mutex
	failed map[string]time.Time
}

const (
	// mostFailed bounds what is remembered: beyond it everything is given one more try.
	mostFailed = 10_000
	// failedFor is how long a failure is remembered.
	failedFor = 10 * time.Minute
)

// Over reports whether name, which failed with err, has failed before or cannot but fail, and notes
// that it has.
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

// Working returns an error unless the server answers and takes the credentials, so that what failed
// just now failed for itself alone.
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

// Why is an error in few words that are the same for the same cause: without the request that it
// came of.
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
