// Package pages reads the lists of an API that come page by page, in one of five ways.
package pages

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/reply"
)

// List describes a paged list of an API. See [Read].
type List struct {
	// URL is that of the first page.
	URL string
	// Records is where the records are in a reply: names of members with dots between them, such as
	// "data.items"; "" if the reply itself is the list.
	Records string
	// Next finds the next page. nil: there is one page.
	Next Next
	// Request makes the request for a page; nil: a GET.
	Request func(ctx context.Context, url string) (*http.Request, error)
}

// A Page is a reply that [Next] looks at.
type Page struct {
	URL     string
	Header  http.Header
	Body    json.RawMessage
	Records int // in it
}

// Next returns the URL of the page after one, which may be relative to it, or "" if there is none.
type Next func(Page) (string, error)

// Read reads a split page by page from its cursor on, and emits the records. After each page
// it emits a cursor: the URL of the next page. A reply without the list is a temporary error with
// the message of the server, and never an empty page. A page that names itself as the next is a
// permanent error.
//
//	func (f forum) Read(ctx context.Context, s sdk.Split, w *sdk.Writer) error {
//		return pages.Read(ctx, s, w, pages.List{
//			URL: f.URL + "/" + s.Stream + "?per_page=100", Records: "items", Next: pages.Number("page", 1),
//		})
//	}
func Read(ctx context.Context, s sdk.Split, w *sdk.Writer, p List) error {
	at, err := sdk.CursorOf(s, p.URL)
	for err == nil && at != "" { // a cursor "" is behind the last page
		at, err = p.read(ctx, s.Stream, at, w)
	}
	return err
}

// read emits the page at a URL and returns that of the next.
func (p List) read(ctx context.Context, stream, at string, w *sdk.Writer) (string, error) {
	page, records, err := p.get(ctx, at)
	if err != nil {
		return "", err
	}
	next := ""
	if p.Next != nil {
		if next, err = p.Next(page); err != nil {
			return "", fmt.Errorf("the page after %s: %w", at, err)
		}
	}
	if next != "" {
		if next, err = resolve(at, next); err != nil {
			return "", sdk.Permanent(fmt.Errorf("the page after %s: %w", at, err))
		}
		if next == at {
			return "", sdk.Permanent(fmt.Errorf("%s names itself as the next page", at))
		}
	}
	return next, w.EmitPage(stream, records, next)
}

func (p List) get(ctx context.Context, at string) (Page, []json.RawMessage, error) {
	request := p.Request
	if request == nil {
		request = get
	}
	req, err := request(ctx, at)
	if err != nil {
		return Page{}, nil, sdk.Permanent(err)
	}
	page := Page{URL: at}
	if page.Header, err = sdk.DoJSON(ctx, req, &page.Body); err != nil {
		return Page{}, nil, err
	}
	var records []json.RawMessage
	raw, ok := memberOf(page.Body, p.Records)
	if err := json.Unmarshal(raw, &records); !ok || err != nil || records == nil {
		where := "it is no list"
		if p.Records != "" {
			where = fmt.Sprintf("it has no list %q", p.Records)
		}
		return Page{}, nil, fmt.Errorf("%s %s: the reply is not what was asked for: %s: %s",
			req.Method, req.URL.Redacted(), where, reply.Beginning(page.Body))
	}
	page.Records = len(records)
	return page, records, nil
}

// get is a GET that asks for JSON.
func get(ctx context.Context, url string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	return req, nil
}

// memberOf returns the member of a JSON value at a path of names with dots between them; false if
// there is none. "" is the value.
func memberOf(raw json.RawMessage, path string) (json.RawMessage, bool) {
	for path != "" {
		name, rest, _ := strings.Cut(path, ".")
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &members) != nil {
			return nil, false
		}
		var ok bool
		if raw, ok = members[name]; !ok {
			return nil, false
		}
		path = rest
	}
	return raw, true
}

// scalarAt returns the text of a string or number at a path of a page; "" if it is missing, null,
// false or empty.
func scalarAt(p Page, path string) (string, error) {
	raw, ok := memberOf(p.Body, path)
	raw = bytes.TrimSpace(raw)
	switch {
	case !ok, string(raw) == "null", string(raw) == "false":
		return "", nil
	case raw[0] == '"':
		var text string
		err := json.Unmarshal(raw, &text)
		return text, err
	case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
		return string(raw), nil
	}
	return "", fmt.Errorf("%s is neither a text nor a number: %.100s", path, raw)
}

// resolve returns the URL of a link that stands on a page.
func resolve(page, link string) (string, error) {
	base, err := url.Parse(page)
	if err != nil {
		return "", err
	}
	to, err := base.Parse(link)
	if err != nil {
		return "", err
	}
	return to.String(), nil
}

// with returns a URL with a parameter of its query set, the others as they are.
func with(at, name, value string) (string, error) {
	u, err := url.Parse(at)
	if err != nil {
		return "", err
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// Link finds the next page by a URL in the reply, at a path like [List].Records. There is no
// next page if the member is missing, null or "".
func Link(path string) Next {
	return func(p Page) (string, error) { return scalarAt(p, path) }
}

// LinkHeader finds the next page by the header Link with rel="next" (RFC 8288).
func LinkHeader() Next {
	return func(p Page) (string, error) {
		for _, link := range links(strings.Join(p.Header.Values("Link"), ",")) {
			for rel := range strings.FieldsSeq(link.rel) {
				if strings.EqualFold(rel, "next") {
					return link.url, nil
				}
			}
		}
		return "", nil
	}
}

type link struct{ url, rel string }

// links reads a header Link. A comma or a semicolon may stand inside <> and inside quotes.
func links(header string) (out []link) {
	for rest := header; ; {
		_, after, ok := strings.Cut(rest, "<")
		if !ok {
			return out
		}
		target, after, ok := strings.Cut(after, ">")
		if !ok {
			return out
		}
		end := outside(after, ',')
		l := link{url: strings.TrimSpace(target)}
		for params := after[:end]; params != ""; {
			at := outside(params, ';')
			name, value, _ := strings.Cut(params[:at], "=")
			if strings.EqualFold(strings.TrimSpace(name), "rel") && l.rel == "" {
				l.rel = strings.Trim(strings.TrimSpace(value), `"`)
			}
			params = strings.TrimPrefix(params[at:], ";")
		}
		out, rest = append(out, l), after[end:]
	}
}

// outside returns where the first c that is not inside quotes stands in s, or its length.
func outside(s string, c byte) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == c && !quoted:
			return i
		}
	}
	return len(s)
}

// Number counts pages in a parameter of the query; first is the number of the first page. The
// list ends with an empty page.
func Number(param string, first int) Next {
	return counted(param, first, func(Page) int { return 1 })
}

// Offset counts records in a parameter of the query, from 0. The list ends with an empty page.
func Offset(param string) Next { return counted(param, 0, func(p Page) int { return p.Records }) }

func counted(param string, first int, step func(Page) int) Next {
	return func(p Page) (string, error) {
		if p.Records == 0 {
			return "", nil
		}
		u, err := url.Parse(p.URL)
		if err != nil {
			return "", err
		}
		now := first
		if text := u.Query().Get(param); text != "" {
			if now, err = strconv.Atoi(text); err != nil {
				return "", fmt.Errorf("%s of the page's own URL: %w", param, err)
			}
		}
		return with(p.URL, param, strconv.Itoa(now+step(p)))
	}
}

// Cursor takes a text or number in the reply, at a path like [List].Records, as a query
// parameter for the next page. There is no next page if the member is missing, null, false or "".
func Cursor(param, path string) Next {
	return func(p Page) (string, error) {
		cursor, err := scalarAt(p, path)
		if err != nil || cursor == "" {
			return "", err
		}
		return with(p.URL, param, cursor)
	}
}

// An Edge removes the duplicates of an API that returns records at or after a time or a number, in
// that order, where records can share a value: each run gets the last records of the run before
// again, and New tells which are new. It is a cursor, or a part of one: encode it as JSON.
type Edge struct {
	At   string   `json:"at"`   // the latest value
	Keys []string `json:"keys"` // of the records that have it
}

// New reports whether a record is new, and remembers it. at is compared as text: use times of one
// form and length, in UTC. A record before the edge is new: the API returned it late.
func (e *Edge) New(at, key string) bool {
	switch {
	case at < e.At:
		return true
	case at > e.At:
		e.At, e.Keys = at, nil
	}
	for _, known := range e.Keys {
		if known == key {
			return false
		}
	}
	e.Keys = append(e.Keys, key)
	return true
}
