// What a run costs the server: requests per 1,000 issues, and of a run with nothing new.

package jira_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/jiratest"
)

// inTheSearch are the streams that a search reply holds, and their most requests per 1,000 issues. Peers make one request
// for every issue for each of them.
var inTheSearch = []string{"issues", "comments", "changelog", "attachments", "issue_links", "users_seen"}

// TestRequestsPerThousandIssues counts what the streams cost. A tenth of the issues and the cheap streams have to do, unless the
// environment asks for the table that the README shows:
//
//	SCRAPEKIT_ISSUES=1000 go test -run RequestsPer -v ./plugins/sources/jira
func TestRequestsPerThousandIssues(t *testing.T) {
	t.Parallel()
	issues, asked := 60, os.Getenv("SCRAPEKIT_ISSUES")
	if asked != "" {
		n, err := strconv.Atoi(asked)
		if err != nil {
			t.Fatal(err)
		}
		issues = n
	}
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Seed: 5, Flavour: f})
		w.Generate(jiratest.Synthetic{Projects: []jiratest.Project{{Key: "ALPHA", Issues: issues}}})
		w.advance(100 * 365 * 24 * time.Hour) // after all that happened in it
		for _, c := range []struct {
			name    string
			streams []string
			most    int // requests of the first run
			idle    int // of the next one
		}{
			{"issues, comments", inTheSearch[:2], 35, 10},
			{"… and changelog, attachments, links, users", inTheSearch, 60, 10},
			{"… and worklogs", append(inTheSearch[:len(inTheSearch):len(inTheSearch)], "worklogs"), 60, 10},
			{"… and remote links, votes, watchers, properties", append(inTheSearch[:len(inTheSearch):len(inTheSearch)], "worklogs", "remote_links", "votes", "watchers", "issue_properties"), 6000, 10},
		} {
			if c.most > 1000 && asked == "" {
				continue // one request an issue and list, to be counted by whoever looks at the table
			}
			before := w.Stats().Requests
			h := newHost(t, w, nil)
			first := h.run(c.streams...)
			if n := len(first.records["issues"]); n != issues {
				t.Fatalf("%d issues", n)
			}
			cost := w.Stats().Requests - before
			h.run(c.streams...)
			idle := w.Stats().Requests - before - cost
			t.Logf("%-52s %5d requests for %d issues, %d for a run with nothing new", c.name, cost, issues, idle)
			if most := 10 + c.most*issues/1000; cost > most || idle > c.idle {
				t.Errorf("%s: %d requests and %d for nothing new, want at most %d and %d", c.name, cost, idle, most, c.idle)
			}
		}
	})
}
