package credential

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/scrapekit/scrapekit/core/internal/redact"
)

// Query is a parameter of the URL.
type Query struct{ Name, Value string }

func readQuery(r Reader) Value { return Query{r.Required("name"), headerValue(r, "value")} }

func (q Query) Places() []Place { return []Place{{InQuery, q.Name}} }

func (q Query) Put(req *http.Request, _ []byte) error {
	u := *req.URL
	pair := url.QueryEscape(q.Name) + "=" + url.QueryEscape(q.Value)
	u.RawQuery = strings.TrimPrefix(WithoutParameter(u.RawQuery, q.Name)+"&"+pair, "&")
	req.URL = &u
	return nil
}

func (q Query) Check() error {
	if q.Name == "" {
		return errors.New("a parameter of the URL needs a name")
	}
	return checkTexts(q.Value)
}

func (q Query) Hide(set *redact.Set) { set.Add(q.Value) }

func (q Query) Sent() string { return q.Value }

func (q Query) Map(f func(string) string) Value { return Query{q.Name, f(q.Value)} }

// WithoutParameter removes a parameter from a query and leaves the rest unchanged.
func WithoutParameter(query, name string) string {
	var kept []string
	for _, pair := range strings.Split(query, "&") {
		key, _, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(key); pair != "" && (err != nil || plain != name) {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}
