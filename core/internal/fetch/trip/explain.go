// What the decorators and net/http say of one request, for a person who asks.

package trip

import (
	"context"

	"github.com/scrapekit/scrapekit/core/observe"
)

// Aside returns a context whose requests are the host's own, made for what on the way of another.
func Aside(ctx context.Context, what string) context.Context {
	listen := observe.Of(ctx)
	if listen == nil {
		return ctx
	}
	return observe.Into(ctx, func(e observe.Event) {
		if s, ok := e.(observe.Step); ok && s.For == "" { // the innermost says what it is for
			s.For = what
			e = s
		}
		listen(e)
	})
}

// Asked reports whether somebody listens.
func (f *Facts) Asked() bool { return f.listen != nil }

// Explain tells a step if somebody listens. Nothing is put into words otherwise: every request of a
// run comes by here.
func (f *Facts) Explain(part string, text func() string) {
	if f.listen != nil {
		f.listen(observe.Step{Part: part, Text: text()})
	}
}
