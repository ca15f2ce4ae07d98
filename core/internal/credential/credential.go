// Package credential holds the schemes of credentials: what an auth block of the pipeline file
// says, and what that puts into a request. A scheme is one file: a type with the methods of
// [Value], and a function that reads its block, which stands in [Schemes].
package credential

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/redact"
)

// Credential is a value and the origins that it belongs to: it is never sent elsewhere, and without
// encryption only where an origin itself says http.
type Credential struct {
	Scheme  string // a key of Schemes
	Value   Value
	Origins []origin.Origin
	Pos     string // where it stands in the pipeline file: "jira.hcl:12"

	// Renew obtains the value again, after a 401 and when it is older than TTL (0: any age will
	// do). It is called by one goroutine at a time. nil: the value does not change.
	Renew func(ctx context.Context) (Value, error)
	TTL   time.Duration

	// Keep stores the refresh tokens of OAuth 2: some servers give another one with every use, and
	// void the one before. It calls use with the token that was kept ("": none), and keeps what use
	// returns before it returns itself. nil: they are known to this process only.
	Keep func(ctx context.Context, use func(kept string) (next string, err error)) error
}

// Value is what a scheme sends. It is not changed once it is in use.
type Value interface {
	// Places are where in a request it goes. Of two credentials for one origin, none may share a
	// place.
	Places() []Place
	// Put adds the value to req, which belongs to the caller; body is what req sends.
	Put(req *http.Request, body []byte) error
	// Check returns why the value cannot work.
	Check() error
	// Hide adds what is secret to set.
	Hide(set *redact.Set)
	// Sent is the secret text that stands in a request, which a server may repeat; "": none does.
	Sent() string
	// Map returns the value with f applied to every text that may hold a secret.
	Map(f func(text string) string) Value
}

// Place is a part of a request.
type Place struct {
	In   string // InHeader, InQuery or InCookie
	Name string // of a header in its canonical form
}

// Parts of a request.
const (
	InHeader = "header"
	InQuery  = "query"
	InCookie = "cookie"
)

// Reader is the auth block that a scheme reads. What is wrong is reported with its line; the texts
// are "" then. Attributes that no scheme asked for are reported as unknown.
type Reader interface {
	Has(name string) bool // whether the attribute is given
	Text(name string) string
	Required(name string) string // reported where it is missing or empty
	Secret(name string) string   // Required, and hidden in all that is printed
	Texts(name, example string) []string
	// Report tells of a fault in the value of an attribute; hint says what to write instead.
	Report(name string, severity Severity, hint, format string, args ...any)
}

// Severity says whether a file can be used in spite of a fault.
type Severity int

// The severities.
const (
	Wrong Severity = iota
	Unwise
)

// Schemes are the labels of auth blocks, each with what reads the block. The result is nil where
// the block has a fault that was reported.
var Schemes = map[string]func(Reader) Value{
	"basic": readBasic, "bearer": readBearer, "header": readHeader, "query": readQuery, "cookie": readCookie,
	"oauth2": readOAuth2, "aws_sigv4": readAWS,
}

// Title names the credential as it stands in the pipeline file.
func (c Credential) Title() string {
	if c.Pos == "" {
		return fmt.Sprintf("auth %q", c.Scheme)
	}
	return fmt.Sprintf("auth %q of %s", c.Scheme, c.Pos)
}

// Check returns why the credential cannot work.
func (c Credential) Check() error {
	if c.Value == nil {
		return fmt.Errorf("credentials of scheme %q: there is no value", c.Scheme)
	}
	if err := c.Value.Check(); err != nil {
		return fmt.Errorf("credentials: %w", err)
	}
	if len(c.Origins) == 0 {
		return errors.New("credentials: they belong to no host; name the origins that they are for")
	}
	return nil
}

// Same reports whether two values are the same.
func Same(a, b Value) bool { return reflect.DeepEqual(a, b) }

// Clash reports whether two credentials take the same place in requests to one origin.
func (c Credential) Clash(other Credential) bool {
	return overlap(c.Value.Places(), other.Value.Places(), func(a, b Place) bool { return a == b }) &&
		overlap(c.Origins, other.Origins, func(a, b origin.Origin) bool { return a.Covers(b) || b.Covers(a) })
}

func overlap[T any](as, bs []T, same func(a, b T) bool) bool {
	for _, a := range as {
		for _, b := range bs {
			if same(a, b) {
				return true
			}
		}
	}
	return false
}

// authorization is the place of most credentials.
var authorization = []Place{{InHeader, "Authorization"}}
