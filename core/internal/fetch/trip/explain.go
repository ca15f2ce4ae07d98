// What the decorators and net/http say of one request, for a person who asks.

package trip

import (
	"cmp"
	"context"
	"time"
)

// Step is something that was decided or done for a request.
type Step struct {
	At   time.Duration `json:"at_ns"`         // since the request was made
	Part string        `json:"part"`          // which part of the host speaks: allow, cache, retry, auth, pace, wire, …
	For  string        `json:"for,omitempty"` // what the host asks for on the way, in a request of its own: "access token", "robots.txt"
	Text string        `json:"text"`
}

type explainKey struct{}

// teller hears each step of a request.
type teller func(what, part, text string)

// Explained returns a context whose requests tell each step to tell, as it is taken and by one goroutine at a time a request.
func Explained(ctx context.Context, tell func(Step)) context.Context {
	start := time.Now()
	return context.WithValue(ctx, explainKey{}, teller(func(what, part, text string) {
		tell(Step{At: time.Since(start), Part: part, For: what, Text: text})
	}))
}

// Aside returns a context whose requests are the host's own, made for what on the way of another.
func Aside(ctx context.Context, what string) context.Context {
	tell := listener(ctx)
	if tell == nil {
		return ctx
	}
	return context.WithValue(ctx, explainKey{}, teller(func(inner, part, text string) {
		tell(cmp.Or(inner, what), part, text) // the innermost says what it is for
	}))
}

// Asked reports whether somebody listens.
func (f *Facts) Asked() bool { return f.tell != nil }

// Explain tells a step if somebody asked. Nothing is put into words otherwise: every request of a run comes by here.
func (f *Facts) Explain(part string, text func() string) {
	if f.tell != nil {
		f.tell("", part, text())
	}
}

// listener returns who asked for the steps of a request, or nil.
func listener(ctx context.Context) teller {
	tell, _ := ctx.Value(explainKey{}).(teller)
	return tell
}
