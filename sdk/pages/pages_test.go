package pages_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/pages"
)

// pager is an API that lists the numbers from 0 to n-1, some a page, in one of the five ways.
type pager struct {
	n, size int
	kind    string
}

func (p pager) RoundTrip(req *http.Request) (*http.Response, error) {
	q := req.URL.Query()
	number := func(name string, first int) int {
		if n, err := strconv.Atoi(q.Get(name)); err == nil {
			return n
		}
		return first
	}
	from := map[string]int{
		"page": (number("page", 1) - 1) * p.size, "offset": number("offset", 0), "cursor": number("after", 0),
		"link": number("at", 0), "header": number("at", 0),
	}[p.kind]
	items := []int{}
	for i := from; i < min(from+p.size, p.n); i++ {
		items = append(items, i)
	}
	reply, header := map[string]any{"data": map[string]any{"items": items}, "next": nil,
		"meta": map[string]any{}}, http.Header{}
	if to := from + p.size; to < p.n {
		reply["next"] = fmt.Sprintf("?at=%d", to)
		reply["meta"] = map[string]any{"after": to}
		header.Set("Link", fmt.Sprintf(`</list?at=0>; title="a, b; rel=next"; rel="first", <http://api.test/list?at=%d>; rel="last Next"`, to))
	}
	if p.kind != "header" {
		header.Set("Link", "")
	}
	if p.kind != "link" {
		delete(reply, "next")
	}
	raw, err := json.Marshal(reply)
	return &http.Response{StatusCode: 200, Header: header, Request: req, Body: io.NopCloser(bytes.NewReader(raw))}, err
}

// collector keeps what a source emits, and fails after some cursors.
type collector struct {
	records, sure []string // since the last cursor; before it
	cursor        []byte
	left          int // cursors until it fails
}

var errCut = errors.New("cut")

func (c *collector) Batch(b sdk.Batch) error {
	for r := range b.Records() {
		c.records = append(c.records, string(r))
	}
	return nil
}

func (c *collector) Cursor(cursor []byte) error {
	c.sure, c.records, c.cursor = append(c.sure, c.records...), nil, cursor
	if c.left--; c.left == 0 {
		return errCut
	}
	return nil
}

func (c *collector) Split(sdk.Split) error   { return nil }
func (c *collector) Reject(sdk.Reject) error { return nil }

// TestRead: whatever way an API pages in, each record is read once, however often the reading
// is cut off and gone on with.
func TestRead(t *testing.T) {
	t.Parallel()
	for kind, next := range map[string]pages.Next{
		"page": pages.Number("page", 1), "offset": pages.Offset("offset"),
		"cursor": pages.Cursor("after", "meta.after"),
		"link":   pages.Link("next"), "header": pages.LinkHeader(),
	} {
		for _, n := range []int{0, 1, 3, 4, 10, 12} {
			for cut := 1; cut <= 5; cut++ {
				t.Run(fmt.Sprint(kind, "/", n, "/", cut), func(t *testing.T) {
					t.Parallel()
					ctx := sdk.Host{Transport: pager{n: n, size: 4, kind: kind}}.In(t.Context())
					var got []string
					s := sdk.Split{ID: "list", Stream: "list"}
					for range 20 {
						records, cursor, err := readTo(ctx, s, cut,
							pages.List{URL: "http://api.test/list?per=4", Records: "data.items", Next: next})
						got = append(got, records...)
						s.Cursor = cursor
						if err == nil {
							break
						}
						if !errors.Is(err, errCut) {
							t.Fatal(err)
						}
					}
					var want []string
					for i := range n {
						want = append(want, strconv.Itoa(i))
					}
					if !slices.Equal(got, want) {
						t.Errorf("read %v, want %v", got, want)
					}
					if records, _, err := readTo(ctx, s, 99,
						pages.List{URL: "http://api.test/list?per=4", Records: "data.items", Next: next}); n > 0 &&
						kind != "page" && kind != "offset" && (len(records) > 0 || err != nil) {
						t.Errorf("behind the last page: %v %v", records, err)
					}
				})
			}
		}
	}
}

// readTo reads until so many cursors were set, and returns what came before the last of them.
func readTo(ctx context.Context, s sdk.Split, cursors int, p pages.List) (records []string, cursor []byte, err error) {
	c := &collector{left: cursors, cursor: s.Cursor}
	w := sdk.NewWriter(c)
	err = pages.Read(ctx, s, w, p)
	return c.sure, c.cursor, err
}

// TestPagesThatAreNone: what is no page is an error with the server's words, and never the end of a
// list.
func TestPagesThatAreNone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body, records string
		next          pages.Next
		says          string
		permanent     bool
	}{
		"no list": {body: `{"message":"come later"}`, records: "items",
			says: `it has no list "items": {"message":"come later"}`},
		"null":      {body: `{"items":null}`, records: "items", says: `it has no list "items"`},
		"an object": {body: `{"items":{}}`, records: "items", says: `it has no list "items"`},
		"no array":  {body: `{"items":[]}`, records: "", says: "it is no list"},
		"deeper":    {body: `{"data":[1]}`, records: "data.items", says: `it has no list "data.items"`},
		"itself": {body: `{"items":[1],"next":"/list"}`, records: "items", next: pages.Link("next"),
			says: "names itself as the next page", permanent: true},
		"same cursor": {body: `{"items":[1],"at":"x"}`, records: "items", next: pages.Cursor("c", "at"),
			says: "names itself as the next page", permanent: true},
		"no link": {body: `{"items":[1],"next":{}}`, records: "items", next: pages.Link("next"),
			says: "next is neither a text nor a number"},
		"not a URL": {body: `{"items":[1],"next":"http://%zz"}`, records: "items", next: pages.Link("next"),
			says: "invalid URL escape", permanent: true},
		"an error":     {body: `{"error":"quota"}`, records: "items", says: `it has "error" and no data`},
		"a login page": {body: "<html>", records: "items", says: "a page, as of a login or a proxy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := sdk.Host{Transport: reply(c.body)}.In(t.Context())
			records, _, err := readTo(ctx, sdk.Split{ID: "list", Stream: "list"}, 99,
				pages.List{URL: "http://api.test/list", Records: c.records, Next: c.next})
			if err == nil || !strings.Contains(err.Error(), c.says) || sdk.IsPermanent(err) != c.permanent {
				t.Errorf("%v (permanent %v), want %q", err, sdk.IsPermanent(err), c.says)
			}
			if len(records) > 1 {
				t.Errorf("%d records", len(records))
			}
		})
	}
}

// TestEdge: of an API that gives what is at or after a value, each record is new once, also if
// several share the last value.
func TestEdge(t *testing.T) {
	t.Parallel()
	type record struct{ at, key string }
	all := []record{{"1", "a"}, {"2", "b"}, {"2", "c"}}
	var e pages.Edge
	read := func() (out []string) {
		var since pages.Edge
		raw, err := json.Marshal(e) // a cursor goes through JSON
		if err := errors.Join(err, json.Unmarshal(raw, &since)); err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			if r.at >= since.At && since.New(r.at, r.key) {
				out = append(out, r.key)
			}
		}
		e = since
		return out
	}
	for i, want := range []string{"abc", "", "de", "f", ""} {
		if got := strings.Join(read(), ""); got != want {
			t.Errorf("run %d: %s, want %s", i, got, want)
		}
		switch i {
		case 1:
			all = append(all, record{"2", "d"}, record{"3", "e"})
		case 2:
			all = append(all, record{"3", "f"})
		}
	}
}

// reply answers every request.
type reply string

func (r reply) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Request: req, Body: io.NopCloser(strings.NewReader(string(r)))},
		nil
}
