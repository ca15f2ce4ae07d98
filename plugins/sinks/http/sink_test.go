// What is sent, what replies mean, and what becomes of refused records.

package httpsink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/plugins/sinks/http/httpsinktest"
	"github.com/scrapekit/scrapekit/sdk"
)

var streams = []sdk.Stream{{Name: "books", PrimaryKey: []string{"id"}}, {Name: "parts", PrimaryKey: []string{"whole",
	"id"}}, {Name: "notes"}}

// run is a host that does one run: a commit after every batch. After an error it opens the sink
// again with its last token and goes on from there. It returns the dead letters.
func run(t *testing.T, settings map[string]any, batches ...sdk.Batch) sdk.Rejects {
	t.Helper()
	letters, err := tryRun(t, settings, 100, batches...)
	if err != nil {
		t.Fatal(err)
	}
	return letters
}

func tryRun(t *testing.T, settings map[string]any, tries int, batches ...sdk.Batch) (letters sdk.Rejects, err error) {
	t.Helper()
	raw, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	ctx := sdk.Host{Transport: http.DefaultTransport}.In(t.Context())
	start := sdk.Start{Run: "r", Dir: t.TempDir(), Streams: streams}
	next := 0
	var s *Sink
	commit := func(written sdk.Rejects) error {
		token, err := s.Commit(ctx)
		var late sdk.Rejects
		if !errors.As(err, &late) && err != nil {
			return err
		}
		letters = append(append(letters, written...), late...)
		start.Token, start.Resume = token, true
		return nil
	}
	once := func() error {
		v, err := Plugin().New(ctx, raw)
		if err != nil {
			return err
		}
		s = v.(*Sink)
		if err := s.Open(ctx, start); err != nil {
			return err
		}
		for ; next < len(batches); next++ {
			err := s.Write(ctx, batches[next])
			var rejects sdk.Rejects
			if !errors.As(err, &rejects) && err != nil {
				return err
			}
			if err := commit(rejects); err != nil {
				return err
			}
		}
		err = s.Finish(ctx, sdk.End{Run: "r"})
		for errors.Is(err, sdk.ErrUntold) {
			if err = commit(nil); err == nil {
				err = s.Finish(ctx, sdk.End{Run: "r"})
			}
		}
		return err
	}
	for range tries {
		if err = once(); err == nil || sdk.IsPermanent(err) {
			break
		}
	}
	return letters, err
}

func batchIn(stream string, op sdk.Op, lines ...string) sdk.Batch {
	return sdk.Batch{Stream: stream, Op: op, Count: len(lines), Payload: []byte(strings.Join(lines, "\n") + "\n")}
}

// many are batches of 20 records.
func many() (out []sdk.Batch, all []string) {
	for n := range 20 {
		stream := []string{"books", "notes"}[n%2]
		lines := []string{fmt.Sprintf(`{"id":%d,"t":"a"}`, n), fmt.Sprintf(`{"id":%d,"t":"b"}`, 100+n)}
		out, all = append(out, batchIn(stream, sdk.Upsert, lines...)), append(all, lines...)
	}
	return out, all
}

// TestLostReplies: whatever is lost, before the endpoint has taken a batch or after it, each record
// is there once and in order, by the keys alone.
func TestLostReplies(t *testing.T) {
	t.Parallel()
	for _, format := range []string{asJSON, asNDJSON, asRecord, clickhouse} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			server := httpsinktest.New(t)
			server.Fault = func(n int) httpsinktest.Fault { // five in a row, and each at every place
				return []httpsinktest.Fault{httpsinktest.None, httpsinktest.LostBefore, httpsinktest.LostAfter,
					httpsinktest.Busy, httpsinktest.TooMany, httpsinktest.LostAfter, httpsinktest.None}[n%7]
			}
			batches, all := many()
			settings := map[string]any{"url": server.URL + "/{stream}", "format": format, "idempotent": true}
			if format == clickhouse {
				settings["url"] = server.URL + "/clickhouse/{stream}"
			}
			if letters := run(t, settings, batches...); len(letters) > 0 {
				t.Errorf("dead letters %v", letters)
			}
			var got []string
			for _, one := range server.Taken() {
				got = append(got, one.Records...)
			}
			if !slices.Equal(got, all) {
				t.Errorf("the endpoint has %q", got)
			}
			if _, again := server.Requests(); again < 4 || len(server.Wrong()) > 0 {
				t.Errorf("%d requests came again; wrong: %q", again, server.Wrong())
			}
		})
	}
}

// TestBulk: documents go by their keys, or by an id of the batch; deletions are applied, and what
// Elasticsearch refuses is a dead letter.
func TestBulk(t *testing.T) {
	t.Parallel()
	server := httpsinktest.New(t)
	server.Fault = func(n int) httpsinktest.Fault {
		return []httpsinktest.Fault{httpsinktest.None, httpsinktest.LostAfter, httpsinktest.None}[n%3]
	}
	server.Refuse = func(r string) bool { return strings.Contains(r, "odd") }
	long := fmt.Sprintf(`{"id":%q}`, strings.Repeat("x", 600))
	letters := run(t, map[string]any{"url": server.URL + "/es/", "format": asBulk, "index": "x-{stream}"},
		batchIn("books", sdk.Upsert, `{"id":1,"t":"a"}`, `{"id":"two"}`, `{"id":3,"t":"odd"}`, `{"t":"no key"}`, long),
		batchIn("books", sdk.Upsert, `{"id":1,"t":"b"}`, `{"id":4}`),
		batchIn("books", sdk.Delete, `{"id":"two"}`, `{"id":99}`),
		batchIn("parts", sdk.Upsert, `{"whole":"w","id":7}`),
		batchIn("parts", sdk.Delete, `{"whole":"w"}`),
		batchIn("notes", sdk.Upsert, `{"n":1}`, `{"n":1}`, `{"n":"odd"}`),
		batchIn("notes", sdk.Upsert, `{"n":2}`))
	if got, want := server.Documents("x-books"), (map[string]string{"1": `{"id":1,"t":"b"}`,
		"4": `{"id":4}`}); !reflect.DeepEqual(got, want) {
		t.Errorf("books %v", got)
	}
	if got, want := server.Documents("x-parts"), (map[string]string{`["w",7]`: `{"whole":"w","id":7}`}); !reflect.
		DeepEqual(got, want) {
		t.Errorf("parts %v", got)
	}
	if got := server.Documents("x-notes"); len(got) != 3 {
		t.Errorf("notes %v", got)
	}
	var told []string
	for _, l := range letters {
		told = append(told, fmt.Sprintf("%s %.20s %.40s", l.Stream, l.Record, l.Reason))
	}
	slices.Sort(told)
	want := []string{
		`books {"id":"xxxxxxxxxxxxx no id for the document: the key has 600 `,
		`books {"id":3,"t":"odd"} refused by the endpoint (400): {"reason"`,
		`books {"t":"no key"} no id for the document: the field "id" o`,
		`notes {"n":"odd"} refused by the endpoint (400): {"reason"`,
		`parts {"whole":"w"} no id for the document: the field "id" o`,
	}
	if !slices.Equal(told, want) {
		t.Errorf("dead letters\n%s", strings.Join(told, "\n"))
	}
	if all, again := server.Requests(); again == 0 || all < 9 || len(server.Wrong()) > 0 {
		t.Errorf("%d requests, %d of them again; wrong: %q", all, again, server.Wrong())
	}
}

// TestRefused: single records, and whole batches, become dead letters, each once, while replies are
// lost.
func TestRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		settings map[string]any
		want     int // dead letters of the 40 records, of which 4 are odd
	}{
		{map[string]any{"format": asJSON, "results": "data.items"}, 4},
		{map[string]any{"format": asNDJSON, "results": "data.items"}, 4},
		{map[string]any{"format": asRecord}, 4},
		{map[string]any{"format": clickhouse}, 8}, // a batch is taken whole or not
	} {
		t.Run(c.settings["format"].(string), func(t *testing.T) {
			t.Parallel()
			server := httpsinktest.New(t)
			odd := []string{`{"id":100,"t":"b"}`, `{"id":101,"t":"b"}`, `{"id":107,"t":"b"}`, `{"id":119,"t":"b"}`}
			server.Refuse = func(r string) bool { return slices.Contains(odd, r) }
			server.Fault = func(n int) httpsinktest.Fault {
				return []httpsinktest.Fault{httpsinktest.None, httpsinktest.LostBefore, httpsinktest.LostAfter,
					httpsinktest.None}[n%4]
			}
			batches, all := many()
			c.settings["url"], c.settings["idempotent"] = server.URL+"/"+c.settings["format"].(string), true
			letters := run(t, c.settings, batches...)
			var got []string
			for _, one := range server.Taken() {
				got = append(got, one.Records...)
			}
			for _, l := range letters {
				got = append(got, string(l.Record))
				if l.Reason == "" {
					t.Errorf("%s: no reason", l.Record)
				}
			}
			slices.Sort(got)
			if slices.Sort(all); !slices.Equal(got, all) && c.settings["format"] != clickhouse {
				t.Errorf("the endpoint and the dead letters have %q", got)
			}
			if len(letters) != c.want {
				t.Errorf("%d dead letters: %v", len(letters), letters)
			}
		})
	}
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	server := httpsinktest.New(t)
	run(t, map[string]any{"url": server.URL + "/hook", "format": webhook, "text_field": "content",
		"text": `{stream} {id}: {fields.summary} {fields} {none}`},
		batchIn("books", sdk.Upsert, `{"id":7,"fields":{"summary":"say \"hi\""}}`, `{"id":8}`),
		batchIn("books", sdk.Delete, `{"id":7}`))
	var got []string
	for _, one := range server.Taken() {
		got = append(got, one.Records...)
	}
	if want := []string{`{"content":"books 7: say \"hi\" {\"summary\":\"say \\\"hi\\\"\"} "}`,
		`{"content":"books 8:   "}`}; !slices.Equal(got, want) {
		t.Errorf("%s", got)
	}
}

// TestRequest: what is sent follows the settings, and batches keep to their bounds.
func TestRequest(t *testing.T) {
	t.Parallel()
	server := httpsinktest.New(t)
	run(t, map[string]any{"url": server.URL + "/clickhouse?database=a&s={stream}", "format": clickhouse,
		"table": "raw`{stream}", "headers": map[string]string{"X-Of": "{stream} {key}"}, "max_records": 2,
		"max_bytes": 30},
		batchIn("books", sdk.Upsert, `{"id":1}`, `{"id":2}`, `{"id":3}`,
			`{"id":4,"long":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}`,
			`{"id":5}`),
		batchIn("books", sdk.Delete, `{"id":1}`))
	var sizes []int
	keys := map[string]bool{}
	for _, one := range server.Taken() {
		sizes = append(sizes, len(one.Records))
		keys[one.Key] = true
		q := one.Query
		if q["database"][0] != "a" || q["s"][0] != "books" || q["insert_deduplication_token"][0] != one.Key ||
			q["query"][0] != "INSERT INTO `raw\\`books` FORMAT JSONEachRow" ||
			one.Header.Get("X-Of") != "books "+one.Key ||
			one.Header.Get("Idempotency-Key") != one.Key {
			t.Errorf("%v %v", one.Query, one.Header)
		}
	}
	if !slices.Equal(sizes, []int{2, 1, 1, 1, 1}) || len(keys) != 5 {
		t.Errorf("batches of %v records, %d keys", sizes, len(keys))
	}
	if last := server.Taken()[4].Records[0]; last != `{"_op":"delete","id":1}` {
		t.Errorf("a deletion is %s", last)
	}
}

// TestReplies: which replies confirm, which refuse for good, and which end the run.
func TestReplies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, format  string
		status        int
		reply, header string
		letters       int
		says          string // the error; "": none
		permanent     bool
	}{
		{"created", asJSON, 201, `x`, "", 0, "", false},
		{"known", asJSON, 410, ``, "", 0, "", false},
		{"refused", asJSON, 422, `{"why":"too odd"}`, "", 1, "", false},
		{"moved", asJSON, 302, ``, "/login", 0, "redirects are not followed", true},
		{"not there", asJSON, 404, `no such thing`, "", 0, "no such thing", true},
		{"credential", asJSON, 401, ``, "", 0, "401 Unauthorized", true},
		{"under way", asJSON, 409, ``, "", 0, "known = [409]", false},
		{"broken", asJSON, 500, `oops`, "", 0, "oops", false},
		{"not ok", webhook, 200, `{"ok":false,"error":"channel_not_found"}`, "", 0, "channel_not_found", false},
		{"no bulk", asBulk, 200, `<html>log in</html>`, "", 0, "no reply of the bulk API", false},
		{"half a bulk", asBulk, 200, `{"errors":false,"items":[]}`, "", 0, "no reply of the bulk API", false},
		{"bulk with an empty item", asBulk, 200, `{"errors":false,"items":[{}]}`, "", 0, "says nothing", false},
		{"bulk without a status", asBulk, 200, `{"errors":false,"items":[{"index":{}}]}`, "", 0, "has no status",
			false},
		{"bulk for now", asBulk, 200, `{"errors":true,"items":[{"index":{"status":429,"error":{"type":"rejected"}}}]}`,
			"", 0, "refused for now", false},
		{"bulk without an index", asBulk, 200, `{"errors":true,"items":[{"index":{"status":404,"error":{}}}]}`, "", 0,
			"the index books cannot be written", true},
		{"exception", clickhouse, 200, `Code: 241`, "241", 0, "failed with code 241", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if c.header != "" {
					w.Header().Set("Location", c.header)
					w.Header().Set("X-ClickHouse-Exception-Code", c.header)
				}
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.reply)
			}))
			defer server.Close()
			letters, err := tryRun(t, map[string]any{"url": server.URL, "format": c.format, "known": []int{410},
				"text": "{id}"}, 2, batchIn("books", sdk.Upsert, `{"id":1}`))
			if len(letters) != c.letters || (c.says == "") != (err == nil) ||
				err != nil && !strings.Contains(err.Error(), c.says) || sdk.IsPermanent(err) != c.permanent {
				t.Errorf("%v; dead letters %v", err, letters)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		settings string
		status   int
		asked    string
		good     bool
	}{
		{`"format":"json"`, 405, "HEAD /in?a=b", true},
		{`"format":"json"`, 401, "HEAD /in?a=b", false},
		{`"format":"json"`, 307, "HEAD /in?a=b", true}, // a browser is sent on, and what posts may not be
		{`"format":"json","check":"/health"`, 307, "GET /health", false},
		{`"format":"json","check":"/health?x=1"`, 204, "GET /health?x=1", true},
		{`"format":"json","check":"/health"`, 404, "GET /health", false},
		{`"format":"bulk"`, 200, "HEAD /in/", true},
		{`"format":"clickhouse"`, 403, "GET", false},
	} {
		var asked string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = r.Method + " " + r.URL.RequestURI()
			w.WriteHeader(c.status)
		}))
		ctx := sdk.Host{Transport: http.DefaultTransport}.In(t.Context())
		v, err := Plugin().New(ctx, json.RawMessage(`{"url":"`+server.URL+`/in?a=b",`+c.settings+`}`))
		if err == nil {
			err = v.(sdk.Checker).Check(ctx)
		}
		server.Close()
		if (err == nil) != c.good || !strings.HasPrefix(asked, c.asked) {
			t.Errorf("%s, %d: asked %q, %v", c.settings, c.status, asked, err)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for settings, says := range map[string]string{
		`"url":"https://{stream}.example.com/"`:                                            "placeholders are for its path",
		`"url":"https://example.com/{steam}"`:                                              "{steam} stands for nothing",
		`"url":"https://example.com/","headers":{"authorization":"x"}`:                     "http { auth",
		`"url":"https://example.com/","headers":{"idempotency-key":"x"}`:                   "key_header",
		`"url":"https://example.com/","headers":{"X":"{run}"}`:                             "{run} stands for nothing",
		`"url":"https://example.com/","key_header":"a b"`:                                  "no name of a header",
		`"url":"https://example.com/","known":[200]`:                                       "200",
		`"url":"https://example.com/","known":[422]`:                                       "in both",
		`"url":"https://example.com/","format":"webhook"`:                                  "text is not set",
		`"url":"https://example.com/","format":"bulk","index":"{key}"`:                     "{key} stands for nothing",
		`"url":"https://example.com/","format":"record","results":"items"`:                 "results is for",
		`"url":"https://example.com/","format":"json","check":"https://example.com/check"`: "is no path",
	} {
		if _, err := Plugin().New(context.Background(), json.RawMessage("{"+settings+"}")); !sdk.IsPermanent(err) ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", settings, err)
		}
	}
}

func TestLongest(t *testing.T) {
	t.Parallel()
	s := &Sink{Config: Config{Format: asJSON}}
	long := make([]byte, longest+1)
	if why := s.unfit(sdk.Batch{Stream: "notes"}, long); !strings.Contains(why, "too long for a request") {
		t.Errorf("%d bytes: %q", len(long), why)
	}
	if why := s.unfit(sdk.Batch{Stream: "notes"}, long[1:]); why != "" {
		t.Errorf("%d bytes: %q", longest, why)
	}
}
