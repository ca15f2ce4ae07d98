// Explanations of a request by the decorators and net/http.

package trip

import (
	"context"

	"github.com/scrapekit/scrapekit/core/observe"
)

// Aside returns a context for the host's own requests, made for the purpose what during another
// request.
func Aside(ctx context.Context, what string) context.Context {
	listen := observe.Of(ctx)
	if listen == nil {
		return ctx
	}
	return observe.Into(ctx, func(e observe.Event) {
		if s, ok := e.(observe.Step); ok && s.For == "" { // the innermost purpose counts
			s.For = what
			e = s
		}
		listen(e)
	})
}

// Asked reports whether the request has a listener.
func (f *Facts) Asked() bool { return f.listen != nil }

// Explain sends a step to the listener, if there is one. text is called only then, because every
// request comes through here.
func (f *Facts) Explain(part string, text func() string) {
	if f.listen != nil {
		f.listen(observe.Step{Part: part, Text: text()})
	}
}
