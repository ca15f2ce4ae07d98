// Package hint holds what a plugin says of a request in its context, for whoever makes the request,
// and what the host says of a reply in its headers. It is not API: a plugin says it by the
// functions of package sdk.
package hint

import (
	"context"
	"net/http"
	"slices"
	"time"
)

// Headers that the host adds to a reply.
const (
	// GaveUp is on a reply which the host has tried to get better, in vain; see sdk.GaveUp.
	GaveUp = "Scrapekit-Gave-Up"
	// Login is on a 401; see sdk.Login.
	Login = "Scrapekit-Login"
	// Credential is on a 401 and a 403; see sdk.Credential.
	Credential = "Scrapekit-Credential"
)

// Missing is the heading of the counters that sdk.Missing adds to.
const Missing = "missing"

type splitKey struct{}

// WithSplit returns a context whose requests are made for the split with this id: splits take turns
// at a host that many of them ask. Who calls a source's Read has put it into its context.
func WithSplit(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, splitKey{}, id)
}

// Split returns the id of the split that a context's work is done for, or "".
func Split(ctx context.Context) string {
	id, _ := ctx.Value(splitKey{}).(string)
	return id
}

type idempotentKey struct{}

// WithIdempotent is sdk.Idempotent.
func WithIdempotent(ctx context.Context) context.Context {
	return context.WithValue(ctx, idempotentKey{}, true)
}

// Idempotent reports whether the host may send req again after a failure.
func Idempotent(req *http.Request) bool {
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete:
		return true
	}
	marked, _ := req.Context().Value(idempotentKey{}).(bool)
	return marked
}

// Class says of a reply whether asking again can help, where the plugin knows better than the host.
type Class struct {
	Status    int    // 0 if Throttled: whatever the status
	Text      string // in the first 64 KiB of the body; "": whatever the body says
	Temporary bool   // ask again; else the reply is final, unless it is Throttled

	Throttled bool // it refuses for asking too often; see reply.Refusal for what follows
	Header    string
	Seconds   string
	Pause     time.Duration
	Good      bool
}

type classesKey struct{}

// WithClasses adds classes to those of a context.
func WithClasses(ctx context.Context, more ...Class) context.Context {
	known, _ := ctx.Value(classesKey{}).([]Class)
	// the parent's is not ours to add to
	return context.WithValue(ctx, classesKey{}, append(slices.Clip(known), more...))
}

// Classes returns what is known of replies to req. The first that fits holds.
func Classes(req *http.Request) []Class {
	classes, _ := req.Context().Value(classesKey{}).([]Class)
	return classes
}
