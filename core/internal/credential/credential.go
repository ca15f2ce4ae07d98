// Package credential has the schemes of credentials: what an auth block of the pipeline file says,
// and what that adds to a request. A scheme is one file with a type that implements [Value] and a
// function in [Schemes] that reads its block.
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

// Credential is a value with its origins. It is sent to no other origin, and unencrypted only to an
// origin that is http.
type Credential struct {
	Scheme  string // a key of Schemes
	Value   Value
	Origins []origin.Origin
	Pos     string // place in the pipeline file: "jira.hcl:12"

	// Renew obtains a new value, after a 401 and when the value is older than TTL (0: no limit).
	// One goroutine calls it at a time. nil: the value does not change.
	Renew func(ctx context.Context) (Value, error)
	TTL   time.Duration

	// Keep stores refresh tokens of OAuth 2, because some servers replace the token with each use.
	// It calls use with the stored token ("": none), and stores what use returns before it returns.
	// nil: tokens are kept in memory only.
	Keep func(ctx context.Context, use func(kept string) (next string, err error)) error
}

// Value is what a scheme sends. It is immutable once in use.
type Value interface {
	// Places are the parts of a request that it sets. Two credentials for one origin must not share
	// a place.
	Places() []Place
	// Put adds the value to req, which belongs to the caller. body is the body of req.
	Put(req *http.Request, body []byte) error
	// Check returns why the value is invalid.
	Check() error
	// Hide adds the secrets to set.
	Hide(set *redact.Set)
	// Sent is the secret text in a request, which a server may echo; "": none.
	Sent() string
	// Map returns the value with f applied to every text that may contain a secret.
	Map(f func(text string) string) Value
}

// Expiring is a value that knows when it expires.
type Expiring interface {
	Value
	Expires() time.Time // zero: it does not, or that is not known
}

// Place is a part of a request.
type Place struct {
	In   string // InHeader, InQuery or InCookie
	Name string // canonical, if a header
}

// Parts of a request.
const (
	InHeader = "header"
	InQuery  = "query"
	InCookie = "cookie"
)

// Reader reads an auth block for a scheme. It reports errors with their lines and then returns "".
// Attributes that the scheme does not read are reported as unknown.
type Reader interface {
	Has(name string) bool // whether the attribute is set
	Text(name string) string
	Required(name string) string // reported if missing or empty
	Secret(name string) string   // like Required, and hidden in all output
	Texts(name, example string) []string
	// Report reports an error in the value of an attribute; hint says what to write instead.
	Report(name string, severity Severity, hint, format string, args ...any)
}

// Severity says whether a file with the error can be used.
type Severity int

// The severities.
const (
	Wrong Severity = iota
	Unwise
)

// Title names the credential as in the pipeline file.
func (c Credential) Title() string {
	if c.Pos == "" {
		return fmt.Sprintf("auth %q", c.Scheme)
	}
	return fmt.Sprintf("auth %q of %s", c.Scheme, c.Pos)
}

// Check returns why the credential is invalid.
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

// Same reports whether two values are equal.
func Same(a, b Value) bool { return reflect.DeepEqual(a, b) }

// Clash reports whether two credentials share a place in requests to one origin.
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
