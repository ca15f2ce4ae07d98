package show

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rivo/uniseg"
	"pgregory.net/rapid"

	"github.com/scrapekit/scrapekit/core"
)

func TestFit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, want string
		columns    int
	}{
		{"a b c\n", "a b c\n", 0},
		{"a b c\n", "a b c\n", 5},
		{"one two three\n", "one \n  two \n  three\n", 6},
		{"  lead word word\n", "  lead \n    word \n    word\n", 9},
		{"日本 日本 日本\n", "日本 日本 \n  日本\n", 9},
		{"Report: /a/very/long/path\nnext\n", "Report: \n  /a/very/long/path\nnext\n", 12},
	} {
		if got := fit(c.text, c.columns, func(string) int { return -1 }); got != c.want {
			t.Errorf("%d columns:\n%q, want\n%q", c.columns, got, c.want)
		}
	}
}

// TestReportFits: nothing of a report is wider than the terminal but words that are, and nothing of
// it is lost.
func TestReportFits(t *testing.T) {
	t.Parallel()
	streams := map[string]int64{}
	for i := range 60 {
		streams[fmt.Sprintf("stream%02d", i)] = int64(i) * 1000
	}
	source, sink := core.StageReport{Name: "source generate"}, core.StageReport{Name: "sink jsonl"}
	source.In, source.Out, source.Streams = 3000, 3000, streams
	sink.In, sink.Out, sink.Rejected, sink.Reasons = 3000, 2990, 10, map[string]int64{strings.Repeat("too long ",
		20): 10}
	r := &core.Report{
		Run: "20261130-000000-abcd", Outcome: core.Complete, Dir: "/tmp/x", Stages: []core.StageReport{source, sink},
		Counters: map[string]map[string]int64{"issues by type": streams},
	}
	whole, err := reportText(r, 0)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(24, 240).Draw(t, "columns")
		text, err := reportText(r, columns)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(text) {
			line = strings.TrimRight(line, " \n")
			if uniseg.StringWidth(line) > columns && len(strings.Fields(line)) > 1 {
				t.Fatalf("%d columns: %q", columns, line)
			}
		}
		for _, word := range strings.Fields(whole) {
			if tableHead := []string{"STAGE", "IN", "OUT", "REJECTED", "BYTES", "STREAMS"}; !strings.Contains(text,
				word) && !slices.Contains(tableHead, word) {
				t.Fatalf("%d columns: %q is gone from\n%s", columns, word, text)
			}
		}
	})
}

func reportText(r *core.Report, columns int) (string, error) {
	a := &Console{Hide: func(s string) string { return s }}
	return a.reportText(r, columns, false)
}
