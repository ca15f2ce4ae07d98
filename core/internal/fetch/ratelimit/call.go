package ratelimit

import (
	"context"
	"net/http"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/fault"
	"github.com/scrapekit/scrapekit/core/internal/fetch/pace"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
)

// Call is a request with all its attempts. One goroutine uses it.
type Call struct {
	*trip.Facts
	Host *Host

	// Hold stops the clock of the request's deadline until resume is called, because waiting for
	// the host's own limits is no failure.
	Hold    func() (resume func())
	Classes []hint.Class // the plugin's classes of replies
	Held    string       // what the request waits for; "": nothing

	sentBefore bool          // an attempt was sent already
	firstByte  time.Duration // of the last attempt: from the connection to the reply's head
	shape      string        // see pace.ShapeOf
	word       pace.Word     // what the last reply says about limits
	class      *hint.Class   // the matching one of Classes; nil: none
	probe      bool          // the attempt probes whether the host is back
	probed     bool          // a failed probe of a host that is waited for
}

type callKey struct{}

// NewCall returns the call of a request with facts, and the context for its attempts.
func (s *Session) NewCall(ctx context.Context, facts *trip.Facts, p httppolicy.Policy) (*Call, context.Context) {
	c := &Call{Facts: facts, Host: s.Get(facts.Origin, p)}
	return c, context.WithValue(ctx, callKey{}, c)
}

func callOf(req *http.Request) *Call { return req.Context().Value(callKey{}).(*Call) }

// Begin begins another attempt.
func (c *Call) Begin() { c.probe, c.probed = false, false }

// ProbedInVain reports whether the latest attempt was a failed probe of a host that is waited for.
func (c *Call) ProbedInVain() bool { return c.probed }

// Unsure reports whether the latest reply counts as a refusal only because a limit is exhausted.
func (c *Call) Unsure() bool { return c.word.Unsure }

// Judge returns the outcome of an attempt: by the plugin's classes first, then by what the reply
// says about limits.
func (c *Call) Judge(resp *http.Response, err error) fault.Outcome {
	if err != nil {
		return fault.JudgeError(err)
	}
	refused := fault.Outcome{Verdict: fault.Throttled, Cause: fault.StatusCause(resp.StatusCode)}
	switch class := c.class; {
	case class == nil && c.word.Refused:
		return refused
	case class == nil:
		return fault.Judge(resp)
	case (class.Throttled || class.Temporary) && c.word.Refused:
		return refused
	case class.Temporary:
		return fault.Of("temporary")
	}
	return fault.Outcome{Verdict: fault.Done}
}

// Words describes a failed attempt briefly.
func (c *Call) Words(resp *http.Response, err error) string {
	if err != nil {
		return fault.Words(err, c.Origin)
	}
	return fault.StatusText(resp.StatusCode)
}
