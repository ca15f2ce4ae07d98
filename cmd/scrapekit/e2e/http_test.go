// The http sink, killed in the middle of its deliveries.

//go:build linux

package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/plugins/sinks/http/httpsinktest"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// sending writes a pipeline that sends to an endpoint, and commits as often as it can.
func (b tools) sending(dir, url string, records int) (file string, err error) {
	file = filepath.Join(dir, "p.hcl")
	text := fmt.Sprintf(`pipeline {
  commit_every = "40ms"
  commit_bytes = "1B"
  required_plugins {
    steady = { source = %q }
  }
}
source "steady" {
  records = %d
  every   = 8
}
sink "http" {
  url         = "%s/in/{stream}"
  format      = "ndjson"
  idempotent  = true
  max_records = 5
  results     = "data.items"
}
`, b.path("steady"), records, url)
	return file, os.WriteFile(file, []byte(text), 0o644)
}

// odd are the records that the endpoint refuses.
var odd = regexp.MustCompile(`^\{"id":\d*[37]7,`)

// flaky loses some replies before a batch is taken, and some after it, and asks for a pause.
func flaky(n int) httpsinktest.Fault {
	switch {
	case n%9 == 4:
		return httpsinktest.LostAfter
	case n%9 == 7:
		return httpsinktest.LostBefore
	case n == 20:
		return httpsinktest.TooMany
	case n == 50:
		return httpsinktest.Busy
	}
	return httpsinktest.None
}

// TestSendingKilled kills host, source and sink while batches are sent to an endpoint that loses
// replies and refuses single records. The endpoint tells batches by their keys alone, and has each
// record once in the end, in order; what it refused is among the dead letters, once.
// SCRAPEKIT_KILLS says how many kills must land.
//
//ci:plain
func TestSendingKilled(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	b := needTools(t)
	all, seed := number(t, "SCRAPEKIT_KILLS", 20), number(t, "SCRAPEKIT_SEED", 1)
	random := rand.New(rand.NewPCG(uint64(seed), 3))
	landed, known := map[string]int{}, 0
	for total := 0; total < all; {
		server := httpsinktest.New(t)
		server.Fault, server.Refuse = flaky, odd.MatchString
		n, err := b.sendingRound(t.Context(), t.TempDir(), server, random, landed)
		if err != nil {
			t.Fatalf("seed %d, after %d kills: %v", seed, total, err)
		}
		total += n
		_, again := server.Requests()
		known += again
	}
	t.Logf("kills %v; %d requests came with a key that was known", landed, known)
	if all >= 20 && (len(landed) < 3 || known < 20) {
		t.Errorf("kills %v, %d requests came again: the test proves less than it says", landed, known)
	}
}

// byID compares records by their ids.
func byID(a, b string) int {
	return cmp.Or(cmp.Compare(len(idOf(a)), len(idOf(b))), cmp.Compare(idOf(a), idOf(b)))
}

func idOf(record string) string {
	id, _, _ := strings.Cut(strings.TrimPrefix(record, `{"id":`), ",")
	return id
}

// lettersOf are the records that the runs of a folder have rejected.
func lettersOf(dir string) (records []string, err error) {
	files, err := filepath.Glob(filepath.Join(dir, ".scrapekit", "p", "runs", "*", "rejects.jsonl"))
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(raw)) {
			var letter struct{ Record json.RawMessage }
			if err := json.Unmarshal([]byte(line), &letter); err != nil {
				return nil, err
			}
			records = append(records, string(letter.Record))
		}
	}
	return records, err
}

// sendingRound runs a pipeline to its end, with kills, and returns how many landed.
func (b tools) sendingRound(ctx context.Context, dir string, server *httpsinktest.Server, random *rand.Rand,
	landed map[string]int) (n int, err error) {
	const records = 320
	file, err := b.sending(dir, server.URL, records)
	if err != nil {
		return 0, err
	}
	host := crashtest.Program{Path: b.path("launch"),
		Args: []string{b.path("scrapekit"), "run", file, "--output", "plain"}, Root: dir}
	for killed := true; killed; {
		p, at := host, 0
		for _, victim := range []string{"http", "steady", ""} {
			if n < 12 && (victim == "" || random.IntN(3) > 0) {
				at += 1 + random.IntN(110)
				p.Strikes = append(p.Strikes, crashtest.Strike{At: at, Of: victim})
			}
		}
		out, err := p.Run(ctx)
		if err != nil {
			return n, err
		}
		killed = false
		for _, s := range out.Struck {
			n++
			landed[cmp.Or(s.Of, "host")]++
			killed = killed || s.Of == ""
		}
		if !killed && out.Code != 0 {
			return n, fmt.Errorf("after %v the host ended by itself with %d:\n%s", out.Struck, out.Code, out.Output)
		}
	}
	// and a run that finds nothing new
	if out, err := exec.CommandContext(ctx, b.path("scrapekit"), "run", file).CombinedOutput(); err != nil {
		return n, fmt.Errorf("%w\n%s", err, out)
	}
	var got []string
	for _, one := range server.Taken() {
		got = append(got, one.Records...)
	}
	if !slices.IsSortedFunc(got, byID) {
		return n, fmt.Errorf("not in order: %.2000q", got)
	}
	letters, err := lettersOf(dir)
	if err != nil || len(letters) == 0 || slices.ContainsFunc(got, odd.MatchString) {
		return n, fmt.Errorf("%d dead letters: %w", len(letters), err)
	}
	got = append(got, letters...)
	slices.SortFunc(got, byID)
	for i := range max(records, len(got)) {
		if i >= len(got) || i >= records || !strings.HasPrefix(got[i], `{"id":`+strconv.Itoa(i)+",") {
			return n, fmt.Errorf("%d records, want %d; at %d: %.200q", len(got), records, i, got[min(i, len(got)-1):])
		}
	}
	if wrong := server.Wrong(); len(wrong) > 0 {
		return n, fmt.Errorf("other bytes under a known key: %q", wrong)
	}
	return n, os.RemoveAll(dir)
}
