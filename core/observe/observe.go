// Package observe has the events of a run and those who listen to them. The pipeline and the HTTP
// client tell what happens; the live view, lines, the report and whatever else wants to know are
// listeners. An event is a value of its own type: a listener takes those that it knows and lets the
// others pass.
package observe

import "context"

// Event is something that happened.
type Event interface {
	// Kind names the event for people and programs: "split done".
	Kind() string
	// Hide returns the event without secrets: its errors and names may hold what a plugin or a
	// server said.
	Hide(m Mask) Event
}

// Mask takes secrets out of what is shown.
type Mask interface {
	String(s string) string
	Error(err error) error
}

// Listener is told of events as they happen, by whoever brings them about and by several goroutines
// at once. It must not take long: what tells it waits.
type Listener func(Event)

// Listeners are told one after another.
type Listeners []Listener

// Tell tells all of them.
func (l Listeners) Tell(e Event) {
	for _, listen := range l {
		listen(e)
	}
}

// Hidden tells a listener of events without their secrets.
func Hidden(m Mask, listen Listener) Listener {
	return func(e Event) { listen(e.Hide(m)) }
}

type contextKey struct{}

// Into returns a context whose requests tell their steps to a listener.
func Into(ctx context.Context, listen Listener) context.Context {
	return context.WithValue(ctx, contextKey{}, listen)
}

// Of returns the listener of a context, or nil.
func Of(ctx context.Context) Listener {
	listen, _ := ctx.Value(contextKey{}).(Listener)
	return listen
}
