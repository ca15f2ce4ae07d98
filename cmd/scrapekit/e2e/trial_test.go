// A trial: the binary that ships runs a small pipeline, watched, in a folder of its own.

//go:build linux

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// tools is a folder with what crash tests run: the command, the plugins of testdata, and the
// launcher of watched programs. They are built as they ship, without the race detector.
type tools string

// buildOnce builds the tools for all tests of the package.
var buildOnce = sync.OnceValues(func() (tools, error) {
	cmd := exec.Command("go", "build", "-o", toolsDir+string(filepath.Separator), "..", "./testdata/steady",
		"./testdata/connects", "./testdata/readlist",
		"../../../examples/transform-number", "../../../examples/sink-redis", "../../../examples/source-forum",
		"../../../sdk/sdktest/crashtest/launch")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS="+strings.ReplaceAll(os.Getenv("GOFLAGS"), "-race", ""))
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building: %w\n%s", err, out)
	}
	return tools(toolsDir), nil
})

// needTools skips a test where programs cannot be watched.
func needTools(t *testing.T) tools {
	t.Helper()
	if err := crashtest.Supported(); err != nil {
		t.Skip(err)
	}
	b, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b tools) path(name string) string { return filepath.Join(string(b), name) }

// trial is a folder with a pipeline in it.
type trial struct {
	tools
	dir string
}

// trial writes a pipeline that commits as often as it can into a folder.
func (b tools) trial(dir, settings string) (trial, error) {
	x := trial{b, dir}
	text := fmt.Sprintf(`pipeline {
  commit_every = "40ms"
  commit_bytes = "1B"
  required_plugins {
    steady    = { source = %q }
    number    = { source = %q }
  }
}
source "steady" {
%s
}
transform "number" {
  reject_every = 7
}
sink "jsonl" {
  path = "out/{stream}.jsonl"
}
`, b.path("steady"), b.path("transform-number"), settings)
	return x, os.WriteFile(x.file(), []byte(text), 0o644)
}

// newTrial is a trial in a folder that goes with the test.
func (b tools) newTrial(t *testing.T, settings string) trial {
	t.Helper()
	x, err := b.trial(t.TempDir(), settings)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func (x trial) file() string { return filepath.Join(x.dir, "p.hcl") }

// command is the host on this pipeline, by itself.
func (x trial) command(ctx context.Context) *exec.Cmd {
	return exec.CommandContext(ctx, x.path("scrapekit"), "run", x.file(), "--output", "plain")
}

// watched is the host on this pipeline, to be watched.
func (x trial) watched() crashtest.Program {
	return crashtest.Program{Path: x.path("launch"),
		Args: []string{x.path("scrapekit"), "run", x.file(), "--output", "plain"}, Root: x.dir}
}

// run runs the pipeline with a fault.
func (x trial) run(t *testing.T, f crashtest.Fault, record bool) *crashtest.Outcome {
	t.Helper()
	p := x.watched()
	p.Fault, p.Record = f, record
	out, err := p.Run(t.Context())
	if err != nil {
		t.Fatalf("%v\n%s", err, out.Output)
	}
	return out
}

// calm is a trial that nothing disturbs: what it did, and what it delivered.
func (b tools) calm(t *testing.T, settings string) (*crashtest.Outcome, string) {
	t.Helper()
	x := b.newTrial(t, settings)
	whole := x.run(t, crashtest.Fault{}, false)
	if whole.Code != 0 || whole.Count() < 100 {
		t.Fatalf("undisturbed: code %d, %d operations\n%s", whole.Code, whole.Count(), whole.Output)
	}
	delivered, err := x.delivered()
	if err != nil {
		t.Fatal(err)
	}
	return whole, delivered
}

// ends runs the pipeline to its end, undisturbed, and compares what was delivered.
func (x trial) ends(ctx context.Context, want string) error {
	if out, err := x.command(ctx).CombinedOutput(); err != nil {
		return fmt.Errorf("the next run: %w\n%s", err, out)
	}
	return x.same(want)
}

// endsSame is ends for a test.
func (x trial) endsSame(t *testing.T, when, want string) {
	t.Helper()
	if err := x.ends(t.Context(), want); err != nil {
		t.Fatalf("%s: %v", when, err)
	}
}

// delivered is what a run leaves behind, in the order in which it was written: files of the sink,
// dead letters, and the counts of the report.
func (x trial) delivered() (string, error) {
	var out strings.Builder
	for _, pattern := range []string{"out/*.jsonl", ".scrapekit/p/runs/*/rejects.jsonl"} {
		files, err := filepath.Glob(filepath.Join(x.dir, filepath.FromSlash(pattern)))
		for _, f := range files {
			raw, bad := os.ReadFile(f)
			err = errors.Join(err, bad)
			fmt.Fprintf(&out, "%s\n%s", pattern, raw)
		}
		if err != nil {
			return "", err
		}
	}
	first, err := firstReport(x.dir)
	if err != nil {
		return "", err
	}
	for _, s := range first.Stages {
		fmt.Fprintf(&out, "%s: in %d, out %d, rejected %d\n", s.Name, s.In, s.Out, s.Rejected)
	}
	return out.String(), nil
}

// firstReport returns the report of the first run in a folder. A kill after its end makes another
// start, and so another run, which finds nothing new. The names of runs of one second do not tell
// which it was.
func firstReport(dir string) (core.Report, error) {
	files, err := filepath.Glob(filepath.Join(dir, ".scrapekit", "*", "runs", "*", core.ReportFile))
	if err != nil || len(files) == 0 {
		return core.Report{}, errors.Join(errors.New("no report"), err)
	}
	reports := make([]core.Report, len(files))
	for i, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return core.Report{}, err
		}
		if err := json.Unmarshal(raw, &reports[i]); err != nil {
			return core.Report{}, fmt.Errorf("%s: %w", file, err)
		}
	}
	return slices.MinFunc(reports, func(a, b core.Report) int { return a.Started.Compare(b.Started) }), nil
}

// same compares what was delivered, line for line.
func (x trial) same(want string) error {
	got, err := x.delivered()
	if err != nil || got == want {
		return err
	}
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		if a, b := at(g, i), at(w, i); a != b {
			return fmt.Errorf("%d lines, undisturbed %d; line %d is\n%s\nand should be\n%s", len(g), len(w), i, a, b)
		}
	}
	return nil
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(missing)"
}

// uncommitted reports whether a sink has written something that no commit stands for. A commit
// makes the sink's file last, and then the state; the state alone is made to last when splits are
// claimed, too.
func uncommitted(ops []crashtest.Op) bool {
	written, lasts := false, false
	for _, o := range ops {
		out, state := strings.HasPrefix(o.Path, "out/"), strings.HasPrefix(o.Path, ".scrapekit/p/state.db")
		switch {
		case o.Kind == crashtest.Write && out && strings.HasSuffix(o.Path, ".jsonl"):
			written, lasts = true, false
		case o.Kind == crashtest.Sync && out:
			lasts = true
		case o.Kind == crashtest.Sync && state && lasts:
			written = false
		}
	}
	return written
}
