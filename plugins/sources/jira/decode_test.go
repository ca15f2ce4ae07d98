// Decoding foreign bytes: no panic, nothing out of place.

package jira

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/record"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
)

func TestCursorRoundTrip(t *testing.T) {
	t.Parallel()
	c := cursor{Anchor: 60_000, Seen: []mark{{"7", 60_001, 0}, {"8", 60_002, 9}}, Recent: []mark{{"9", 0, 0}}}
	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeCursor(raw)
	if err != nil || got.Anchor != c.Anchor || !slices.Equal(got.Seen, c.Seen) || !slices.Equal(got.Recent, c.Recent) {
		t.Errorf("%+v, %v from %s", got, err, raw)
	}
	if _, err := decodeCursor([]byte(`{"seen":[["a"`)); err == nil {
		t.Error("half a cursor passed")
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	want := time.Date(2025, 8, 16, 14, 52, 11, 123e6, time.UTC).UnixMilli()
	for _, s := range []string{"2025-08-16T14:52:11.123+0000", "2025-08-16T22:52:11.123+0800",
		"2025-08-16T14:52:11.123Z", "2025-08-16T09:52:11.123-05:00"} {
		if got, ok := rest.ParseTime(s); !ok || got != want {
			t.Errorf("%s: %d, %v", s, got, ok)
		}
	}
	for _, s := range []string{"", "2025-08-16", "yesterday"} {
		if _, ok := rest.ParseTime(s); ok {
			t.Errorf("%q passed", s)
		}
	}
}

func TestQuoteKeepsJQLInItsPlace(t *testing.T) {
	t.Parallel()
	if got := inProjects([]string{`A" OR project = "B\`}); got != `project = "A\" OR project = \"B\\"` {
		t.Error(got)
	}
}

// Whatever an issue looks like, its lists can be replaced and the result is JSON that holds them.
func FuzzReplace(f *testing.F) {
	for _, seed := range []string{
		`{"id":"1","key":"A-1","fields":{"comment":{"comments":[{"id":"1"}],"total":2}}}`,
		`{"id":"1","key":"A-1","fields":{"comment" : null , "x":1}}`,
		`{"id":"1","key":"A-1","fields":{ }}`,
		`{"id":"1","key":"A-1","fields":[]}`,
		`{"id":"1","key":"A-1","fields":{"comment":7}}`,
		`{"id":"1","key":"A-1","fields":{"comment":{"comments":{}}}}`,
		"{\"id\":\"1\",\"key\":\"A-1\",\"fields\":{\"comment\":\n{\"comments\":\t[ ] }}}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return
		}
		i, err := parseIssue(slices.Clone(raw))
		if err != nil {
			return
		}
		if err := i.replace("comment", "comments", i.comments,
			[]element{{raw: []byte(`{"id":"5"}`)}, {raw: []byte(`{"id":"6"}`)}}); err != nil {
			t.Fatalf("%v in %s", err, raw)
		}
		record := (&record.Maker{Raw: true}).Issue(&record.Issue{Head: i.headAt(rest.Site{}), JSON: i.raw,
			Fields: i.fieldsRaw(), Histories: i.histories.of(i.raw)}, false)
		if !json.Valid(record) {
			t.Fatalf("record is no JSON: %s", record)
		}
		if bytes.Count(i.raw, []byte(`{"id":"5"},{"id":"6"}`)) == 0 &&
			bytes.HasPrefix(i.fields.of(i.raw), []byte("{")) {
			t.Fatalf("the list is missing: %s", i.raw)
		}
	})
}

func FuzzReadPage(f *testing.F) {
	f.Add([]byte(`{"startAt":0,"total":1,"issues":[{"id":"1"}],"nextPageToken":"x"}`))
	f.Add([]byte(`{"issues":{"a":1},"total":"many","nextPageToken":5}`))
	f.Add([]byte(`<html>`))
	f.Add([]byte("{\"issues\":[{\"id\":\"a\x01\\\"]\"}, {\"id\":nothing} ,[}],{}],\"total\":3}"))
	f.Add([]byte(`{"issues":[1,,2,{"a":"b"}{"c":[]} ],"isLast":true}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		n := 0
		p, err := readPage(&http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(body))},
			func(raw []byte, bad error) error {
				n++
				if bad == nil && !json.Valid(raw) {
					t.Errorf("passed for JSON: %s", raw)
				}
				if i, _ := identify(raw, bad); i.id == "" {
					t.Errorf("no id for %s", raw)
				}
				return nil
			})
		if err == nil && p.count != n {
			t.Errorf("%d issues, counted %d", n, p.count)
		}
	})
}
