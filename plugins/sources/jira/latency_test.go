// A server that takes its time is asked for as much at once as it may be asked for.

package jira_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/jiratest"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// slots lets so many requests through at once, as the host does.
type slots struct {
	next http.RoundTripper
	free chan struct{}
}

func (s slots) RoundTrip(req *http.Request) (*http.Response, error) {
	select {
	case s.free <- struct{}{}:
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	defer func() { <-s.free }()
	return s.next.RoundTrip(req)
}

// TestASlowServerIsKeptBusy reads, in virtual time, projects of a Jira that takes 50 ms for each
// reply and is asked 16 times at once. At best all requests take 1/16 of their times.
//
//ci:plain
func TestASlowServerIsKeptBusy(t *testing.T) {
	t.Parallel()
	if crashtest.Raced || testing.Short() {
		t.Skip("thousands of issues: .ci/run does it without the race detector")
	}
	const latency, atOnce = 50 * time.Millisecond, 16
	for _, c := range []struct {
		flavour          jiratest.Flavour
		projects, issues int
		split            int
		least            float64 // of the ideal
	}{
		{jiratest.DataCenter, 16, 160, 1000, 0.9},
		{jiratest.DataCenter, 1, 2560, 160, 0.9},
		{jiratest.Cloud, 16, 160, 1000, 0.9},
		{jiratest.Cloud, 1, 2560, 160, 0.9},
	} {
		t.Run(fmt.Sprintf("%s/%d×%d", c.flavour, c.projects, c.issues), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{flavour: c.flavour, url: "http://jira.test",
					Server: jiratest.New(jiratest.Options{Flavour: c.flavour, Latency: latency})}
				var projects []jiratest.Project
				for n := range c.projects {
					projects = append(projects, jiratest.Project{Key: fmt.Sprintf("P%c", 'A'+n), Issues: c.issues})
				}
				w.Generate(jiratest.Synthetic{Projects: projects, Start: time.Now().AddDate(-10, 0, 0)})
				h := newHost(t, w, map[string]any{"page_size": 5, "split_size": c.split})
				h.transport = slots{h.transport, make(chan struct{}, atOnce)}
				start := time.Now()
				_, err := h.open().Plan(h.context(nil), sdk.Plan{Streams: []string{"issues"}})
				must(t, err)
				planned, asked := time.Since(start), w.Stats().Requests
				got := h.run("issues") // plans once more
				took, requests := time.Since(start)-2*planned, w.Stats().Requests-2*asked
				if n := len(got.records["issues"]); n != c.projects*c.issues {
					t.Errorf("%d issues", n)
				}
				share := float64(requests) * latency.Seconds() / atOnce / took.Seconds()
				t.Logf("%d splits, planned in %s, read in %s with %d requests: %.1f %% of the ideal", len(got.splits),
					planned, took, requests, 100*share)
				if share < c.least {
					t.Errorf("%.1f %% of what the server could, want %.0f %%", 100*share, 100*c.least)
				}
			})
		})
	}
}
