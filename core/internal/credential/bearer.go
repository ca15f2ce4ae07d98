package credential

import (
	"net/http"

	"github.com/scrapekit/scrapekit/core/internal/redact"
)

// Bearer is a token (RFC 6750).
type Bearer struct{ Token string }

func readBearer(r Reader) Value { return Bearer{headerValue(r, "token")} }

func (Bearer) Places() []Place { return authorization }

func (b Bearer) Put(req *http.Request, _ []byte) error {
	req.Header.Set("Authorization", "Bearer "+b.Token)
	return nil
}

func (b Bearer) Check() error { return checkTexts(b.Token) }

func (b Bearer) Hide(set *redact.Set) { set.Add(b.Token) }

func (b Bearer) Sent() string { return b.Token }

func (b Bearer) Map(f func(string) string) Value { return Bearer{f(b.Token)} }
