// Invented issues, and running the transform over them.

package llm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/jiraserver"
	"github.com/scrapekit/scrapekit/sdk"
)

// m is a JSON object.
type m = map[string]any

// user makes an account of Data Center.
func user(name, display string) m { return m{"name": name, "key": name, "displayName": display} }

var (
	zora = user("zora.q", "Zora Quill")
	ivo  = user("ivok", "Ivo Kestrel")
	bot  = user("githubbot", "ASF GitHub Bot")
)

const longText = "The consumer stops to read after the broker was restarted while a rebalance was going on. " +
	"It happens in about one of ten restarts, and only when the group has more than three members in it. " +
	"After that the lag grows until the process is restarted by hand."

// post makes a comment.
func said(by m, day int, body any) m {
	return m{"author": by, "created": fmt.Sprintf("2026-01-%02dT10:00:00.000+0000", day), "body": body}
}

// newIssue makes a record of an issue of Zora Quill, resolved as fixed on the tenth, with an answer
// by Ivo Kestrel.
func newIssue(fields m, more m) m {
	f := m{
		"summary": "Consumer hangs after a restart", "description": longText,
		"issuetype": m{"name": "Bug"}, "priority": m{"name": "Major"}, "status": m{"name": "Resolved"},
		"resolution": m{"name": "Fixed"}, "resolutiondate": "2026-01-10T12:00:00.000+0000",
		"created": "2026-01-01T09:00:00.000+0000", "updated": "2026-01-11T09:00:00.000+0000",
		"labels": []string{"regression"}, "components": []m{{"name": "clients"}},
		"reporter": zora, "creator": zora, "assignee": ivo,
		"comment": m{"comments": []m{said(ivo, 5,
			"The heartbeat thread dies with the old coordinator. Set the retry limit higher to avoid it.")}},
	}
	for k, v := range fields {
		f[k] = v
	}
	raw := m{"id": "1001", "key": "ACME-7", "fields": f}
	for k, v := range more {
		raw[k] = v
	}
	return m{"id": "1001", "key": "ACME-7", "project": "ACME", "raw": raw}
}

// history makes a changelog of items of one day each.
func history(items ...m) m {
	var list []m
	for i, it := range items {
		day := i + 2
		if d, ok := it["day"].(int); ok {
			day = d
		}
		list = append(list, m{"author": ivo, "created": fmt.Sprintf("2026-01-%02dT10:00:00.000+0000", day),
			"items": []m{it}})
	}
	return m{"changelog": m{"histories": list}}
}

// result is what a transform gave.
type result struct {
	records map[string][]m // by stream
	deleted map[string][]string
	rejects sdk.Rejects
	counts  map[string]int64
	raw     []sdk.Batch
}

// one returns the record of a task, or nil.
func (r result) one(task string) m {
	for _, list := range r.records {
		for _, rec := range list {
			if rec["task"] == task {
				return rec
			}
		}
	}
	return nil
}

// input and output return the two sides of a messages record.
func input(rec m) string    { return side(rec, 0) }
func answerOf(rec m) string { return side(rec, 1) }

func side(rec m, i int) string {
	if rec == nil {
		return ""
	}
	return rec["messages"].([]any)[i].(m)["content"].(string)
}

// opened makes the transform with these settings.
func opened(t testing.TB, settings string) sdk.Transform {
	t.Helper()
	v, err := Plugin().New(context.Background(), json.RawMessage(settings))
	if err != nil {
		t.Fatal(err)
	}
	return v.(sdk.Transform)
}

// counting returns a context whose counters are kept.
func counting() (context.Context, map[string]int64) {
	var mu sync.Mutex
	counts := map[string]int64{}
	return sdk.Host{Count: func(name string, n int64) {
			mu.Lock()
			defer mu.Unlock()
			counts[name] += n
		}}.In(context.Background()),

		counts
}

// normalised is the record that the Jira source makes of an issue; what the issue has beside raw is
// as it is there.
func normalised(t testing.TB, issue m) []byte {
	t.Helper()
	raw, err := json.Marshal(issue["raw"])
	if err != nil {
		t.Fatal(err)
	}
	line, err := jiraserver.Record("https://jira.example.org", jiraserver.DataCenter, raw)
	if err != nil {
		t.Fatal(err)
	}
	var record map[string]json.RawMessage
	if err := json.Unmarshal(line, &record); err != nil {
		t.Fatal(err)
	}
	for name, v := range issue {
		if name == "raw" {
			continue
		}
		if record[name], err = json.Marshal(v); err != nil {
			t.Fatal(err)
		}
	}
	if line, err = json.Marshal(record); err != nil {
		t.Fatal(err)
	}
	return line
}

// transformed runs records through the transform.
func transformed(t testing.TB, settings string, records ...m) result {
	t.Helper()
	var lines []string
	for _, r := range records {
		lines = append(lines, string(normalised(t, r)))
	}
	return transformedLines(t, settings, sdk.Upsert, lines...)
}

func transformedLines(t testing.TB, settings string, op sdk.Op, lines ...string) result {
	t.Helper()
	ctx, counts := counting()
	b := sdk.Batch{Stream: "issues", Op: op, Count: len(lines), Payload: []byte(strings.Join(lines, "\n") + "\n")}
	batches, err := opened(t, settings).Transform(ctx, b)
	res := result{records: map[string][]m{}, deleted: map[string][]string{}, counts: counts, raw: batches}
	if err != nil {
		if !errors.As(err, &res.rejects) {
			t.Fatal(err)
		}
	}
	for _, b := range batches {
		n := 0
		for line := range b.Records() {
			n++
			var rec m
			if err := json.Unmarshal(line, &rec); err != nil {
				t.Fatalf("output: %v: %s", err, line)
			}
			if b.Op == sdk.Delete {
				res.deleted[b.Stream] = append(res.deleted[b.Stream], string(line))
			} else {
				res.records[b.Stream] = append(res.records[b.Stream], rec)
			}
		}
		if n != b.Count {
			t.Errorf("%s: %d lines, count %d", b.Stream, n, b.Count)
		}
	}
	return res
}
