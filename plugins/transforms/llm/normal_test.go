// Records of other sources than Jira, in the forms of sdk/normal.

package llm

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/normal"
)

func line(t *testing.T, record any) string {
	t.Helper()
	raw, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestIssueOfGitHub(t *testing.T) {
	t.Parallel()
	is := normal.Issue{
		ID: "7001", Key: "acme/bus#7", Project: "acme/bus", Source: "github", Summary: "Consumer hangs after a restart",
		Type: "bug", Resolution: "completed",
		Description: normal.String("@ivok, see **this**:\n\n" + longText), Created: "2026-01-01T09:00:00Z",
		Resolved: "2026-01-10T12:00:00Z",
		Reporter: "Zora Quill", ReporterID: "1",
		People: []normal.Person{{ID: "1", Login: "zora"}, {ID: "2", Login: "ivok"}},
		Comments: []normal.Comment{{Author: "Ivo Kestrel", AuthorID: "2", Created: "2026-01-05T10:00:00Z",
			Body: normal.String("The heartbeat thread of zora dies:\n```go\nfunc main() {}\n```\n" +
				"Set the retry limit higher to avoid it, as the old coordinator does.")}},
	}
	res := transformedLines(t, `{}`, sdk.Upsert, line(t, is))
	checkSchemas(t, `{}`, res)
	doc := res.one("pretrain")
	text, _ := doc["text"].(string)
	for _, want := range []string{"**user_1** (2026-01-01T09:00:00Z):\n\n@user_2, see **this**:",
		"of user_1 dies:\n\n```go\nfunc main() {}\n```"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
	if doc["source"] != "github" || doc["issue"] != "acme/bus#7" {
		t.Errorf("source %v, issue %v", doc["source"], doc["issue"])
	}
	for _, task := range []string{"summarization", "classification", "question_answering"} {
		if res.one(task) == nil {
			t.Errorf("no record of %s: %v", task, res.counts)
		}
	}
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	doc := normal.Document{ID: "p1", Source: "web", Title: "How it works",
		Text: normal.String("# Start\n\n" + strings.Repeat(longText+"\n\n", 40)), Author: "Ann Lee"}
	var lines []string
	for _, d := range []normal.Document{doc, {ID: "p2", Text: normal.String("short")}, {ID: "p3", TextFormat: "rtf"},
		{}} {
		lines = append(lines, line(t, d))
	}
	in := sdk.Batch{Stream: "pages", Count: len(lines), Payload: []byte(strings.Join(lines, "\n") + "\n")}
	ctx, counts := counting()
	const settings = `{"documents":["pages"]}`
	out, err := opened(t, settings).Transform(ctx, in)
	var rejects sdk.Rejects
	errors.As(err, &rejects)
	if len(out) != 1 || out[0].Stream != "pretrain" || out[0].Count != 1 || len(rejects) != 2 ||
		counts["no pretrain/text too short"] != 1 {
		t.Fatalf("%d batches, %v, counts %v", len(out), err, counts)
	}
	var rec m
	if err := json.Unmarshal(out[0].Payload, &rec); err != nil {
		t.Fatal(err)
	}
	if text := rec["text"].(string); !strings.HasPrefix(text, "# How it works\n\n# Start\n\nThe") ||
		rec["issue_id"] != "p1" {
		t.Errorf("record %.200v", rec)
	}
	streams, err := opened(t, settings).(sdk.Streamer).OutStreams(t.Context(),
		[]sdk.Stream{{Name: "pages"}, {Name: "issues"}})
	if err != nil || len(streams) != 2 || streams[0].Name != "pretrain" || streams[1].Name != "messages" {
		t.Errorf("streams %v, %v", streams, err)
	}
	if err := compiled(t, streams[0]).Validate(map[string]any(rec)); err != nil {
		t.Error(err)
	}
	out, err = opened(t, settings).Transform(ctx,
		sdk.Batch{Stream: "pages", Op: sdk.Delete, Count: 1, Payload: []byte(`{"id":"p1"}` + "\n")})
	if err != nil || len(out) != 1 || string(out[0].Payload) != `{"issue_id":"p1"}`+"\n" {
		t.Errorf("a deletion gave %v, %v", out, err)
	}
	in.Payload, in.Count = []byte("no JSON\n"), 1
	if out, err = opened(t, `{"documents":["pages"],"pretrain":false}`).Transform(ctx, in); err != nil ||
		len(out) != 1 || out[0].Stream != "pages" {
		t.Errorf("documents that are not read: %v, %v", out, err)
	}
}
