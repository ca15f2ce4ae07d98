// The first promise against everything that can fail: the binary that ships runs a small pipeline, and is killed, failed and
// cut off at each thing that any of its processes does to a file.

//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// tools is a folder with what crash tests run: the command, the plugins of testdata, and the launcher of watched programs. They
// are built as they ship, without the race detector.
type tools string

func buildTools(t *testing.T) tools {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", dir+string(filepath.Separator), ".", "./testdata/steady", "./testdata/numbering", "../../sdk/sdktest/crashtest/launch")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS="+strings.ReplaceAll(os.Getenv("GOFLAGS"), "-race", ""))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	return tools(dir)
}

func (b tools) path(name string) string { return filepath.Join(string(b), name) }

// trial is a folder with a pipeline in it.
type trial struct {
	tools
	dir string
}

// trial makes a folder whose pipeline commits as often as it can.
func (b tools) trial(t *testing.T, settings string) trial {
	t.Helper()
	x := trial{b, t.TempDir()}
	text := fmt.Sprintf(`pipeline {
  commit_every = "40ms"
  commit_bytes = "1B"
  required_plugins {
    steady    = { source = %q }
    numbering = { source = %q }
  }
}
source "steady" {
%s
}
transform "numbering" {}
sink "jsonl" {
  path = "out/{stream}.jsonl"
}
`, b.path("steady"), b.path("numbering"), settings)
	if err := os.WriteFile(x.file(), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return x
}

func (x trial) file() string { return filepath.Join(x.dir, "p.hcl") }

// run runs the pipeline, watched.
func (x trial) run(t *testing.T, f crashtest.Fault, record bool) *crashtest.Outcome {
	t.Helper()
	out, err := crashtest.Program{
		Path: x.path("launch"), Args: []string{x.path("scrapekit"), "run", x.file(), "--output", "plain"}, Root: x.dir, Fault: f, Record: record,
	}.Run(t.Context())
	if err != nil {
		t.Fatalf("%v\n%s", err, out.Output)
	}
	return out
}

// finish runs the pipeline to its end, undisturbed.
func (x trial) finish(t *testing.T, when string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), x.path("scrapekit"), "run", x.file(), "--output", "plain").CombinedOutput()
	if err != nil {
		t.Fatalf("%s: the next run: %v\n%s", when, err, out)
	}
}

// delivered is what a run leaves behind, in the order in which it was written: files of the sink, dead letters, and the counts of the report.
func (x trial) delivered(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	for _, pattern := range []string{"out/*.jsonl", ".scrapekit/p/runs/*/rejects.jsonl"} {
		files, err := filepath.Glob(filepath.Join(x.dir, filepath.FromSlash(pattern)))
		for _, f := range files {
			raw, bad := os.ReadFile(f)
			err = errors.Join(err, bad)
			fmt.Fprintf(&out, "%s\n%s", pattern, raw)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range firstReport(t, x.dir).Stages {
		fmt.Fprintf(&out, "%s: in %d, out %d, rejected %d\n", s.Name, s.In, s.Out, s.Rejected)
	}
	return out.String()
}

func firstReport(t *testing.T, dir string) core.Report {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, ".scrapekit", "*", "runs", "*", core.ReportFile))
	if err != nil || len(files) == 0 {
		t.Fatalf("no report: %v", err)
	}
	var reports []core.Report
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var r core.Report
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		reports = append(reports, r)
	}
	return slices.MinFunc(reports, func(a, b core.Report) int { return a.Started.Compare(b.Started) })
}

func (x trial) same(t *testing.T, when, want string) {
	t.Helper()
	got := x.delivered(t)
	if got == want {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		if a, b := at(g, i), at(w, i); a != b {
			t.Fatalf("%s: %d lines, undisturbed %d; line %d is\n%s\nand should be\n%s", when, len(g), len(w), i, a, b)
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(missing)"
}

// settled are the settings of a pipeline that is soon done.
const settled = "  records = 24\n  every = 8"

// TestEverythingFails is all of that on one pipeline.
func TestEverythingFails(t *testing.T) {
	t.Parallel()
	if err := crashtest.Supported(); err != nil {
		t.Skip(err)
	}
	b := buildTools(t)
	calm := b.trial(t, settled)
	whole := calm.run(t, crashtest.Fault{}, false)
	if whole.Code != 0 || whole.Count() < 100 {
		t.Fatalf("undisturbed: code %d, %d operations\n%s", whole.Code, whole.Count(), whole.Output)
	}
	want := calm.delivered(t)
	for _, do := range []crashtest.Failure{crashtest.KillFirst, crashtest.Kill, crashtest.BrokenDisk, crashtest.FullDisk} {
		t.Run(do.String(), func(t *testing.T) { b.atEach(t, do, whole.Count(), want) })
	}
	t.Run("power cut", func(t *testing.T) { b.powerCuts(t, want) })
}

// atEach has the pipeline fail at each of its operations. Kills of the host are all made; of the others, which a sink, the state and the
// rest have in their own tests too, one in so many.
func (b tools) atEach(t *testing.T, do crashtest.Failure, count int, want string) {
	t.Parallel()
	share := number(t, "SCRAPEKIT_CRASH_SHARE", map[crashtest.Failure]int{crashtest.KillFirst: 1}[do])
	if share == 0 {
		share = 5
	}
	var landed atomic.Int64
	planned := 0
	t.Run("operation", func(t *testing.T) {
		for n := 1; n <= count; n += share {
			planned++
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				x := b.trial(t, settled)
				out := x.run(t, crashtest.Fault{At: n, Do: do}, false)
				when := fmt.Sprintf("%s at operation %d (%v)", do, n, out.Hit)
				if out.Hit != nil {
					landed.Add(1)
				}
				b.judge(t, when, do, out)
				x.finish(t, when)
				x.same(t, when, want)
			})
		}
	})
	t.Logf("%s: %d of %d landed", do, landed.Load(), planned)
	if err := (kills{planned: planned, landed: int(landed.Load())}).enough(); err != nil {
		t.Error(err)
	}
}

// judge looks at how a run ended that met a failure.
func (b tools) judge(t *testing.T, when string, do crashtest.Failure, out *crashtest.Outcome) {
	t.Helper()
	says := map[crashtest.Failure]string{crashtest.BrokenDisk: "input/output error|disk I/O error|unable to open database file", crashtest.FullDisk: "no space left"}[do]
	if says != "" && out.Code != 0 && !regexp.MustCompile(says).Match(out.Output) {
		t.Errorf("%s: code %d, and it does not say %q:\n%s", when, out.Code, says, out.Output)
	}
	if strings.Contains(string(out.Output), "panic") {
		t.Errorf("%s: %s", when, out.Output)
	}
}

// powerCuts has the power fail after operations of the whole pipeline: a sample, seeded. Each worker has a place of its own: where
// the outputs are is a part of the settings that a run goes on with.
func (b tools) powerCuts(t *testing.T, want string) {
	t.Parallel()
	const workers = 3
	share := max(1, number(t, "SCRAPEKIT_CUTS", 90)/workers)
	for w := range uint64(workers) {
		t.Run(fmt.Sprint("worker ", w), func(t *testing.T) {
			t.Parallel()
			x := b.trial(t, settled)
			whole := x.run(t, crashtest.Fault{}, true)
			all := slices.Collect(whole.PowerCuts(w))
			random := rand.New(rand.NewPCG(uint64(number(t, "SCRAPEKIT_SEED", 1)), w))
			random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			cuts := all[:min(len(all), share)]
			for _, c := range cuts {
				x.powerCut(t, whole, c, want)
			}
			t.Logf("%d of %d power cuts over %d operations", len(cuts), len(all), whole.Count())
		})
	}
}

func (x trial) powerCut(t *testing.T, whole *crashtest.Outcome, c crashtest.Cut, want string) {
	t.Helper()
	pipeline, err := os.ReadFile(x.file())
	if err = errors.Join(err, os.RemoveAll(x.dir), os.Mkdir(x.dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Restore(x.dir), os.WriteFile(x.file(), pipeline, 0o644)); err != nil {
		t.Fatal(err)
	}
	when := "power cut"
	if c.After > 0 {
		when = fmt.Sprintf("power cut after operation %d (%s), %s of what was not synced is kept", c.After, whole.Ops[c.After-1], c.How)
	}
	x.finish(t, when)
	x.same(t, when, want)
}
