// explained: what the decorators say of one request, for a person who asks.

package fetch

import (
	"context"
	"time"
)

// Step is something that was decided or done for a request.
type Step struct {
	At   time.Duration `json:"at_ns"` // since the request was made
	Part string        `json:"part"`  // which part of the host speaks: allow, cache, retry, auth, pace, wire, …
	Text string        `json:"text"`
}

type explainKey struct{}

// Explained returns a context whose requests tell each step to tell, as it is taken and by one goroutine at a time a request.
func Explained(ctx context.Context, tell func(Step)) context.Context {
	start := time.Now()
	return context.WithValue(ctx, explainKey{}, func(part, text string) {
		tell(Step{At: time.Since(start), Part: part, Text: text})
	})
}

// explain tells a step if somebody asked. Nothing is put into words otherwise: every request of a run comes by here.
func (ex *exchange) explain(part string, text func() string) {
	if ex.tell != nil {
		ex.tell(part, text())
	}
}

// listener returns who asked for the steps of a request, or nil.
func listener(ctx context.Context) func(part, text string) {
	tell, _ := ctx.Value(explainKey{}).(func(part, text string))
	return tell
}
