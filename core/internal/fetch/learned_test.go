package fetch

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/pace"
	"github.com/scrapekit/scrapekit/core/internal/fetch/ratelimit"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

// TestLearnedIsKept: a second run is not refused before it knows the limit, and an old file counts
// less.
func TestLearnedIsKept(t *testing.T) {
	for _, c := range []struct {
		name  string
		after time.Duration
		most  int // refusals
	}{
		{"an hour later", time.Hour, 1},
		{"two days later", 48 * time.Hour, 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "limits.json")
				run := func() (refused int) {
					host := newPoliced(admitting(tokenBucket(20, 20, retryAfter)), 1)
					client := newClient(Options{Learned: file}, host)
					start := time.Now()
					crawl(t, client, httppolicy.Policy{Concurrency: 16}, 600)
					client.Close()
					_, refused = host.taken(start)
					return refused
				}
				first := run()
				time.Sleep(c.after)
				if again := run(); again > c.most || first <= c.most {
					t.Errorf("refused %d times, then %d", first, again)
				}
				time.Sleep(pace.Forgotten + time.Hour)
				if again := run(); again < first/2 {
					t.Errorf("refused %d times, and %d when the file was too old to count", first, again)
				}
			})
		})
	}
}

func TestLearnedCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "limits.json")
		var limits []int
		for range 2 {
			host := capped(200, 1)
			host.limit, host.lines, host.status = atMost{10, nil}, nil, 503
			client := newClient(Options{Learned: file}, host)
			start := time.Now()
			crawl(t, client, httppolicy.Policy{Concurrency: 16}, 2000)
			_, refused := host.taken(start)
			limits = append(limits, only(t, client).Limit, refused)
			client.Close()
		}
		if limits[0] != 10 || limits[2] != 10 || limits[1] == 0 || limits[3] > 1 {
			t.Errorf("limit and refusals: %v", limits)
		}
	})
}

// TestLearnedRubbish: whatever the file holds, the client works and writes it anew.
func TestLearnedRubbish(t *testing.T) {
	for _, text := range []string{"", "null", "{", `{"version":2}`,
		`{"version":1,"hosts":{"host.example":{"rate":-1,"crowd":-5,"at":"2026-01-01T00:00:00Z"}}}`,
		`{"version":1,"hosts":{"host.example":{"rate":1e300,"crowd":99999,"latency":-1,"at":"2999-01-01T00:00:00Z"}}}`} {
		synctest.Test(t, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "limits.json")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			client := newClient(Options{Learned: file}, newPoliced(admitting(tokenBucket(20, 20, nil)), 1))
			crawl(t, client, httppolicy.Policy{Concurrency: 16}, 100)
			client.Close()
			f, err := ratelimit.ReadLearned(file)
			if err != nil || f.Hosts["host.example"].Rate <= 0 {
				t.Errorf("%q: %+v %v", text, f, err)
			}
			if left, err := filepath.Glob(filepath.Join(filepath.Dir(file), ".new-*")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}

// TestLearnedOfAKilledRun: what a run has learned is in the file before it ends.
func TestLearnedOfAKilledRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "limits.json")
		client := newClient(Options{Learned: file}, newPoliced(admitting(tokenBucket(20, 20, retryAfter)), 1))
		crawl(t, client, httppolicy.Policy{Concurrency: 16}, 600)
		f, err := ratelimit.ReadLearned(file) // and the client is not closed
		if err != nil || f.Hosts["host.example"].Rate < 10 || f.Hosts["host.example"].Rate > 25 {
			t.Errorf("%+v %v", f, err)
		}
	})
}

// TestLearnedCrowdThatIsNone: a limit of the requests under way that the host does not have, or no
// more, is gone in a run of some minutes, is not told to the next one when nothing has confirmed it
// for long, and is not told at all after few requests.
func TestLearnedCrowdThatIsNone(t *testing.T) {
	slow := func() *policed {
		host := newPoliced(admitting(func(time.Time) (bool, http.Header) { return true, nil }), 1)
		host.service = 350 * time.Millisecond
		return host
	}
	keep := func(t *testing.T, l pace.Learned) string {
		file := filepath.Join(t.TempDir(), "limits.json")
		if err := ratelimit.WriteLearned(file,
			ratelimit.LearnedFile{Version: 1, Hosts: map[string]pace.Learned{"host.example": l}}); err != nil {
			t.Fatal(err)
		}
		return file
	}
	run := func(t *testing.T, file string, host *policed, requests int) (kept pace.Learned, limit int) {
		client := newClient(Options{Learned: file}, host)
		crawl(t, client, httppolicy.Policy{Concurrency: 16}, requests)
		limit = only(t, client).Limit
		client.Close()
		f, err := ratelimit.ReadLearned(file)
		if err != nil {
			t.Error(err)
		}
		return f.Hosts["host.example"], limit
	}
	t.Run("raised", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			file := keep(t, pace.Learned{Crowd: 6, At: time.Now(), CrowdAt: time.Now()})
			start := time.Now()
			_, limit := run(t, file, slow(), 3600)
			if took := time.Since(start); limit < 16 || took > 2*time.Minute {
				t.Errorf("%d at once at last, after %s; 90 s is what 16 at once take", limit, took)
			}
		})
	})
	t.Run("aged", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			file := keep(t, pace.Learned{Crowd: 6, At: time.Now(), CrowdAt: time.Now()})
			for range 2 { // short runs, a day apart: nothing is refused, and nothing is confirmed
				time.Sleep(24 * time.Hour)
				run(t, file, slow(), 40)
			}
			if _, limit := run(t, file, slow(), 40); limit < 16 {
				t.Errorf("%d at once", limit)
			}
		})
	})
	t.Run("few requests", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "limits.json")
			host := slow()
			host.limit, host.status = atMost{6, nil}, 503
			if kept, limit := run(t, file, host, 80); kept.Crowd != 0 || limit != 6 {
				t.Errorf("%d at once, kept %+v after 80 requests", limit, kept)
			}
			if kept, _ := run(t, file, host, 1000); kept.Crowd != 6 {
				t.Errorf("kept %+v after 1000 requests", kept)
			}
		})
	})
}
