// Package hint holds what a plugin says about a request, in its context, and what the host says
// about a reply, in its headers. It is not API: a plugin uses the functions of package sdk.
package hint

import (
	"context"
	"net/http"
	"slices"
	"time"
)

// Headers that the host adds to a reply.
const (
	// GaveUp is on a reply that stayed bad after all retries of the host; see sdk.GaveUp.
	GaveUp = "Scrapekit-Gave-Up"
	// Login is on a 401; see sdk.Login.
	Login = "Scrapekit-Login"
	// Credential is on a 401 and a 403; see sdk.Credential.
	Credential = "Scrapekit-Credential"
)

// Missing is the heading of the counters that sdk.Missing adds to.
const Missing = "missing"

type splitKey struct{}

// WithSplit returns a context whose requests belong to the split with this id: splits take turns at
// a server that many of them use. The caller of a source's Read sets it.
func WithSplit(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, splitKey{}, id)
}

// Split returns the id of the split that a context belongs to, or "".
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

// Class says whether a retry can help after a reply, where the plugin knows better than the host.
type Class struct {
	Status    int    // 0 if Throttled: any status
	Text      string // found in the first 64 KiB of the body; "": any body
	Temporary bool   // retry; else the reply is final, unless it is Throttled

	Throttled bool // the server refuses too many requests; see reply.Refusal for what follows
	Header    string
	Seconds   string
	Pause     time.Duration
	Good      bool
}

type classesKey struct{}

// WithClasses adds classes to those of a context.
func WithClasses(ctx context.Context, more ...Class) context.Context {
	known, _ := ctx.Value(classesKey{}).([]Class)
	// a copy: the parent's slice must not change
	return context.WithValue(ctx, classesKey{}, append(slices.Clip(known), more...))
}

// Classes returns the classes of replies to req. The first that matches applies.
func Classes(req *http.Request) []Class {
	classes, _ := req.Context().Value(classesKey{}).([]Class)
	return classes
}
