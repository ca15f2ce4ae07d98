package credential

import (
	"encoding/base64"
	"net/http"

	"github.com/scrapekit/scrapekit/core/internal/redact"
)

// Basic is a user and a password (RFC 7617).
type Basic struct{ User, Password string }

func readBasic(r Reader) Value {
	return Basic{User: r.Required("user"), Password: r.Secret("password")}
}

func (Basic) Places() []Place { return authorization }

func (b Basic) Put(req *http.Request, _ []byte) error {
	req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(b.User+":"+b.Password)))
	return nil
}

func (b Basic) Check() error { return checkTexts(b.User, b.Password) }

func (b Basic) Hide(set *redact.Set) { set.AddBasic(b.User, b.Password) }

func (b Basic) Sent() string { return b.Password }

func (b Basic) Map(f func(string) string) Value { return Basic{f(b.User), f(b.Password)} }
