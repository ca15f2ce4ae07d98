// What the whole program costs, as its user runs it: processes, gRPC and files included.
//
//	go test -run '^$' -bench . -benchtime 1x ./cmd/scrapekit

//go:build linux

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/jiraserver"
)

// BenchmarkThroughput delivers records of about 400 bytes from a generator to JSON Lines: host,
// source and sink are three processes. SCRAPEKIT_RECORDS says how many.
func BenchmarkThroughput(b *testing.B) {
	records := 1_000_000
	if v := os.Getenv("SCRAPEKIT_RECORDS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			b.Fatal(err)
		}
		records = n
	}
	for b.Loop() {
		dir := b.TempDir()
		file := write(b, dir, fmt.Sprintf(
			"source \"generate\" {\n  records = %d\n}\nsink \"jsonl\" {\n  path = \"out/{stream}.jsonl\"\n}\n",
			records))
		start := time.Now()
		cmd := exec.Command(os.Args[0], "run", file, "--output", "plain")
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		wall := time.Since(start)
		host := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		// The plugins are children of the host, which waits for them: its times hold theirs.
		cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		millions := float64(records) / 1e6
		b.ReportMetric(cpu.Seconds()/millions, "cpu-s/Mrec")
		b.ReportMetric(float64(records)/wall.Seconds(), "rec/s")
		b.ReportMetric(float64(host.Maxrss)/1024, "host-MiB")
		if n := lines(b, filepath.Join(dir, "out")); n != records {
			b.Fatalf("%d records delivered, want %d", n, records)
		}
		if err := os.RemoveAll(dir); err != nil {
			b.Fatal(err)
		}
	}
}

// lines counts the lines of all files in a folder.
func lines(tb testing.TB, dir string) int {
	tb.Helper()
	out, err := exec.Command("sh", "-c", "cat "+dir+"/*.jsonl | wc -l").Output()
	if err != nil {
		tb.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

// BenchmarkPolite reads a Jira that allows so many requests a second, told by headers or by 429
// alone. It reports the time against the ideal, requests / limit, and the share of refused
// requests.
func BenchmarkPolite(b *testing.B) {
	forms := map[string]jiraserver.LimitForm{"headers": jiraserver.DataCenterHeaders,
		"retry-after": jiraserver.RetryAfterSeconds, "html-429": jiraserver.HTMLBody}
	for name, form := range forms {
		b.Run(name, func(b *testing.B) {
			const limit = 20
			for b.Loop() {
				politeRun(b, jiraserver.Options{Seed: 3, BasePath: "/jira",
					Limit: &jiraserver.Limit{PerSecond: limit, Burst: 5, Form: form}}, 3000, func(s seen) {
					// The first request waits for nothing: n requests take n-1 intervals, less what
					// the burst gives.
					b.ReportMetric(s.took.Seconds()/(float64(s.requests)/limit), "of-ideal")
					b.ReportMetric(100*float64(s.refused)/float64(s.requests), "%refused")
					b.ReportMetric(float64(s.requests), "requests")
				})
			}
		})
	}
}

// BenchmarkLatency reads a Jira that takes 50 ms for each reply, 16 at once, without a limit.
func BenchmarkLatency(b *testing.B) {
	for b.Loop() {
		politeRun(b, jiraserver.Options{Seed: 3, BasePath: "/jira", Latency: 50 * time.Millisecond}, 12000,
			func(s seen) {
				ideal := float64(s.requests) * 0.050 / 16
				b.ReportMetric(100*ideal/s.took.Seconds(), "%of-ideal-rate")
				b.ReportMetric(float64(s.requests), "requests")
			})
	}
}

// seen is what a server saw of a run.
type seen struct {
	requests, refused int
	took              time.Duration // from the first request to the last reply
}

func politeRun(b *testing.B, o jiraserver.Options, issues int, report func(seen)) {
	b.Helper()
	jira := jiraserver.New(o)
	projects := make([]jiraserver.Project, 16)
	for i := range projects {
		projects[i] = jiraserver.Project{Key: fmt.Sprintf("P%c", 'A'+i), Issues: issues / 16}
	}
	jira.Generate(jiraserver.Synthetic{Projects: projects})
	var mu sync.Mutex
	var s seen
	var first, last time.Time
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := time.Now()
		rec := &statusWriter{ResponseWriter: w}
		jira.ServeHTTP(rec, r)
		mu.Lock()
		defer mu.Unlock()
		if first.IsZero() {
			first = at
		}
		last = time.Now()
		s.requests++
		if rec.status == http.StatusTooManyRequests {
			s.refused++
		}
	}))
	defer server.Close()
	dir := b.TempDir()
	file := write(b, dir, `
pipeline {
  concurrency = 16
}
source "jira" {
  url       = "`+server.URL+`/jira"
  page_size = 5
  select {
    streams = ["issues"]
  }
  http {
    concurrency = 16
  }
}
sink "jsonl" {
  path = "out/{stream}.jsonl"
}
`)
	if out, err := exec.Command(os.Args[0], "run", file, "--output", "plain").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	mu.Lock()
	defer mu.Unlock()
	s.took = last.Sub(first)
	report(s)
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// BenchmarkStartup times `scrapekit validate` and the way of `scrapekit run` to its first request.
func BenchmarkStartup(b *testing.B) {
	asked := make(chan time.Time, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- time.Now()
		http.Error(w, "no", http.StatusForbidden)
	}))
	defer server.Close()
	file := write(b, b.TempDir(), "source \"jira\" {\n  url = \""+server.URL+
		"\"\n}\ntransform \"llm\" {}\nsink \"jsonl\" {\n  path = \"out/{stream}.jsonl\"\n}\n")
	b.Run("validate", func(b *testing.B) {
		for b.Loop() {
			if out, err := exec.Command(os.Args[0], "validate", file).CombinedOutput(); err != nil {
				b.Fatalf("%v\n%s", err, out)
			}
		}
	})
	b.Run("first-request", func(b *testing.B) {
		var total time.Duration
		n := 0
		for b.Loop() {
			start := time.Now()
			// The run fails, as it must: only its first request matters here.
			_ = exec.Command(os.Args[0], "run", file, "--output", "plain").Run()
			total += (<-asked).Sub(start)
			n++
			for len(asked) > 0 {
				<-asked
			}
		}
		b.ReportMetric(float64(total.Milliseconds())/float64(n), "ms-to-first-request")
	})
}
