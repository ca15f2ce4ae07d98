// Replies: JSON as Jira writes it, errors in Jira's shapes.

package jiratest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"unicode/utf8"
)

// problem is an error that is a reply.
type problem struct {
	status int
	header map[string]string
	html   bool
	body   string
}

func (p *problem) Error() string { return fmt.Sprintf("%d %s", p.status, p.body) }

// messages makes a problem with errorMessages, Jira's most common error body.
func messages(status int, text ...string) *problem {
	return &problem{status: status, body: messageBody(text...)}
}

func messageBody(text ...string) string {
	var b bytes.Buffer
	b.WriteString(`{"errorMessages":[`)
	for i, t := range text {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quote(t))
	}
	b.WriteString(`],"errors":{}}`)
	return b.String()
}

const jsonType = "application/json;charset=UTF-8"

func writeMessages(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(status)
	fmt.Fprint(w, messageBody(text))
}

func writeHTML(w http.ResponseWriter, status int, title, text string) {
	w.Header().Set("Content-Type", "text/html;charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<!doctype html><html lang=\"en\"><head><title>HTTP Status %d – %s</title></head>"+
		"<body><h1>HTTP Status %d – %s</h1><p>%s</p></body></html>", status, title, status, title, text)
}

func (p *problem) write(w http.ResponseWriter) {
	for name, value := range p.header {
		w.Header().Set(name, value)
	}
	kind := jsonType
	if p.html {
		kind = "text/html;charset=UTF-8"
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(p.status)
	fmt.Fprint(w, p.body)
}

// writeBody sends a rendered reply, with the caller's address instead of the placeholders inside
// stored objects.
func (c *call) writeBody() {
	body := c.out.Bytes()
	if !c.placed && bytes.Contains(body, []byte(site)) {
		body = c.place(body)
	}
	c.w.Header().Set("Content-Type", jsonType)
	if c.who.refused {
		c.w.Header().Set("X-Seraph-LoginReason", "AUTHENTICATED_FAILED")
	}
	c.w.WriteHeader(http.StatusOK)
	c.w.Write(body) // fails only if the caller has gone
}

// sayWho sets the header that names the account.
func (c *call) sayWho() {
	switch {
	case !c.cloud():
		c.w.Header().Set("X-AUSERNAME", cmp.Or(c.who.name, "anonymous"))
	case c.who.name != "":
		c.w.Header().Set("X-AACCOUNTID", c.who.name)
	}
}

// base is the address of the server as the caller wrote it.
func (c *call) base() string {
	scheme := "http"
	if c.r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + c.r.Host + c.server.options.BasePath
}

// json renders a small value without HTML escapes.
func (c *call) json(v any) error {
	e := json.NewEncoder(c.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

const hex = "0123456789abcdef"

// plain reports whether nothing in s needs an escape.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == '"' || s[i] == '\\' {
			return false
		}
	}
	return utf8.ValidString(s)
}

// appendQuoted appends s as a JSON string. Bytes that are not UTF-8 become
// U+FFFD; control characters are escaped.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	if plain(s) {
		return append(append(b, s...), '"')
	}
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
