// The transform as the host sees it: streams, splits, rejects, deletes, order, and what malformed
// input does.

package llm

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

func TestOutStreams(t *testing.T) {
	t.Parallel()
	in := []sdk.Stream{{Name: "issues"}, {Name: "comments"}}
	for settings, want := range map[string]string{
		`{}`:                                     "pretrain messages comments",
		`{"format":"instruct"}`:                  "pretrain instruct comments",
		`{"pretrain":false}`:                     "messages comments",
		`{"tasks":[]}`:                           "pretrain comments",
		`{"format":"instruct","pretrain":false}`: "instruct comments",
	} {
		out, err := opened(t, settings).(sdk.Streamer).OutStreams(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range out {
			names = append(names, s.Name)
			if s.Name != "comments" && (!json.Valid(s.Schema) ||
				!reflect.DeepEqual(s.PrimaryKey, []string{"issue_id", "id"})) {
				t.Errorf("%s has no schema or key", s.Name)
			}
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %s, want %s", settings, got, want)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for _, settings := range []string{
		`{"format":"alpaca"}`, `{"tasks":["poetry"]}`, `{"split":{"train":0}}`, `{"min_chars":500,"max_chars":10}`,
		`{"pretrain":false,"tasks":[]}`,
	} {
		if _, err := Plugin().New(context.Background(), json.RawMessage(settings)); !sdk.IsPermanent(err) {
			t.Errorf("%s: %v", settings, err)
		}
	}
}

func TestOtherStreamsPass(t *testing.T) {
	t.Parallel()
	b := sdk.Batch{Stream: "comments", Count: 1, Payload: []byte("not even JSON\n")}
	out, err := opened(t, `{}`).Transform(context.Background(), b)
	if err != nil || !reflect.DeepEqual(out, []sdk.Batch{b}) {
		t.Errorf("%v, %v", out, err)
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	good := normalised(t, newIssue(nil, nil))
	replace := func(from, to string) string { return strings.Replace(string(good), from, to, 1) }
	for name, tt := range map[string]struct{ line, class string }{
		"bad UTF-8":       {replace("Consumer", "Con\xffsumer"), "invalid JSON"},
		"lone surrogate":  {replace("Consumer", `\ud800`), "invalid JSON"},
		"duplicate key":   {replace(`"summary"`, `"summary":"x","summary"`), "invalid JSON"},
		"cut off":         {string(good[:len(good)/2]), "invalid JSON"},
		"no object":       {`"text"`, "invalid issue"},
		"wrong type":      {replace(`"labels":["regression"]`, `"labels":7`), "invalid issue"},
		"numeric text":    {replace(`"body":"The`, `"body":12,"x":"The`), "invalid issue"},
		"no document":     {replace(`"body":"The`, `"body":{"type":"x"},"x":"The`), "invalid issue"},
		"raw alone":       {`{"key":"A-1","raw":{"fields":{}}}`, "invalid issue"},
		"no such format":  {replace(`"text_format":"wiki"`, `"text_format":"rtf"`), "invalid issue"},
		"no key":          {strings.ReplaceAll(string(good), `"key":"ACME-7"`, `"k":1`), "invalid issue"},
		"duplicate field": {replace(`"id":"1001"`, `"a":{"b":1,"b":2},"id":"1001"`), "invalid JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := transformedLines(t, `{}`, sdk.Upsert, string(good), tt.line, string(good))
			if len(res.rejects) != 1 || len(res.records["pretrain"]) != 2 {
				t.Fatalf("rejects %v, %d documents", res.rejects, len(res.records["pretrain"]))
			}
			r := res.rejects[0]
			if class, _, _ := strings.Cut(r.Reason, ": "); class != tt.class || string(r.Record) != tt.line ||
				r.Stream != "issues" {
				t.Errorf("reason %q", r.Reason)
			}
		})
	}
}

func TestNothingKnown(t *testing.T) {
	t.Parallel()
	res := transformedLines(t, `{}`, sdk.Upsert,
		`{"key":"A-1","comments":[{"author":null,"body":null},{}],"description":null}`)
	if len(res.rejects) != 0 || res.counts["no pretrain/no text"] != 1 || res.counts["comments dropped/empty"] != 2 {
		t.Errorf("rejects %v, counts %v", res.rejects, res.counts)
	}
}

func TestControlCharacters(t *testing.T) {
	t.Parallel()
	rec := transformed(t, `{}`, newIssue(m{"description": "a\x00b\x07c\r\nd\te\u0085f\ufeffg " + longText},
		nil)).one("pretrain")
	if text := rec["text"].(string); !strings.Contains(text, "abc\nd\te\nfg The") {
		t.Errorf("text %q", text)
	}
}

func TestCodeIsCut(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	for i := range 100 {
		fmt.Fprintf(&log, "line %d\n", i)
	}
	body := longText + "\n{noformat}" + log.String() + "{noformat}"
	text := transformed(t, `{"truncate_lines":8}`,
		newIssue(m{"description": body}, nil)).one("pretrain")["text"].(string)
	if !strings.Contains(text, "```\nline 0\n") ||
		!strings.Contains(text, "line 5\n[… 92 lines left out …]\nline 98\nline 99\n```") {
		t.Errorf("text %q", text)
	}
	text = transformed(t, `{"max_chars":400,"truncate_lines":0}`,
		newIssue(m{"description": body}, nil)).one("pretrain")["text"].(string)
	if chars(text) > 400 || !strings.HasSuffix(text, "\n```\n\n[… the rest is left out …]") {
		t.Errorf("%d characters: %q", chars(text), text)
	}
}

// A body of 3 MB costs no more than its length, and its record is cut.
func TestLongBody(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("*[~ivok] a_b {{c {code} ivok@example.org Ivo |x|\n", 60000)
	start := time.Now()
	text := transformed(t, `{}`, newIssue(m{"comment": m{"comments": []m{said(ivo, 3, body)}}},
		nil)).one("pretrain")["text"].(string)
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
	if n := chars(text); n > 100000 || n < 50000 {
		t.Errorf("%d characters", n)
	}
}

// A deletion takes all records of an issue, and is one line a stream.
func TestDelete(t *testing.T) {
	t.Parallel()
	res := transformedLines(t, `{}`, sdk.Delete, `{"id":"1001"}`, `{"nothing":1}`)
	made := transformed(t, `{}`, newIssue(nil, nil))
	for stream, list := range made.records {
		if want := []string{`{"issue_id":"1001"}`}; !reflect.DeepEqual(res.deleted[stream], want) {
			t.Errorf("%s: deleted %v, want %v", stream, res.deleted[stream], want)
		}
		for _, rec := range list {
			if rec["issue_id"] != "1001" {
				t.Errorf("%s: %v is of issue %v", stream, rec["id"], rec["issue_id"])
			}
		}
	}
	if len(res.rejects) != 1 || len(made.records) != 2 {
		t.Errorf("rejects %v, streams %d", res.rejects, len(made.records))
	}
	other := sdk.Batch{Stream: "comments", Op: sdk.Delete, Count: 1, Payload: []byte(`{"issue_id":"1001"}` + "\n")}
	if out, err := opened(t, `{}`).Transform(t.Context(), other); err != nil ||
		!reflect.DeepEqual(out, []sdk.Batch{other}) {
		t.Errorf("a deletion of another stream gave %v, %v", out, err)
	}
}

// An issue and its duplicates are in one split, and the shares hold over many.
func TestSplit(t *testing.T) {
	t.Parallel()
	v, err := newTransform(Config{Pretrain: true, Split: Shares{Train: 8, Validation: 1, Test: 1}})
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for i := range 20000 {
		counts[v.splitOf(&issue{id: fmt.Sprint(10000 + i)})]++
	}
	if n := counts["train"]; n < 15700 || n > 16300 {
		t.Errorf("splits %v", counts)
	}
	for i := range 200 {
		low, high := ref{fmt.Sprint(i + 9), fmt.Sprintf("ACME-%d", i)}, ref{fmt.Sprint(i + 1000),
			fmt.Sprintf("ACME-%d", i+1000)}
		a := v.splitOf(&issue{id: low.id, key: low.key, duplicates: []ref{high}})
		b := v.splitOf(&issue{id: high.id, key: high.key, duplicates: []ref{low, {"20000", "AAA-1"}}})
		if a != b {
			t.Errorf("%s is in %s, %s in %s", low.key, a, high.key, b)
		}
	}
}

// The split stays when an issue or one that it is linked with moves to another project.
func TestSplitOfMovedIssue(t *testing.T) {
	t.Parallel()
	root := func(key string, links ...m) string {
		raw := newIssue(m{"issuelinks": links}, nil)
		raw["key"] = key
		is, err := readIssue(normalised(t, raw))
		if err != nil {
			t.Fatal(err)
		}
		return is.root()
	}
	link := func(kind, id, key string) m {
		to := m{"key": key}
		if id != "" {
			to["id"] = id
		}
		return m{"id": "77", "type": m{"name": kind}, "outwardIssue": to}
	}
	if a, b := root("ACME-7"), root("OTHER-1"); a != "1001" || b != a {
		t.Errorf("roots %q and %q", a, b)
	}
	other := link("Reference", "1", "ACME-1")
	if a, b := root("ACME-7", link("Duplicate", "900", "ZETA-5"), other), root("AAA-7",
		link("Duplicate", "900", "ACME-3"), other); a != "900" || b != a {
		t.Errorf("roots %q and %q", a, b)
	}
	if got := root("ACME-7", link("Cloners", "", "ACME-2"), link("Duplicate", "5", "")); got != "ACME-2" {
		t.Errorf("root without ids %q", got)
	}
}

// The same batch gives the same bytes, also in many calls at once: after a crash a batch comes
// again.
func TestRepeatable(t *testing.T) {
	t.Parallel()
	raw := normalised(t, newIssue(nil, history(m{"field": "priority", "fromString": "Minor", "toString": "Major"})))
	b := sdk.Batch{Stream: "issues", Count: 1, Payload: append(raw, '\n')}
	v := opened(t, `{"targets":["type","priority","component","resolution"]}`)
	want, err := v.Transform(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if got, err := v.Transform(context.Background(), b); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("differs: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestStatistics(t *testing.T) {
	t.Parallel()
	counts := transformed(t, `{}`, newIssue(nil, nil)).counts
	for _, name := range []string{
		"issues/read", "projects/ACME", "types/Bug", "statuses/Resolved", "text length/200-999",
		"comments per issue/1-2",
		"records/pretrain", "records/summarization", "records/question_answering",
	} {
		if counts[name] != 1 {
			t.Errorf("%s: %d in %v", name, counts[name], counts)
		}
	}
	if counts["records/classification"] != 2 || bucket(1<<40, lengthBuckets[:]) != "64k and more" {
		t.Errorf("counts %v", counts)
	}
}
