// The rules of each task, by invented issues.

package llm

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestPretrain(t *testing.T) {
	t.Parallel()
	res := transformed(t, `{}`, newIssue(m{"attachment": []m{{"id": "1", "filename": "a.log"}, {}}}, nil))
	rec := res.one("pretrain")
	want := "# Consumer hangs after a restart\n\n**user_1** (2026-01-01T09:00:00Z):\n\n" + longText +
		"\n\n**user_2** (2026-01-05T10:00:00Z):\n\nThe heartbeat thread dies with the old coordinator. Set the " +
		"retry limit higher to avoid it."
	if rec["text"] != want {
		t.Errorf("text\n%s\nwant\n%s", rec["text"], want)
	}
	meta, _ := json.Marshal(rec["metadata"])
	for _, part := range []string{
		`"key":"ACME-7"`, `"type":"Bug"`, `"priority":"Major"`, `"components":["clients"]`, `"labels":["regression"]`,
		`"reporter":"user_1"`,
		`"assignee":"user_2"`, `"participants":["user_1","user_2"]`,
		`"counts":{"attachments":2,"comments":1,"participants":2}`, `"resolved":"2026-01-10T12:00:00Z"`,
	} {
		if !strings.Contains(string(meta), part) {
			t.Errorf("metadata %s lacks %s", meta, part)
		}
	}
	if rec["id"] != "1001/pretrain" || rec["issue"] != "ACME-7" || rec["schema_version"] != 1.0 {
		t.Errorf("head: %v %v %v", rec["id"], rec["issue"], rec["schema_version"])
	}
}

// Each case is an issue that gives no record of a task, and the reason that is counted.
func TestReasons(t *testing.T) {
	t.Parallel()
	none := m{"comments": []m{}}
	thread := func(posts ...m) m { return m{"comment": m{"comments": posts}} }
	var many []m
	for range 12 {
		many = append(many, said(zora, 3, "One more observation."))
	}
	for _, tt := range []struct {
		name, task string
		issue      m
		reason     string
	}{
		{"no text", "pretrain", newIssue(m{"description": nil, "comment": none}, nil), "no text"},
		{"short text", "pretrain", newIssue(m{"description": "Short.", "comment": none}, nil), "text too short"},
		{"long monologue", "pretrain", newIssue(m{"description": strings.Repeat(longText, 40), "comment": none}, nil),
			"one person, text too long"},
		{"many posts of one", "pretrain", newIssue(thread(many...), nil), "one person, too many comments"},

		{"short title", "summarization", newIssue(m{"summary": "It hangs"}, nil), "title too short"},
		{"title of signs", "summarization", newIssue(m{"summary": "??? !!! (C++) ???"}, nil), "title too short"},
		{"title repeated", "summarization",
			newIssue(m{"description": longText + " *Consumer* hangs\nafter a restart!"}, nil),
			"title in the description"},
		{"no description", "summarization", newIssue(m{"description": nil}, nil), "no description"},
		{"little text", "summarization", newIssue(m{"description": "Too little.", "comment": none}, nil),
			"text too short"},

		{"no priority", "classification of priority", newIssue(m{"priority": nil}, nil), "not set at creation"},
		{"little prose", "classification of type", newIssue(m{"description": "{code}" + longText + "{code}"}, nil),
			"description too short"},

		{"cut history", "classification of type", cutHistory(newIssue(nil, nil)), "history not complete"},
		{"cut history of an answer", "question_answering", cutHistory(newIssue(nil, nil)), "history not complete"},

		{"open", "question_answering", newIssue(m{"resolution": nil}, nil), "not resolved as fixed"},
		{"not fixed", "question_answering", newIssue(m{"resolution": m{"name": "Won't Fix"}}, nil),
			"not resolved as fixed"},
		{"no time", "question_answering", newIssue(m{"resolutiondate": nil}, nil), "time of the fix not known"},
		{"no thread", "question_answering", newIssue(m{"comment": none}, nil), "no comments"},
		{"too late", "question_answering", newIssue(thread(said(ivo, 20, longText)), nil), "no comment before the fix"},
		{"monologue", "question_answering", newIssue(thread(said(zora, 3, longText)), nil),
			"no comment by another than the reporter"},
		{"short answer", "question_answering", newIssue(thread(said(ivo, 3, "Restart it.")), nil), "answer too short"},
		{"merged", "question_answering", newIssue(thread(said(ivo, 3, "Merged to trunk, thanks for the patch!")), nil),
			"answer is a ceremony"},
		{"links alone", "question_answering", newIssue(thread(said(ivo, 3, "See https://example.org/pull/12345")), nil),
			"answer is a ceremony"},
		{"no reporter", "question_answering", newIssue(m{"reporter": nil, "creator": nil}, nil), "reporter not known"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			res := transformed(t, `{}`, tt.issue)
			if res.counts["no "+tt.task+"/"+tt.reason] != 1 {
				t.Errorf("not counted: %q in %v", tt.reason, res.counts)
			}
			if task, target, _ := strings.Cut(tt.task, " of "); target == "" && res.one(task) != nil {
				t.Errorf("there is a record: %v", res.one(task))
			}
		})
	}
}

func TestSummarization(t *testing.T) {
	t.Parallel()
	res := transformed(t, `{}`, newIssue(m{"comment": m{"comments": []m{
		said(ivo, 3, "PR opened: consumer hangs after a restart"), said(ivo, 4, "The coordinator forgets the member."),
	}}}, nil))
	rec := res.one("summarization")
	if answerOf(rec) != "Consumer hangs after a restart" {
		t.Errorf("output %q", answerOf(rec))
	}
	if in := input(rec); strings.Contains(in, "PR opened") || !strings.Contains(in, "forgets the member") ||
		!strings.Contains(in, "of ten restarts") {
		t.Errorf("input %q", in)
	}
	if res.counts["comments dropped/title in a comment"] != 1 {
		t.Errorf("counts %v", res.counts)
	}
}

// A prediction sees what there was at creation, and is asked for what was set at creation.
func TestClassificationAtCreation(t *testing.T) {
	t.Parallel()
	changes := history(
		m{"field": "issuetype", "fromString": "Task", "toString": "Bug"},
		m{"field": "priority", "fromString": "Trivial", "toString": "Major"},
		m{"field": "priority", "fromString": "Major", "toString": "Blocker"},
		m{"field": "Component", "fromString": nil, "toString": "clients"},
		m{"field": "Component", "fromString": "core", "toString": nil},
		m{"field": "summary", "fromString": "First title", "toString": "Consumer hangs after a restart"},
		m{"field": "description", "fromString": "The *first* description of the problem.", "toString": longText},
	)
	res := transformed(t, `{"targets":["type","priority","component","resolution"]}`, newIssue(nil, changes))
	got := map[any]string{}
	for _, rec := range res.records["messages"] {
		if rec["task"] == "classification" {
			got[rec["target"]] = answerOf(rec)
			if in := input(rec); !strings.Contains(in, "# First title\n\nThe **first** description") ||
				strings.Contains(in, "rebalance") || strings.Contains(in, "heartbeat") {
				t.Errorf("input %q", in)
			}
		}
	}
	for target, want := range map[string]string{"type": "Task", "priority": "Trivial", "component": "core",
		"resolution": "Fixed"} {
		if got[target] != want {
			t.Errorf("%s: got %q, want %q", target, got[target], want)
		}
	}
}

// cutHistory marks a record as one whose history the source did not get whole.
func cutHistory(record m) m {
	record["changelog_complete"] = false
	return record
}

// What a cut history does not show may have been any change, so neither report nor label is known.
func TestCutHistory(t *testing.T) {
	t.Parallel()
	record := newIssue(nil, history(m{"field": "priority", "fieldtype": "jira", "fromString": "Blocker",
		"toString": "Major"}))
	record["changelog_complete"] = true
	res := transformed(t, `{"targets":["priority"]}`, record)
	if got := answerOf(res.one("classification")); got != "Blocker" || res.one("question_answering") == nil {
		t.Errorf("whole history: %q, counts %v", got, res.counts)
	}
	res = transformed(t, `{"targets":["priority"]}`, cutHistory(record))
	if rec := res.one("classification"); rec != nil || res.one("question_answering") != nil ||
		res.one("summarization") == nil {
		t.Errorf("cut history: %v, counts %v", rec, res.counts)
	}
}

// A custom field may have the name of any other; its changes are not theirs.
func TestCustomFields(t *testing.T) {
	t.Parallel()
	for _, mark := range []m{{"fieldtype": "custom"}, {"fieldId": "customfield_10010"}} {
		var items []m
		for _, field := range []string{"Priority", "issuetype", "Component", "Summary", "Description", "Resolution"} {
			item := m{"field": field, "fromString": "Of a custom field " + field, "toString": "Fixed", "day": 2}
			for k, v := range mark {
				item[k] = v
			}
			items = append(items, item)
		}
		res := transformed(t, allTargets, newIssue(nil, history(items...)))
		got := map[any]string{}
		for _, rec := range res.records["messages"] {
			got[rec["target"]] = answerOf(rec)
			if strings.Contains(input(rec), "Of a custom field") {
				t.Errorf("input %q", input(rec))
			}
		}
		for target, want := range map[string]string{"type": "Bug", "priority": "Major", "component": "clients",
			"resolution": "Fixed"} {
			if got[target] != want {
				t.Errorf("%v: %s: got %q, want %q", mark, target, got[target], want)
			}
		}
		if res.one("question_answering") == nil { // the fix was on the tenth, not when the custom field became Fixed
			t.Errorf("%v: no answer: %v", mark, res.counts)
		}
	}
}

func TestClassificationLabels(t *testing.T) {
	t.Parallel()
	report := newIssue(m{"summary": "[BUG] Consumer hangs",
		"description": "*Type:* Bug\nPriority: Major\nThe type: none of them is a bug.\n" + longText}, nil)
	res := transformed(t, `{"targets":["type"],"labels":{"bug":"defect"}}`, report)
	rec := res.one("classification")
	if answerOf(rec) != "defect" {
		t.Errorf("output %q", answerOf(rec))
	}
	in := input(rec)
	if !strings.Contains(in, "# Consumer hangs\n") || strings.Contains(in, "Type") ||
		!strings.Contains(in, "Priority: Major") || !strings.Contains(in, "The type: none") {
		t.Errorf("input %q", in)
	}
	res = transformed(t, `{"targets":["type"],"labels":{"story":"feature"}}`, report)
	if res.counts["no classification of type/type not in the table of labels"] != 1 ||
		res.one("classification") != nil {
		t.Errorf("counts %v", res.counts)
	}
}

func TestAnswering(t *testing.T) {
	t.Parallel()
	posts := m{"comment": m{"comments": []m{
		said(ivo, 3, "An early guess that is long enough to be an answer."),
		said(ivo, 5, "The heartbeat thread dies with the old coordinator; raise the retry limit."),
		said(zora, 6, "Confirmed, that works for me as well, very good."),
		said(ivo, 7, "Thanks for testing, merged."),
		said(bot, 8, "The pull request that solves this problem was closed by somebody."),
		said(ivo, 20, "A later remark on something else that came up since."),
	}}}
	for _, changes := range []m{nil, history(m{"day": 9, "field": "resolution", "fromString": nil,
		"toString": "Fixed"})} {
		rec := transformed(t, `{}`, newIssue(posts, changes)).one("question_answering")
		if want := "The heartbeat thread dies with the old coordinator; raise the retry limit."; answerOf(rec) != want {
			t.Errorf("answer %q", answerOf(rec))
		}
		if in := input(rec); !strings.Contains(in, "# Consumer hangs") || strings.Contains(in, "guess") {
			t.Errorf("input %q", in)
		}
	}
	// Reopened and fixed again: the last fix counts.
	again := history(m{"day": 4, "field": "resolution", "toString": "Fixed"},
		m{"day": 4, "field": "resolution", "fromString": "Fixed"},
		m{"day": 9, "field": "resolution", "toString": "Fixed"})
	if rec := transformed(t, `{}`, newIssue(posts, again)).one("question_answering"); !strings.HasPrefix(answerOf(rec),
		"The heartbeat") {
		t.Errorf("answer %q", answerOf(rec))
	}
	// Fixed on the fourth: what came after is not part of the answer.
	early := history(m{"day": 4, "field": "resolution", "toString": "Fixed"})
	if rec := transformed(t, `{}`, newIssue(posts, early)).one("question_answering"); !strings.HasPrefix(answerOf(rec),
		"An early guess") {
		t.Errorf("answer %q", answerOf(rec))
	}
}

func TestInstruct(t *testing.T) {
	t.Parallel()
	res := transformed(t, `{"format":"instruct","tasks":["summarization"],"pretrain":false}`, newIssue(nil, nil))
	if len(res.records) != 1 || len(res.records["instruct"]) != 1 {
		t.Fatalf("records %v", res.records)
	}
	rec := res.records["instruct"][0]
	if rec["output"] != "Consumer hangs after a restart" || !strings.Contains(rec["input"].(string), "rebalance") ||
		rec["messages"] != nil || rec["text"] != nil {
		t.Errorf("record %v", rec)
	}
}

func TestCeremony(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"LGTM, +1 from my side": true, "Thanks Bob, I merged this to trunk.": true,
		"Fixed in 2.1 by the commit above": true, "@user_3 ping? Any news on this one": true,
		"Merging strategies matter here: the compaction drops the tombstone when two runs overlap, so that the row " +
			"comes back. Use the levelled strategy with smaller tables; it keeps both.": false,
		"The option must be set on both brokers.": false, "https://a.example/1 https://b.example/2": true,
	} {
		if got := ceremony(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
