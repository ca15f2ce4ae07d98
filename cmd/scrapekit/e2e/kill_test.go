// The first promise: whatever is killed, at whatever moment, the output is that of a run that was
// not killed.

//go:build linux

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/examples"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/jiraserver"
)

// site is a Jira that stays up while hosts and plugins die, and the pipeline that reads it.
type site struct {
	url string
}

// newSite starts a Jira like the demo's: faults on, and slow enough that kills fall into the
// middle.
func newSite(t *testing.T, issues int, latency time.Duration) site {
	t.Helper()
	jira := jiraserver.New(jiraserver.Options{Seed: 7, BasePath: "/jira", Faults: badDay, Latency: latency})
	jira.Generate(jiraserver.Synthetic{Projects: []jiraserver.Project{{Key: "ALPHA", Issues: issues / 2},
		{Key: "BRAVO", Issues: issues - issues/2}}})
	server := httptest.NewServer(jira)
	t.Cleanup(server.Close)
	return site{url: server.URL + "/jira"}
}

// badDay is what fails of a Jira: errors, proxies' HTML, broken bodies and connections, slow
// replies.
var badDay = jiraserver.Faults{ServerErrors: 0.03, HTMLErrors: 0.02, Truncated: 0.02, Resets: 0.02, Slow: 0.03,
	Delay: 300 * time.Millisecond}

// place is a folder with the shipped pipeline file, set to commit often.
func (s site) place(t *testing.T, pageSize int) place {
	t.Helper()
	p := place{dir: t.TempDir(), site: s, pageSize: pageSize}
	text := string(examples.Jira)
	if !strings.Contains(text, "\nsource \"jira\" {") {
		t.Fatal("examples/jira.hcl has no source \"jira\"")
	}
	text = strings.Replace(text, "\nsource \"jira\" {",
		fmt.Sprintf("\nsource \"jira\" {\n  page_size = %d\n  split_size = %d\n", pageSize, 4*pageSize), 1)
	text = strings.Replace(text, "rate        = 10 ", "rate        = 500 ", 1)
	if !strings.Contains(text, "rate        = 500 ") {
		t.Fatal("examples/jira.hcl has no rate to lift")
	}
	text = "pipeline {\n  commit_every = \"60ms\"\n  commit_bytes = \"1B\"\n}\n" + cutBlock(text, "pipeline")
	if err := os.WriteFile(p.file(), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

// cutBlock takes a top-level block without a label out of a pipeline file.
func cutBlock(text, name string) string {
	from := strings.Index(text, "\n"+name+" {")
	if from < 0 {
		return text
	}
	to := strings.Index(text[from:], "\n}\n")
	return text[:from] + text[from+to+2:]
}

type place struct {
	dir      string
	site     site
	pageSize int
}

func (p place) file() string { return filepath.Join(p.dir, "jira.hcl") }

// command is the host on this place's pipeline.
func (p place) command(ctx context.Context) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.CommandContext(ctx, scrapekit, "run", p.file(), "--output", "plain",
		"--var", "url="+p.site.url, "--var", `projects=["ALPHA", "BRAVO"]`, "--var", "out=corpus")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	return cmd, &out
}

// finish runs to the end without a kill.
func (p place) finish(t *testing.T) {
	t.Helper()
	cmd, out := p.command(t.Context())
	if err := cmd.Run(); err != nil {
		t.Fatalf("run: %v\n%s", err, out)
	}
}

// finishWith is finish with more arguments.
func (p place) finishWith(t *testing.T, args ...string) {
	t.Helper()
	cmd, out := p.command(t.Context())
	cmd.Args = append(cmd.Args, args...)
	if err := cmd.Run(); err != nil {
		t.Fatalf("run: %v\n%s", err, out)
	}
}

// records returns every record of every output file, sorted.
func (p place) records(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.dir, "corpus", "*.jsonl*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no output files: %v", err)
	}
	var out []string
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, ".zst") {
			r, err := zstd.NewReader(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			if raw, err = io.ReadAll(r); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			r.Close()
		}
		for line := range strings.Lines(string(raw)) {
			out = append(out, filepath.Base(file)+" "+line)
		}
	}
	slices.Sort(out)
	return out
}

// report returns the report of the first run.
func (p place) report(t *testing.T) core.Report {
	t.Helper()
	r, err := firstReport(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// same compares a place with one that was not disturbed: records as multisets, and the exact
// counts.
func (p place) same(t *testing.T, want []string, report core.Report) {
	t.Helper()
	got := p.records(t)
	count := map[string]int{}
	for _, r := range want {
		count[r]--
	}
	for _, r := range got {
		count[r]++
	}
	lost, twice := 0, 0
	for _, n := range count {
		lost += max(0, -n)
		twice += max(0, n)
	}
	if lost > 0 || twice > 0 {
		t.Fatalf("%d records, want %d: %d lost, %d twice or other", len(got), len(want), lost, twice)
	}
	gotReport := p.report(t)
	for i, s := range gotReport.Stages {
		if w := report.Stages[i]; s.In != w.In || s.Out != w.Out || s.Rejected != w.Rejected {
			t.Errorf("%s: in %d, out %d, rejected %d; undisturbed %d, %d, %d", s.Name, s.In, s.Out, s.Rejected, w.In,
				w.Out, w.Rejected)
		}
	}
	for heading, names := range report.Counters {
		if heading == "requests" {
			continue // how often something was asked depends on what was killed
		}
		for name, n := range names {
			if got := gotReport.Counters[heading][name]; got != n {
				t.Errorf("counter %s/%s = %d, undisturbed %d", heading, name, got, n)
			}
		}
	}
}

// victims are what the random kills kill.
var victims = []string{"host", "jira", "llm", "jsonl"}

// TestRandomKills kills host, source, transform and sink at random moments. SCRAPEKIT_KILLS says
// how many kills must land, SCRAPEKIT_SEED which ones.
func TestRandomKills(t *testing.T) {
	t.Parallel()
	kills := number(t, "SCRAPEKIT_KILLS", 24)
	seed := number(t, "SCRAPEKIT_SEED", 1)
	t.Logf("%d kills, seed %d", kills, seed)
	s := newSite(t, 400, 15*time.Millisecond)
	calm := s.place(t, 10)
	calm.finish(t)
	want, report := calm.records(t), calm.report(t)
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	landed, rounds := map[string]int{}, 0
	for total := 0; total < kills; rounds++ {
		p := s.place(t, 10)
		total += p.killed(t, random, kills-total, landed)
		p.same(t, want, report)
	}
	t.Logf("%d records each in %d runs to the end; kills that landed: %v", len(want), rounds, landed)
	for _, v := range victims {
		if landed[v] == 0 && kills >= 24 {
			t.Errorf("no kill of the %s landed: the test proves less than it says", v)
		}
	}
}

func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// killed runs a place to its end, with at most limit kills on the way, and returns how many landed.
func (p place) killed(t *testing.T, random *rand.Rand, limit int, landed map[string]int) int {
	t.Helper()
	n := 0
	for {
		cmd, out := p.command(t.Context())
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		err, killedHost := p.disturb(t, cmd.Process.Pid, ended, random, limit, &n, landed)
		if err == nil {
			return n
		}
		if !killedHost {
			t.Fatalf("the host ended by itself: %v\n%s", err, out)
		}
	}
}

// maxPluginKills is how many plugins of one host are killed at most: where starting takes longer
// than the time between two kills, a host gives up after five attempts that came to nothing, as it
// should.
const maxPluginKills = 4

// disturb kills until the host has ended, and returns how it did and whether it was killed.
func (p place) disturb(t *testing.T, pid int, ended <-chan error, random *rand.Rand, limit int, n *int,
	landed map[string]int) (error, bool) {
	t.Helper()
	for plugins := 0; *n < limit; {
		select {
		case err := <-ended:
			return err, false
		case <-time.After(time.Duration(80+random.IntN(700)) * time.Millisecond):
		}
		victim := victims[random.IntN(len(victims))]
		if plugins == maxPluginKills {
			victim = "host"
		}
		target := pid
		if victim != "host" {
			target = childServing(pid, victim)
		}
		if target == 0 || syscall.Kill(target, syscall.SIGKILL) != nil {
			continue
		}
		*n++
		landed[victim]++
		if victim == "host" {
			return <-ended, true
		}
		plugins++
	}
	return <-ended, false
}

// childServing finds the process that serves a plugin for a host; 0: there is none now.
func childServing(host int, plugin string) int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
		if len(fields) < 2 || fields[1] != strconv.Itoa(host) {
			continue
		}
		args, err := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
		if err == nil && strings.HasSuffix(string(args), "\x00serve\x00"+plugin+"\x00") {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			return pid
		}
	}
	return 0
}
