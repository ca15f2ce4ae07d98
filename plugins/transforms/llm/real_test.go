// The transform over real issues: nothing crashes, nothing is lost without a reason, nothing leaks.

package llm

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/scrapekit/scrapekit/sdk"
)

const fixtures = "../../../../shared/fixtures/jira"

// realIssues returns raw issues of the fixtures as records of the stream issues.
func realIssues(t testing.TB) []string {
	out := apacheIssues(t)
	return append(out, cloudIssues(t)...)
}

func lines(t testing.TB, path string) [][]byte {
	f, err := os.Open(filepath.Join(fixtures, path))
	if err != nil {
		t.Skipf("no fixtures here: %v", err)
	}
	defer f.Close()
	var out [][]byte
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		out = append(out, bytes.Clone(sc.Bytes()))
	}
	return out
}

func apacheIssues(t testing.TB) []string {
	var out []string
	for _, raw := range lines(t, "apache/issues.jsonl") {
		out = append(out, wrap(t, raw, "datacenter"))
	}
	return out
}

func cloudIssues(t testing.TB) []string {
	var out []string
	for _, raw := range lines(t, "cloud-devlake/_raw_jira_api_issues.jsonl") {
		var row struct{ Data json.RawMessage }
		if err := json.Unmarshal(raw, &row); err != nil {
			t.Fatal(err)
		}
		out = append(out, wrap(t, row.Data, "cloud"))
	}
	return out
}

func wrap(t testing.TB, raw []byte, flavour string) string {
	var id struct{ ID, Key string }
	if err := json.Unmarshal(raw, &id); err != nil {
		t.Fatal(err)
	}
	project, _, _ := strings.Cut(id.Key, "-")
	line, err := json.Marshal(m{"id": id.ID, "key": id.Key, "project": project, "flavour": flavour, "url": "https://jira.example.org/browse/" + id.Key, "raw": json.RawMessage(raw)})
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
}

func TestRealIssues(t *testing.T) {
	issues := realIssues(t)
	res := transformedLines(t, `{"targets":["type","priority","component","resolution"]}`, sdk.Upsert, issues...)
	for _, r := range res.rejects {
		t.Errorf("rejected: %s", r.Reason)
	}
	if len(issues) < 963 || len(res.records["pretrain"]) < 300 || len(res.records["messages"]) < 500 {
		t.Errorf("%d issues gave %d documents and %d tasks", len(issues), len(res.records["pretrain"]), len(res.records["messages"]))
	}
	made := map[string]int64{}
	for _, list := range res.records {
		for _, rec := range list {
			task := rec["task"].(string)
			if target, ok := rec["target"].(string); ok {
				task += " of " + target
			}
			made[task]++
		}
	}
	// Each issue gives a record of each task, or a reason.
	for _, task := range []string{"pretrain", "summarization", "question_answering", "classification of type", "classification of priority", "classification of component", "classification of resolution"} {
		sum := made[task]
		for name, n := range res.counts {
			if strings.HasPrefix(name, "no "+task+"/") {
				sum += n
				t.Logf("%5d %s", n, name)
			}
		}
		t.Logf("%5d %s", made[task], task)
		if sum != int64(len(issues)) {
			t.Errorf("%s: records and reasons are %d of %d", task, sum, len(issues))
		}
	}
	if len(res.counts) > 300 {
		t.Errorf("%d counters", len(res.counts))
	}
}

// No title is in the input that it is to be found from.
func TestRealTitles(t *testing.T) {
	for _, rec := range transformedLines(t, `{}`, sdk.Upsert, realIssues(t)...).records["messages"] {
		if rec["task"] == "summarization" && strings.Contains(strings.ToLower(input(rec)), strings.ToLower(answerOf(rec))) {
			t.Errorf("%v: the input holds the title %q", rec["issue"], answerOf(rec))
		}
	}
}

// The names of those who take part are nowhere in the records of their issue. Words that are ordinary are not
// looked for, nor are names of one or two letters; the list of them is the transform's own.
func TestRealNames(t *testing.T) {
	issues := realIssues(t)
	texts := map[string]string{}
	res := transformedLines(t, `{}`, sdk.Upsert, issues...)
	for _, list := range res.records {
		for _, rec := range list {
			delete(rec, "id")
			rec["issue_key"] = rec["issue"]
			if meta, ok := rec["metadata"].(m); ok {
				delete(meta, "url")
			}
			raw, err := json.Marshal([]any{rec["messages"], rec["text"], rec["metadata"]})
			if err != nil {
				t.Fatal(err)
			}
			texts[rec["issue"].(string)] += strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\"`, `"`).Replace(string(raw))
		}
	}
	checked := 0
	for _, line := range issues {
		is, err := readIssue([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		text := texts[is.key]
		if text == "" {
			continue
		}
		people := []person{is.reporter, is.creator, is.assignee}
		for _, c := range is.comments {
			people = append(people, c.author)
		}
		for _, p := range people {
			for _, name := range []string{p.name, p.display} {
				if len([]rune(name)) < 3 || ordinary[strings.ToLower(name)] || !strings.Contains(text, name) {
					continue
				}
				checked++
				if loc := regexp.MustCompile(`(^|[^\p{L}\p{N}_])` + regexp.QuoteMeta(name) + `($|[^\p{L}\p{N}_])`).FindStringIndex(text); loc != nil {
					t.Errorf("%s holds a name: …%s…", is.key, text[max(loc[0]-30, 0):min(loc[1]+30, len(text))])
				}
			}
		}
	}
	t.Logf("%d names that stand within other words", checked)
}

// All that comes out is valid against the schemas that are published.
func TestRealSchemas(t *testing.T) {
	issues := realIssues(t)
	for _, settings := range []string{`{"targets":["type","priority","component","resolution"]}`, `{"format":"instruct","pseudonymise":false}`} {
		streams, err := opened(t, settings).(sdk.Streamer).OutStreams(context.Background(), []sdk.Stream{{Name: "issues"}})
		if err != nil {
			t.Fatal(err)
		}
		res := transformedLines(t, settings, sdk.Upsert, issues...)
		for _, s := range streams {
			schema := compiled(t, s)
			ids := map[any]bool{}
			for _, rec := range res.records[s.Name] {
				if err := schema.Validate(map[string]any(rec)); err != nil {
					t.Errorf("%s: %v", s.Name, err)
				}
				if ids[rec["id"]] {
					t.Errorf("%s: id %v twice", s.Name, rec["id"])
				}
				ids[rec["id"]] = true
			}
			if len(ids) == 0 {
				t.Errorf("%s: no records", s.Name)
			}
		}
	}
}

func compiled(t testing.TB, s sdk.Stream) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(s.Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(s.Name+".json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(s.Name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func BenchmarkTransform(b *testing.B) {
	issues := apacheIssues(b)
	payload := []byte(strings.Join(issues, "\n") + "\n")
	v := opened(b, `{}`)
	ctx, _ := counting()
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Transform(ctx, sdk.Batch{Stream: "issues", Count: len(issues), Payload: payload}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(issues))/b.Elapsed().Seconds(), "issues/s")
}
