// explained: what the decorators say of one request, for a person who asks.

package fetch

import (
	"context"
	"fmt"
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

// explain tells a step if somebody asked.
func explainf(ctx context.Context, part, format string, args ...any) {
	if tell, ok := ctx.Value(explainKey{}).(func(part, text string)); ok {
		tell(part, fmt.Sprintf(format, args...))
	}
}
