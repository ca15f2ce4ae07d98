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

// Call is a request with all its attempts. It belongs to one goroutine.
type Call struct {
	*trip.Facts
	Host *Host

	// Hold stops the clock of the request's deadline until the function that it returns is called:
	// to wait in the host's own lines is no failure.
	Hold    func() (resume func())
	Classes []hint.Class // the plugin's own, of replies
	Held    string       // what the request waits for; "" if for nothing

	sentBefore bool          // an attempt has gone already
	firstByte  time.Duration // from the last attempt's connection to the head of its reply
	shape      string        // of the request; see pace.ShapeOf
	word       pace.Word     // what the last attempt's reply says of limits
	class      *hint.Class   // which of Classes it is; nil: none
	probe      bool          // the attempt goes to find out whether the host is back
	probed     bool          // it did, in vain, for a host that is waited for
}

type callKey struct{}

// NewCall returns the call of a request that has its facts, and the context for its attempts.
func (s *Session) NewCall(ctx context.Context, facts *trip.Facts, p httppolicy.Policy) (*Call, context.Context) {
	c := &Call{Facts: facts, Host: s.Get(facts.Origin, p)}
	return c, context.WithValue(ctx, callKey{}, c)
}

func callOf(req *http.Request) *Call { return req.Context().Value(callKey{}).(*Call) }

// Begin begins another attempt.
func (c *Call) Begin() { c.probe, c.probed = false, false }

// ProbedInVain reports whether the latest attempt found out that a host that is waited for is still
// away.
func (c *Call) ProbedInVain() bool { return c.probed }

// Unsure reports whether the latest reply is a refusal only because a limit has nothing left.
func (c *Call) Unsure() bool { return c.word.Unsure }

// Judge judges the outcome of an attempt: by the plugin's classes first, then by what the reply
// says of limits.
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

// Words tells an attempt that failed in a few words.
func (c *Call) Words(resp *http.Response, err error) string {
	if err != nil {
		return fault.Words(err, c.Origin)
	}
	return fault.StatusText(resp.StatusCode)
}
