// The shipped pipeline, recorded and replayed: the second Jira does not exist.

//go:build linux

package e2e

import (
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/jiraserver"
	"github.com/scrapekit/scrapekit/sdk/sdktest"
)

func TestReplayOfTheShippedPipeline(t *testing.T) {
	t.Parallel()
	jira := jiraserver.New(jiraserver.Options{Seed: 7, BasePath: "/jira", Faults: badDay})
	jira.Generate(jiraserver.Synthetic{Projects: []jiraserver.Project{{Key: "ALPHA", Issues: 60},
		{Key: "BRAVO", Issues: 60}}})
	server := httptest.NewServer(jira)
	defer server.Close()
	s := site{url: server.URL + "/jira"}
	live, replayed := s.place(t, 10), s.place(t, 10)
	file := filepath.Join(live.dir, "run.rec")
	live.finishWith(t, "--record", file)
	server.Close()
	replayed.finishWith(t, "--replay", file)
	out := place{dir: filepath.Join(replayed.dir, ".scrapekit", "jira", "replay", "out")}
	if want, got := live.records(t), out.records(t); !slices.Equal(want, got) || len(want) < 120 {
		t.Errorf("%d records in the run, %d in its replay, or others", len(want), len(got))
	}
	if _, err := os.Stat(filepath.Join(replayed.dir, "corpus")); err == nil {
		t.Error("the replay wrote where the pipeline does")
	}

	// A plugin's test can have the same as lines.
	lines := filepath.Join(live.dir, "run.jsonl")
	shown, err := exec.CommandContext(t.Context(), scrapekit, "recording", "show", file, "--json").Output()
	if err = errors.Join(err, os.WriteFile(lines, shown, 0o644)); err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequestWithContext(t.Context(), "GET", s.url+"/rest/api/2/serverInfo", nil)
	if resp, err := sdktest.Replay(t, lines).RoundTrip(req); err != nil || resp.StatusCode != 200 {
		t.Errorf("%v, %v", resp, err)
	}
}
