package show

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/scrapekit/scrapekit/core"
)

// TestLiveViewOfHosts: the live view says of the busiest hosts what came of their requests, what
// they wait for and why, and is no wider than the terminal.
func TestLiveViewOfHosts(t *testing.T) {
	t.Parallel()
	busy := core.HTTPHost{
		Host: "jira.example.com:443", Requests: 1263, Status: map[int]int64{200: 1250, 429: 6, 503: 2},
		Errors:  map[string]int64{"reset": 5},
		Retries: map[string]int64{"429": 6, "reset": 5},
		Waits: map[string]core.WaitStats{"pause": {Count: 6, Total: 11 * time.Second},
			"rate": {Count: 90, Total: 44 * time.Second}},
		InFlight: 3, Queued: 4711, Rate: 9.7, RateFrom: "learned", Limit: 8, LimitFrom: "file",
	}
	hosts := []core.HTTPHost{busy, {Host: "idle-1", Requests: 1}, {Host: "idle-2", Requests: 3},
		{Host: "idle-3", Requests: 1}, {Host: "idle-4"}, {Host: "idle-5"}}
	for width, lines := range map[int]int{80: 6, 200: 2} {
		v := view{status: core.Status{HTTP: core.HTTPStats{Hosts: hosts}}, width: width,
			rate: func(string) float64 { return 0 }}
		text := v.render()
		for _, part := range []string{
			"jira.example.com:443: 3 under way, 4,711 queued, 9.7 requests/s (learned)", "8 at once (file)",
			"1,250 × 200, 6 × 429, 2 × 503", "broken: reset 5",
			"retries: 429 6, reset 5", "waits: pause 11 s", "rate 44 s", "idle-2: 0 under way", "… and 2 hosts more",
		} {
			if !strings.Contains(text, part) {
				t.Errorf("%q is not in\n%s", part, text)
			}
		}
		of := 0
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if utf8.RuneCountInString(line) > width {
				t.Errorf("wider than %d columns: %q", width, line)
			}
			if strings.HasPrefix(line, "    jira") || of > 0 && strings.HasPrefix(line, "      ") {
				of++
			}
		}
		if of == 0 || of > lines {
			t.Errorf("%d lines of a host in %d columns, want at most %d:\n%s", of, width, lines, text)
		}
		if strings.Index(text, "jira.example.com") > strings.Index(text, "idle-2") ||
			strings.Index(text, "idle-2") > strings.Index(text, "idle-1") {
			t.Errorf("the busiest is not the first:\n%s", text)
		}
	}
}

// TestViewOfManyStreams: where there are more streams than lines, those that are read now are
// shown, and the others told of in one line.
func TestViewOfManyStreams(t *testing.T) {
	t.Parallel()
	var streams []core.StreamProgress
	for n := range 60 {
		streams = append(streams, core.StreamProgress{Stream: fmt.Sprintf("list_%02d", n), Splits: 1, Done: 1,
			Records: 2})
	}
	streams[7].Done, streams[7].Broken = 0, 1
	streams[50].Done, streams[50].Records = 0, 0
	streams = append(streams, core.StreamProgress{Stream: "a_stream_of_a_long_name", Splits: 4, Done: 1, Records: 1000,
		Estimate: 4000})
	status := core.Status{Snapshot: core.Snapshot{Streams: streams}}
	v := view{status: status, width: 120, height: 30, rate: func(string) float64 { return 0 }}
	for _, text := range []string{v.render(), oneLine(status)} {
		for _, part := range []string{"a_stream_of_a_long_name", "list_07", "list_50", " of them done: "} {
			if !strings.Contains(text, part) {
				t.Errorf("%q is not in\n%s", part, text)
			}
		}
		if lines := strings.Count(text, "\n"); lines > 30 || strings.Contains(text, "list_49") {
			t.Errorf("%d lines:\n%s", lines, text)
		}
	}
	if text := v.render(); !strings.Contains(text, "\n  … and 48 streams more, 48 of them done: 96 records\n") ||
		!strings.Contains(text, "\n  list_07                 ░") {
		t.Errorf("13 streams should be shown in columns:\n%s", text)
	}
}

// TestProgressIsSpeltAsTheReport: the names of --output json are in one spelling.
func TestProgressIsSpeltAsTheReport(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(jsonEvent{Progress: &core.Status{
		Snapshot: core.Snapshot{Streams: []core.StreamProgress{{Stream: "issues"}}}, Waits: []core.Wait{{Host: "host"}},
		HTTP: core.HTTPStats{Hosts: []core.HTTPHost{{Host: "host"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if found := regexp.MustCompile(`"[A-Z]\w*":`).FindString(string(raw)); found != "" ||
		!strings.Contains(string(raw), `"elapsed_ns":`) {
		t.Errorf("%s in %s", found, raw)
	}
}
