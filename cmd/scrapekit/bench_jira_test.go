// What reading a Jira costs: real issues of about 11 KB from a server without limits, by way of
// host and plugin, to a sink that keeps nothing.
//
//	go test -run '^$' -bench JiraIssues -benchtime 1x ./cmd/scrapekit
//	SCRAPEKIT_ISSUES=100000,1000000 go test -run '^$' -bench JiraIssues -benchtime 1x -timeout 2h ./cmd/scrapekit

//go:build linux

package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/jiraserver"
)

// realIssues are issues of a public site, beside the repository.
const realIssues = "../../../shared/fixtures/jira/apache/issues.jsonl"

// BenchmarkJiraIssues reads so many issues, copies of real ones, of each flavour. It reports how
// many a second, the time of the CPU of the server and of everything else, and the peaks of the
// memory of the host and of the source, which must not grow with the number of issues. Server, host
// and plugins share the cores of the machine. On Cloud the text is a document, made by the server
// for each issue anew.
func BenchmarkJiraIssues(b *testing.B) {
	for _, f := range []jiraserver.Flavour{jiraserver.DataCenter, jiraserver.Cloud} {
		for _, n := range strings.Split(cmp.Or(os.Getenv("SCRAPEKIT_ISSUES"), "20000"), ",") {
			issues, err := strconv.Atoi(n)
			if err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("%s/%d", f, issues), func(b *testing.B) {
				jira, issues := copiedIssues(b, jiraserver.Options{Flavour: f}, issues)
				server := httptest.NewServer(jira)
				defer server.Close()
				for b.Loop() {
					readIssues(b, server.URL, issues)
				}
			})
		}
	}
}

// copiedIssues returns a Jira with at least n issues, and how many they are.
func copiedIssues(b *testing.B, o jiraserver.Options, n int) (*jiraserver.Server, int) {
	b.Helper()
	file, err := os.Open(realIssues)
	if err != nil {
		b.Skip("the real issues are not here: ", err)
	}
	defer file.Close()
	jira := jiraserver.New(o)
	if err := jira.LoadIssues(file); err != nil {
		b.Fatal(err)
	}
	real := len(jira.Snapshot())
	copies := max(n-1, 0) / real
	jira.Copy(copies, time.Minute)
	return jira, real * (copies + 1)
}

// readIssues runs the program once and reports what it took.
func readIssues(b *testing.B, url string, issues int) {
	b.Helper()
	discard, err := exec.LookPath("discard")
	if err != nil {
		b.Fatal(err)
	}
	file := write(b, b.TempDir(), fmt.Sprintf(`
source "jira" {
  url = %q
  select {
    streams = ["issues"]
  }
}
sink %q {
}
`, url, discard))
	start, before := time.Now(), cpuOf(b, syscall.RUSAGE_SELF)
	cmd := exec.Command(os.Args[0], "run", file, "--full", "--output", "plain")
	peaks := peaksOf(b, cmd, 200*time.Millisecond) // which costs CPU
	wall, server := time.Since(start), cpuOf(b, syscall.RUSAGE_SELF)-before
	rest := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	per := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(issues) }
	b.ReportMetric(float64(issues)/wall.Seconds(), "issues/s")
	b.ReportMetric(per(server), "server-cpu-µs/issue")
	b.ReportMetric(per(rest), "cpu-µs/issue")
	b.ReportMetric(peaks["host"], "host-MiB")
	b.ReportMetric(peaks["jira"], "source-MiB")
	if peaks["host"] == 0 || peaks["jira"] == 0 {
		b.Errorf("peaks in MiB: %v", peaks)
	}
	reports, err := filepath.Glob(filepath.Join(filepath.Dir(file), ".scrapekit", "*", "runs", "*", core.ReportFile))
	if err != nil || len(reports) != 1 {
		b.Fatalf("reports %v, %v", reports, err)
	}
	var report core.Report
	raw, err := os.ReadFile(reports[0])
	if err = errors.Join(err, json.Unmarshal(raw, &report)); err != nil {
		b.Fatal(err)
	}
	if n := report.Stages[len(report.Stages)-1].Out; n != int64(issues) {
		b.Errorf("%d records of %d issues", n, issues)
	}
}

// cpuOf is the time that the CPU spent on this process, or on its children.
func cpuOf(b *testing.B, who int) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
