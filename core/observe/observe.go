// Package observe has the events of a run and their listeners. The pipeline and the HTTP client
// send events; the live view, the plain lines and the report are listeners. Each kind of event is a
// type. A listener handles the types that it knows and ignores the others.
//
// Sums of events, such as the requests to a host, are made by listeners inside the run: a view reads
// them at its own rate from core.Run.Status. Records are counted with the commits, because a
// rollback takes them back, and events cannot be taken back.
package observe

import "context"

// Event is something that happened in a run.
type Event interface {
	// Kind is the name of the event for people and programs: "split done".
	Kind() string
	// Hide returns the event without secrets, which its errors and names may contain.
	Hide(m Mask) Event
}

// Mask removes secrets from what is shown.
type Mask interface {
	String(s string) string
	Error(err error) error
}

// Listener receives events as they happen. Several goroutines may call it at the same time, and
// each waits for it to return, so it must be quick.
type Listener func(Event)

// Listeners are called one after another.
type Listeners []Listener

// Tell sends an event to all of them.
func (l Listeners) Tell(e Event) {
	for _, listen := range l {
		listen(e)
	}
}

// Hidden returns a listener that removes secrets before it calls listen.
func Hidden(m Mask, listen Listener) Listener {
	return func(e Event) { listen(e.Hide(m)) }
}

type contextKey struct{}

// Into returns a context whose requests send their steps to a listener.
func Into(ctx context.Context, listen Listener) context.Context {
	return context.WithValue(ctx, contextKey{}, listen)
}

// Of returns the listener of a context, or nil.
func Of(ctx context.Context) Listener {
	listen, _ := ctx.Value(contextKey{}).(Listener)
	return listen
}
