// What is seen of a plugin that dies: at once by who looks on, and in a file of the run.

package core_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core"
)

func crashing(t *testing.T, lines string, o core.Options) *core.Pipeline {
	t.Helper()
	text := fmt.Sprintf(`source "web" {
  url   = %q
  token = "very secret"
  on_error {
    attempts = 2
  }
}
sink "jsonl" {
  path = "{stream}.jsonl"
}
`, serving(t, lines))
	return load(t, pipelineFile(t, text), o)
}

// TestPreviewTriesOnce: a panic and an error are the error, the first time.
func TestPreviewTriesOnce(t *testing.T) {
	t.Parallel()
	for lines, want := range map[string]string{"panic\n": "the plugin died", "error here\n": "error here"} {
		var out output
		o := options(io.Discard, io.Discard)
		o.Output = &out
		p := crashing(t, lines, o)
		err := p.Preview(t.Context(), 1, func(string, []byte) error { return nil })
		if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, t.Context().Err()) {
			t.Errorf("%q: %v", lines, err)
		}
		if stack := core.StackOf(err); strings.Contains(lines, "panic") != strings.Contains(stack,
			"core_test.(*web).Read") {
			t.Errorf("%q: stack %q", lines, stack)
		}
		starts := strings.Count(out.String(), "source web: about to read panic [redacted]")
		if lines == "panic\n" && starts != 1 || strings.Contains(out.String(), "very secret") {
			t.Errorf("%q: the plugin has printed %q", lines, out.String())
		}
	}
}

// TestRunKeepsStacks: each kind of death once, where the report says.
func TestRunKeepsStacks(t *testing.T) {
	t.Parallel()
	p := crashing(t, "panic\n", options(io.Discard, io.Discard))
	report, err := run(t, p, core.RunOptions{})
	if err != nil || report.Outcome != core.Incomplete || report.Crashes != filepath.Join(report.Dir, core.CrashFile) {
		t.Fatalf("%+v, %v", report, err)
	}
	raw, err := os.ReadFile(report.Crashes)
	if err != nil {
		t.Fatal(err)
	}
	n := bytes.Count(raw, []byte("[running]"))
	if n != 1 || !bytes.Contains(raw, []byte("core_test.(*web).Read")) || bytes.Contains(raw, []byte("very secret")) {
		t.Errorf("%d stacks in\n%s", n, raw)
	}
}

// TestOneTry: a run of an author ends with the first error.
func TestOneTry(t *testing.T) {
	t.Parallel()
	p := crashing(t, "panic\n", options(io.Discard, io.Discard))
	report, err := run(t, p, core.RunOptions{OneTry: true})
	if !core.IsCrash(err) || report == nil || report.Retries > 1 {
		t.Errorf("%+v, %v", report, err)
	}
}
