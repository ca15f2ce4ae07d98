// Credentials: who is asking.

package jiratest

import (
	"net/http"
	"strings"
)

// caller is the account of a request; the empty name is the anonymous caller.
type caller struct {
	name    string
	sees    bool // may see the projects
	refused bool // sent unknown credentials
}

// authenticate sets the caller, or returns the 401 of the product.
func (c *call) authenticate() error {
	auth := c.server.options.Auth
	header := c.r.Header.Get("Authorization")
	if header == "" {
		c.who = caller{sees: !auth.NoAnonymous}
		return nil
	}
	if name, ok := auth.check(c.r, header); ok {
		c.who = caller{name: name, sees: true}
		return nil
	}
	if auth.SilentFailure {
		c.who = caller{sees: !auth.NoAnonymous, refused: true}
		return nil
	}
	return c.unauthorized(strings.HasPrefix(header, "Basic "))
}

func (a Auth) check(r *http.Request, header string) (string, bool) {
	if name, password, ok := r.BasicAuth(); ok {
		want, known := a.Basic[name]
		return name, known && want == password
	}
	token, ok := strings.CutPrefix(header, "Bearer ")
	name, known := a.Bearer[token]
	return name, ok && known
}

// unauthorized is the product's 401. Data Center answers a wrong password with an HTML page and
// states the reason in a header.
func (c *call) unauthorized(basic bool) error {
	const text = "Client must be authenticated to access this resource."
	if c.server.options.Flavour == Cloud {
		return &problem{status: http.StatusUnauthorized, body: `{"message":"` + text + `","status-code":401}`,
			header: map[string]string{"WWW-Authenticate": `OAuth realm="` + c.base() + `"`}}
	}
	if !basic {
		return &problem{status: http.StatusUnauthorized, body: `{"message":"` + text + `","status-code":401}`,
			header: map[string]string{"WWW-Authenticate": "OAuth realm=\"" + c.base() + "\"",
				"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}}
	}
	return &problem{status: http.StatusUnauthorized, html: true,
		header: map[string]string{"WWW-Authenticate": "OAuth realm=\"" + c.base() + "\"",
			"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"},
		body: "<html><head><title>Unauthorized (401)</title></head><body><h1>Unauthorized (401)</h1>" +
			"<p>Basic Authentication Failure - Reason : AUTHENTICATED_FAILED</p></body></html>"}
}

// member admits only callers who are logged in.
func member(answer func(*call) error) func(*call) error {
	return func(c *call) error {
		if c.who.name == "" {
			return c.unauthorized(false)
		}
		return answer(c)
	}
}

// admin admits only administrators.
func admin(answer func(*call) error) func(*call) error {
	return member(func(c *call) error {
		if c.server.options.Auth.NoAdmin {
			return messages(http.StatusForbidden, "Only administrators may do this.")
		}
		return answer(c)
	})
}
