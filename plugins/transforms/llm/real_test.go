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
	"github.com/scrapekit/scrapekit/plugins/sources/jira/jiraserver"
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
		out = append(out, wrap(t, raw, jiraserver.DataCenter))
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
		out = append(out, wrap(t, row.Data, jiraserver.Cloud))
	}
	return out
}

func wrap(t testing.TB, raw []byte, flavour jiraserver.Flavour) string {
	line, err := jiraserver.Record("https://jira.example.org", flavour, raw)
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
}

const allTargets = `{"targets":["type","priority","component","resolution"]}`

func TestRealIssues(t *testing.T) {
	issues := realIssues(t)
	res := transformedLines(t, allTargets, sdk.Upsert, issues...)
	for _, r := range res.rejects {
		t.Errorf("rejected: %s", r.Reason)
	}
	if len(issues) < 963 || len(res.records["pretrain"]) < 300 || len(res.records["messages"]) < 500 {
		t.Errorf("%d issues gave %d documents and %d tasks", len(issues), len(res.records["pretrain"]),
			len(res.records["messages"]))
	}
	t.Run("reasons", func(t *testing.T) { checkReasons(t, res, len(issues)) })
	t.Run("titles", func(t *testing.T) { checkTitles(t, res) })
	t.Run("schemas", func(t *testing.T) { checkSchemas(t, allTargets, res) })
	t.Run("names", func(t *testing.T) { checkNames(t, issues, res) })
}

func TestRealInstruct(t *testing.T) {
	const settings = `{"format":"instruct","pseudonymise":false}`
	checkSchemas(t, settings, transformedLines(t, settings, sdk.Upsert, apacheIssues(t)[:200]...))
}

// checkReasons: each issue gives a record of each task, or a reason.
func checkReasons(t *testing.T, res result, issues int) {
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
	for _, task := range []string{
		"pretrain", "summarization", "question_answering", "classification of type", "classification of priority",
		"classification of component", "classification of resolution",
	} {
		t.Logf("%5d %s", made[task], task)
		sum := made[task]
		for name, n := range res.counts {
			if strings.HasPrefix(name, "no "+task+"/") {
				sum += n
				t.Logf("%5d %s", n, name)
			}
		}
		if sum != int64(issues) {
			t.Errorf("%s: records and reasons are %d of %d", task, sum, issues)
		}
	}
	if len(res.counts) > 300 {
		t.Errorf("%d counters", len(res.counts))
	}
}

// checkTitles: no title is in the input that it is to be found from.
func checkTitles(t *testing.T, res result) {
	for _, rec := range res.records["messages"] {
		if rec["task"] == "summarization" && strings.Contains(lettersOf(input(rec)), lettersOf(answerOf(rec))) {
			t.Errorf("%v: the input holds the title %q", rec["issue"], answerOf(rec))
		}
	}
}

// lettersOf is a text without all that is no letter or digit.
func lettersOf(s string) string {
	return regexp.MustCompile(`[^\p{L}\p{N}]+`).ReplaceAllString(strings.ToLower(s), "")
}

// checkNames: the names of those who take part are nowhere in the records of their issue. Words
// that are ordinary are not looked for, nor are names of one or two letters; the list of them is
// the transform's own.
func checkNames(t *testing.T, issues []string, res result) {
	texts := map[string]string{}
	unescape := strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\"`, `"`)
	for _, list := range res.records {
		for _, rec := range list {
			raw, err := json.Marshal([]any{rec["messages"], rec["text"], rec["metadata"]})
			if err != nil {
				t.Fatal(err)
			}
			texts[rec["issue"].(string)] += unescape.Replace(string(raw))
		}
	}
	for _, line := range issues {
		is, err := readIssue([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		people := []person{is.reporter, is.creator, is.assignee}
		for _, c := range is.comments {
			people = append(people, c.author)
		}
		for _, p := range people {
			for _, name := range []string{p.login, p.display} {
				if at := wordAt(texts[is.key], name); at != "" {
					t.Errorf("%s holds the name %q: …%s…", is.key, name, at)
				}
			}
		}
	}
}

// wordAt returns the surroundings of a name that stands as a word of its own, or "".
func wordAt(text, name string) string {
	if len([]rune(name)) < 3 || ordinary[strings.ToLower(name)] || !strings.Contains(text, name) {
		return ""
	}
	word := regexp.MustCompile(`(^|[^\p{L}\p{N}_])` + regexp.QuoteMeta(name) + `($|[^\p{L}\p{N}_])`)
	loc := word.FindStringIndex(text)
	if loc == nil {
		return ""
	}
	return text[max(loc[0]-30, 0):min(loc[1]+30, len(text))]
}

// checkSchemas: all that comes out is valid against the schemas that are published, and no id is
// there twice.
func checkSchemas(t *testing.T, settings string, res result) {
	streams, err := opened(t, settings).(sdk.Streamer).OutStreams(context.Background(), []sdk.Stream{{Name: "issues"}})
	if err != nil {
		t.Fatal(err)
	}
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
