package credential

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/scrapekit/scrapekit/core/internal/redact"
)

// Header is the value of a header, such as X-Api-Key.
type Header struct{ Name, Value string }

func readHeader(r Reader) Value { return Header{headerName(r, "name"), headerValue(r, "value")} }

func (h Header) Places() []Place { return []Place{{InHeader, http.CanonicalHeaderKey(h.Name)}} }

func (h Header) Put(req *http.Request, _ []byte) error {
	req.Header.Set(h.Name, h.Value)
	return nil
}

func (h Header) Check() error {
	if !httpguts.ValidHeaderFieldName(h.Name) {
		return fmt.Errorf("%q cannot be the name of a header", h.Name)
	}
	return checkTexts(h.Value)
}

func (h Header) Hide(set *redact.Set) { set.Add(h.Value) }

func (h Header) Sent() string { return h.Value }

func (h Header) Map(f func(string) string) Value { return Header{h.Name, f(h.Value)} }

// headerName reads the name of a header or cookie.
func headerName(r Reader, name string) string {
	text := r.Required(name)
	if text != "" && !httpguts.ValidHeaderFieldName(text) {
		r.Report(name, Wrong, `for example "X-Api-Key"`, "%s is not the name of a header", name)
	}
	return text
}

// headerValue reads a secret for a header. A common error is a line break at the end of a token
// that was read from a file.
func headerValue(r Reader, name string) string {
	text := r.Secret(name)
	if !IsHeaderText(text) {
		r.Report(name, Wrong, "a line break at the end of a file is taken off by trimspace(file(…))",
			"%s holds a line break or another control character", name)
		return ""
	}
	return text
}

// IsHeaderText reports whether a text of the pipeline file is allowed in a header. Tabs are valid
// but never intended, so they are refused.
func IsHeaderText(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f })
}

// checkTexts returns an error if a text is not allowed in a header.
func checkTexts(texts ...string) error {
	for _, text := range texts {
		if !httpguts.ValidHeaderFieldValue(text) {
			return errors.New("the value cannot stand in a header; is there a line break at its end?")
		}
	}
	return nil
}
