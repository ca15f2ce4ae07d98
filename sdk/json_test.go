package sdk_test

import (
	"context"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
)

// replies answers every request alike.
type replies struct {
	status int
	header http.Header
	body   string
}

func (r replies) RoundTrip(req *http.Request) (*http.Response, error) {
	header := r.header
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: r.status, Header: header, Request: req,
		Body: io.NopCloser(strings.NewReader(r.body))}, nil
}

func TestGetJSONClassifies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reply     replies
		says      string
		permanent bool
		after     time.Duration
	}{
		"good": {reply: replies{status: 200, body: `{"n":7}`}},
		"not found": {reply: replies{status: 404, body: "no such\n page"},
			says: "GET http://api.test/a: 404 Not Found: no such page", permanent: true},
		"refused": {reply: replies{status: 401, header: http.Header{hint.Login: {"check auth"}}},
			says: "401 Unauthorized: check auth", permanent: true},
		"slow down": {reply: replies{status: 429, header: http.Header{"Retry-After": {"7"}}}, says: "429",
			after: 7 * time.Second},
		"for ever": {reply: replies{status: 429, header: http.Header{"Retry-After": {"99999999999999999999"}}},
			says: "429", after: math.MaxInt64},
		"many digits": {reply: replies{status: 503, header: http.Header{"Retry-After": {"9223372037"}}}, says: "503",
			after: math.MaxInt64},
		"until a date": {reply: replies{status: 503, header: http.Header{
			"Retry-After": {"Mon, 30 Nov 2026 12:00:30 GMT"}, "Date": {"Mon, 30 Nov 2026 12:00:00 GMT"},
		}}, says: "503", after: 30 * time.Second},
		"a word":      {reply: replies{status: 503, header: http.Header{"Retry-After": {"soon"}}}, says: "503"},
		"less than 0": {reply: replies{status: 503, header: http.Header{"Retry-After": {"-5"}}}, says: "503"},
		"trouble": {reply: replies{status: 502, header: http.Header{hint.GaveUp: {"gave up after 6 attempts"}}},
			says: "gave up after 6 attempts"},
		"half":          {reply: replies{status: 200, body: `{"n":`}, says: "not the JSON that was expected"},
		"another shape": {reply: replies{status: 200, body: `[7]`}, says: "not the JSON that was expected"},
		"two values":    {reply: replies{status: 200, body: `{"n":7}{"n":8}`}, says: "not the JSON that was expected"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got struct {
				N int `json:"n"`
			}
			err := sdk.GetJSON(sdk.Host{Transport: c.reply}.In(t.Context()), "http://api.test/a", &got)
			if c.says == "" {
				if err != nil || got.N != 7 {
					t.Errorf("%v, %v", got, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.says) || sdk.IsPermanent(err) != c.permanent ||
				sdk.RetryDelay(err) != c.after {
				t.Errorf("%v (permanent %v, after %v); want %q, %v, %v", err, sdk.IsPermanent(err), sdk.RetryDelay(err),
					c.says, c.permanent, c.after)
			}
		})
	}
}

func TestCursorOf(t *testing.T) {
	t.Parallel()
	if at, err := sdk.CursorOf(sdk.Split{}, 1); at != 1 || err != nil {
		t.Errorf("at the beginning: %v, %v", at, err)
	}
	if at, err := sdk.CursorOf(sdk.Split{Cursor: []byte("7")}, 1); at != 7 || err != nil {
		t.Errorf("cursor 7: %v, %v", at, err)
	}
	if _, err := sdk.CursorOf(sdk.Split{Cursor: []byte(`"x"`)}, 1); !sdk.IsPermanent(err) {
		t.Errorf("a cursor of another kind: %v, want a permanent error", err)
	}
}

func TestEmitPage(t *testing.T) {
	t.Parallel()
	var o tape
	w := sdk.NewWriter(&o)
	must(t, w.EmitPage("a", []json.RawMessage{[]byte(`{"id":1}`), []byte(`{"id":`), []byte("{\n\"id\":2}")}, 2))
	if got := strings.Join(o.events, ", "); got != "reject not valid JSON, upsert a ×2, cursor 2" {
		t.Error(got)
	}
}

// own is a source that is its own settings.
type own struct {
	N int `json:"n" default:"3"`
}

func (o own) Streams(context.Context) ([]sdk.Stream, error) {
	return []sdk.Stream{{Name: strings.Repeat("s", o.N)}}, nil
}
func (own) Plan(_ context.Context, p sdk.Plan) ([]sdk.Split, error)   { return p.Splits(), nil }
func (own) Read(context.Context, sdk.Split, *sdk.Writer) error        { return nil }
func (own) Transform(context.Context, sdk.Batch) ([]sdk.Batch, error) { return nil, nil }

func TestSourceOf(t *testing.T) {
	t.Parallel()
	p := sdk.SourceOf[own](sdk.Info{Name: "own"})
	v, err := p.New(t.Context(), nil)
	must(t, err)
	streams, err := v.(sdk.Source).Streams(t.Context())
	if err != nil || streams[0].Name != "sss" || p.Kind != sdk.KindSource {
		t.Errorf("%v, %v, kind %s", streams, err, p.Kind)
	}
	splits, err := v.(sdk.Source).Plan(t.Context(), sdk.Plan{Streams: []string{"a", "b"}})
	if err != nil || len(splits) != 2 || splits[1].ID != "b" || splits[1].Stream != "b" {
		t.Errorf("%v, %v", splits, err)
	}
	if x := sdk.TransformOf[own](sdk.Info{Name: "own"}); x.Kind != sdk.KindTransform {
		t.Error(x.Kind)
	}
}

func TestSplitsSince(t *testing.T) {
	t.Parallel()
	p := sdk.Plan{Streams: []string{"posts", "users", "tags"},
		Previous: []sdk.Split{{ID: "posts", Cursor: []byte("7")}, {ID: "tags"}, {ID: "old", Cursor: []byte("9")}}}
	splits := p.SplitsSince()
	if len(splits) != 3 {
		t.Fatalf("%+v", splits)
	}
	for i, want := range []int{7, 1, 1} {
		if at, err := sdk.StartOf(splits[i], 1); at != want || err != nil || splits[i].ID != p.Streams[i] {
			t.Errorf("%+v starts at %d (%v), want %d", splits[i], at, err, want)
		}
	}
	splits[0].Cursor = []byte("8")
	if at, err := sdk.StartOf(splits[0], 1); at != 8 || err != nil {
		t.Errorf("with a cursor it starts at %d (%v)", at, err)
	}
	splits[0].Cursor, splits[0].Data = nil, []byte(`"x"`)
	if _, err := sdk.StartOf(splits[0], 1); !sdk.IsPermanent(err) {
		t.Errorf("a beginning that is no number: %v", err)
	}
}

// TestErrorIn200: an error in a reply 200 is no empty page.
func TestErrorIn200(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"ok": false, "error": "ratelimited"}`:                                 `"ok" is false`,
		`{"error":{"code":"maxlag","info":"lagged"},"servedby":"mw1"}`:          `it has "error" and no data`,
		`{"errors":[{"extensions":{"code":"THROTTLED"}}],"extensions":{"a":1}}`: `it has "errors" and no data`,
		`{"data":null,"errors":[{"type":"RATE_LIMITED"}]}`:                      `it has "errors" and no data`,
		`{"data":{"a":1},"errors":[{"message":"one field"}]}`:                   "",
		`{"items":[],"error":null,"errors":[]}`:                                 "",
		`{"ok":true,"items":[]}`:                                                "",
		`{"items":[{"error":"a record with this name"}]}`:                       "",
		`{"items":[]}`: "",
	} {
		ctx :=
			sdk.Host{Transport: replies{status: 200, header: http.Header{"Retry-After": {"8"}},
				body: body}}.In(t.Context())

		var page struct{ Items []any }
		err := sdk.GetJSON(ctx, "https://api.example.com/x", &page)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", body, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || sdk.IsPermanent(err) ||
			sdk.RetryDelay(err) != 8*time.Second):
			t.Errorf("%s: %v", body, err)
		}
	}
}
