// What a run costs the server: requests per 1,000 issues, and of a run with nothing new. The table
// of the manual is made here.

package jira_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/jiratest"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// costRow is a row of the table: streams that are read together.
type costRow struct {
	what    string
	streams []string
	peers   string // read in their code
}

// costRows are the rows of the table. Each has the streams of the rows before it, too.
func costRows() []costRow {
	rows := []costRow{
		{"issues, comments", []string{"issues", "comments"}, "10 to 20 and 1,000"},
		{"and changelog, attachments, links, users", []string{"changelog", "attachments", "issue_links", "users_seen"},
			"1,000 more for each"},
		{"and worklogs", []string{"worklogs"}, "1,000 more"},
		{"and remote links, votes, watchers, properties",
			[]string{"remote_links", "votes", "watchers", "issue_properties"}, "1,000 more for each"},
	}
	for n := 1; n < len(rows); n++ {
		rows[n].streams = slices.Concat(rows[n-1].streams, rows[n].streams)
	}
	return rows
}

// cost is how many requests the first run makes, and the next one.
type cost struct{ first, idle int }

// TestRequestsPerThousandIssues counts what the streams cost, and holds the manual to it. After a
// change that is meant:
//
//	go test -run RequestsPer -update ./plugins/sources/jira
//
//ci:plain
func TestRequestsPerThousandIssues(t *testing.T) {
	t.Parallel()
	if crashtest.Raced || testing.Short() {
		t.Skip("thousands of issues: .ci/run does it without the race detector")
	}
	const issues = 1000
	var counted [2][]cost
	t.Run("count", func(t *testing.T) {
		flavours(t, func(t *testing.T, f jiratest.Flavour) {
			w := newWorld(t, jiratest.Options{Seed: 5, Flavour: f})
			w.Generate(jiratest.Synthetic{Projects: []jiratest.Project{{Key: "ALPHA", Issues: issues}}})
			w.advance(100 * 365 * 24 * time.Hour) // after all that happened in it
			for _, row := range costRows() {
				before := w.Stats()
				h := newHost(t, w, nil)
				h.checks = true
				first := h.run(row.streams...)
				if n := len(first.records["issues"]); n != issues {
					t.Fatalf("%d issues", n)
				}
				between := w.Stats()
				h.run(row.streams...)
				after := w.Stats()
				counted[f] = append(counted[f],
					cost{between.Requests - before.Requests, after.Requests - between.Requests})
				t.Logf("%s\n  first:%s\n  idle: %s", row.what, routesOf(before, between), routesOf(between, after))
			}
		})
	})
	if t.Failed() {
		return
	}
	holdManual(t, costTable(counted[jiratest.DataCenter], counted[jiratest.Cloud]))
}

// routesOf lists what was asked between two moments.
func routesOf(before, after jiratest.Stats) string {
	var all []string
	for route, statuses := range after.Routes {
		n := 0
		for status, times := range statuses {
			n += times - before.Routes[route][status]
		}
		if n > 0 {
			all = append(all, fmt.Sprintf(" %d × %s", n, route))
		}
	}
	slices.Sort(all)
	return strings.Join(all, ",")
}

// costTable writes the table.
func costTable(dataCenter, cloud []cost) string {
	var b strings.Builder
	b.WriteString("| streams | requests per 1,000 issues, Data Center | Cloud | peers | a run with nothing new, " +
		"Data Center | Cloud |\n|---|---|---|---|---|---|\n")
	for n, row := range costRows() {
		d, c := dataCenter[n], cloud[n]
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %d | %d |\n", row.what, thousands(d.first), thousands(c.first),
			row.peers, d.idle, c.idle)
	}
	return b.String()
}

func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

// holdManual compares the table of the manual with this one, or puts this one there.
func holdManual(t *testing.T, table string) {
	t.Helper()
	file := filepath.Join("..", "..", "..", "cmd", "scrapekit", "docs", "jira.md")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")))
	from := strings.Index(text, "| streams | requests per 1,000 issues")
	if from < 0 {
		t.Fatal("the manual has no table of requests per 1,000 issues")
	}
	to := from + strings.Index(text[from:], "\n\n") + 1
	switch {
	case text[from:to] == table:
	case flag.Lookup("update").Value.String() == "true":
		if err := os.WriteFile(file, []byte(text[:from]+table+text[to:]), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("the manual says\n%swhere was counted\n%sgo test -run RequestsPer -update ./plugins/sources/jira",
			text[from:to], table)
	}
}
