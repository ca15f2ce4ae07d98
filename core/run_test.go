// Runs of whole pipelines, with plugins in processes of their own.

package core_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/core/observe"
	"github.com/scrapekit/scrapekit/sdk/reply"
)

var bg = context.Background() // of a process of its own, which has no test

// sorted returns lines in order: batches of one split may come in any grouping.
func sorted(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

const toFile = `
source "web" {
  url = %q
}
sink "jsonl" {
  path = "out/{stream}.jsonl"
}
`

func TestReportCounts(t *testing.T) {
	t.Parallel()
	file := pipelineFile(t, fmt.Sprintf(toFile, serving(t, "1\n2\nbad one\nraw\n3\n")))
	report, err := run(t, load(t, file, options(io.Discard, nil)), core.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if report.Outcome != core.Complete || report.Splits[core.SplitFinished] != 1 || report.Commits == 0 ||
		len(report.HTTP.Hosts) != 1 || report.HTTP.Hosts[0].Requests != 1 {
		t.Errorf("report %+v", report)
	}
	if w := report.Writes["sink jsonl"]; w.Count == 0 || report.CommitTook.Count < report.Commits {
		t.Errorf("writes %+v, commits %d %+v", report.Writes, report.Commits, report.CommitTook)
	}
	for i, want := range []struct {
		name              string
		in, out, rejected int64
	}{{"source web", 5, 4, 1}, {"sink jsonl", 4, 3, 1}} {
		if s := report.Stages[i]; s.Name != want.name || s.In != want.in || s.Out != want.out ||
			s.Rejected != want.rejected {
			t.Errorf("%s: %+v, want %+v", want.name, s, want)
		}
	}
	if letters, err := os.ReadFile(report.DeadLetters); err != nil || strings.Count(string(letters), "\n") != 2 {
		t.Errorf("dead letters %q (%v), want two", letters, err)
	}
	raw, err := os.ReadFile(filepath.Join(report.Dir, core.ReportFile))
	if err != nil {
		t.Fatal(err)
	}
	var kept core.Report
	if err := json.Unmarshal(raw, &kept); err != nil || kept.Run != report.Run || kept.Stages[1].Out != 3 {
		t.Errorf("the report that was kept: %s (%v)", raw, err)
	}
}

// TestWhatIsLeftOut: a source reads the rest without a part. The run is incomplete, and yet the
// next one plans anew and reads what is new, rather than that part alone.
func TestWhatIsLeftOut(t *testing.T) {
	t.Parallel()
	var lines atomic.Value
	lines.Store("1\nmissing board\n2\nmissing board\n")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_,
			_ = io.WriteString(w, lines.Load().(string))
	}))
	defer server.Close()
	file := pipelineFile(t, fmt.Sprintf(toFile, server.URL))
	report, err := run(t, load(t, file, options(io.Discard, nil)), core.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := core.Missing{Part: "missing board", Times: 2, Problem: "500 from the server"}
	if report.Outcome != core.Incomplete || len(report.Missing) != 1 || report.Missing[0] != want ||
		report.Splits[core.SplitFinished] != 1 || len(report.Counters["missing"]) != 0 {
		t.Errorf("report %+v", report)
	}
	p := load(t, file, options(io.Discard, nil))
	if state, err := p.State(t.Context(), core.StateOptions{Runs: -1, Splits: -1}); err != nil ||
		len(state.Runs) != 1 || state.Runs[0].Outcome != core.Incomplete || len(state.Open) != 0 {
		t.Errorf("state %+v, %v", state, err)
	}
	lines.Store("1\n3\n")
	report, err = run(t, p, core.RunOptions{})
	if err != nil || report.Outcome != core.Complete || report.Resumed || report.Stages[0].Out != 2 {
		t.Errorf("the run after it: %+v, %v", report, err)
	}
}

// TestSecretsStayOut plants a secret, has the server echo it in a refusal, and looks for it in all
// that is left.
func TestSecretsStayOut(t *testing.T) {
	const secret = "sesame-open-4711"
	t.Setenv("CORE_TEST_TOKEN", secret)
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Token") != secret {
			t.Error("the secret did not get to the server: the test tests nothing")
		}
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "no access for "+r.Header.Get("X-Token"))
	}))
	defer echo.Close()
	file := pipelineFile(t, fmt.Sprintf(
		"source \"web\" {\n  url = %q\n  token = env(\"CORE_TEST_TOKEN\")\n}\nsink \"jsonl\" {\n"+
			"  path = \"out/x.jsonl\"\n}\n", echo.URL))
	var said output
	p := load(t, file, options(&said, &said))
	report, err := run(t, p, core.RunOptions{Listeners: []observe.Listener{func(e observe.Event) {
		fmt.Fprintf(&said,
			"%s %+v\n", e.Kind(), e)
	}}})
	fmt.Fprintln(&said, report, err)
	state, err := p.State(t.Context(), core.StateOptions{Runs: -1, Splits: -1})
	fmt.Fprintf(&said, "%+v %v\n", state, err)
	plan, err := p.Plan(t.Context(), false, -1)
	fmt.Fprintf(&said, "%+v %v\n", plan, err)
	if report == nil || report.Outcome == core.Complete ||
		!strings.Contains(said.String(), "no access for [redacted]") {
		t.Fatalf("the refusal is not told of: %s", said.String())
	}
	if strings.Contains(said.String(), secret) {
		t.Errorf("the output holds the secret: %s", said.String())
	}
	for path, text := range files(t, filepath.Dir(file)) {
		if strings.Contains(text, secret) {
			t.Errorf("%s holds the secret", path)
		}
	}
}

// files returns all files below a folder, by path.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		all[path] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestStdoutTakesWhatAFileTakes(t *testing.T) {
	t.Parallel()
	file := pipelineFile(t, fmt.Sprintf("source \"web\" {\n  url = %q\n}\nsink \"stdout\" {}\n",
		serving(t, "1\nraw\ngone 1\n2\n")))
	var out output
	report, err := run(t, load(t, file, options(&out, nil)), core.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if want := "{\"id\":\"1\"}\n{\"_op\":\"delete\",\"id\":\"gone 1\"}\n{\"id\":\"2\"}\n"; sorted(
		out.String()) != sorted(want) {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
	if s := report.Stages[1]; s.In != 4 || s.Out != 3 || s.Rejected != 1 {
		t.Errorf("sink: %+v", s)
	}
}

// TestPlanAndPreviewLeaveNothing: what only looks leaves no state, no output and no file behind.
func TestPlanAndPreviewLeaveNothing(t *testing.T) {
	tmp := t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, tmp)
	}
	file := pipelineFile(t, fmt.Sprintf(toFile, serving(t, "1\n2\n3\n")))
	p := load(t, file, options(io.Discard, nil))
	plan, err := p.Plan(t.Context(), false, -1)
	if err != nil || len(plan.Splits) != 1 || len(plan.Streams) != 1 || !plan.Streams[0].Selected {
		t.Fatalf("plan %+v (%v)", plan, err)
	}
	var seen []string
	err = p.Preview(t.Context(), 2, func(stream string, record []byte) error {
		seen = append(seen, stream+string(record))
		return nil
	})
	if err != nil || len(seen) != 2 || seen[0] != `lines{"id":"1"}` {
		t.Fatalf("preview %q (%v)", seen, err)
	}
	if left := files(t, filepath.Dir(file)); len(left) != 1 {
		t.Errorf("beside the file: %v", left)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
		t.Errorf("in the folder for temporary files: %v (%v)", left, err)
	}
}

// TestStreamNamedByASecretIsNotShown: neither by plan nor by preview.
func TestStreamNamedByASecretIsNotShown(t *testing.T) {
	t.Parallel()
	const secret = "lines" // as the source's stream is called
	file := pipelineFile(t, strings.Replace(fmt.Sprintf(toFile, serving(t, "1\n")), "url",
		"token = \""+secret+"\"\n  url", 1))
	p := load(t, file, options(io.Discard, nil))
	_, err := p.Plan(t.Context(), false, -1)
	err2 := p.Preview(t.Context(), 1, func(stream string, _ []byte) error { return fmt.Errorf("it shows %q", stream) })
	for _, err := range []error{err, err2} {
		if err == nil || !strings.Contains(err.Error(), "the name of a stream holds a secret") {
			t.Error(err)
		}
	}
}

// TestWaitsAreTold: what asks a server beside a run says that it waits, as a run does.
func TestWaitsAreTold(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			w.Header().Set("Retry-After", "2")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		_, _ = io.WriteString(w, "1\n")
	}))
	t.Cleanup(s.Close)
	var log output
	o := options(io.Discard, &log)
	o.Level = hclog.Warn
	p := load(t, pipelineFile(t, fmt.Sprintf(toFile, s.URL)), o)
	err := p.Preview(t.Context(), 1, func(string, []byte) error { return nil })
	if err != nil || !strings.Contains(log.String(), "429 (Retry-After), retry in 2") {
		t.Errorf("%v, and: %s", err, log.String())
	}
}

// TestChangedSettings: a run that is not finished goes on with the settings that it began with, or
// is given up.
func TestChangedSettings(t *testing.T) {
	t.Parallel()
	var busy atomic.Bool
	busy.Store(true)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if busy.Load() {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = io.WriteString(w, "1\n")
	}))
	defer server.Close()
	file := pipelineFile(t, fmt.Sprintf(toFile, server.URL+"/a"))
	if report, err := run(t, load(t, file, options(io.Discard, nil)), core.RunOptions{}); err != nil ||
		report.Outcome == core.Complete {
		t.Fatalf("the first run must not be finished: %+v (%v)", report, err)
	}
	busy.Store(false)
	rewrite(t, file, fmt.Sprintf(toFile, server.URL+"/b"))
	changed := load(t, file, options(io.Discard, nil))
	_, err := run(t, changed, core.RunOptions{})
	for _, want := range []string{"settings", "former", "--full"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	report, err := run(t, changed, core.RunOptions{Full: true})
	if err != nil || report.Outcome != core.Complete || !report.Full {
		t.Errorf("a full run: %+v (%v)", report, err)
	}
}

// TestLoadBuilds: what only the plugin knows of its settings is found before anything runs, without
// a secret.
func TestLoadBuilds(t *testing.T) {
	const secret = "sesame-open-4712"
	t.Setenv("CORE_TEST_TOKEN", secret)
	for text, want := range map[string]string{
		"source \"web\" {\n  url = \"http://127.0.0.1/wrong\"\n" +
			"  token = env(\"CORE_TEST_TOKEN\")\n}\nsink \"stdout\" {}\n": "" +
			"web.hcl:2: source \"web\": url: wrong for (sensitive)",
		"source \"web\" {\n  url = \"http://127.0.0.1\"\n}\nsink \"jsonl\" {\n" +
			"  path = \"x/{nope}.jsonl\"\n}\n": "web.hcl:5: sink \"jsonl\": path ",
		"source \"web\" {\n  url = \"http://127.0.0.1\"\n}\nsink \"jsonl\" {\n  path = \"x/\"\n}\n": "it names no file",
	} {
		file := pipelineFile(t, text)
		_, diags := core.Load(t.Context(), file, options(io.Discard, nil))
		if !strings.Contains(diags.Error(), want) || strings.Contains(diags.Error(), secret) {
			t.Errorf("got %q, want %q", diags.Error(), want)
		}
		if left := files(t, filepath.Dir(file)); len(left) != 1 {
			t.Errorf("left behind: %v", left)
		}
	}
}

// hold holds the lock of a pipeline until its stdin ends.
func hold(file string) {
	p, diags := core.Load(bg, file, options(io.Discard, nil))
	if diags.HasErrors() {
		panic(diags)
	}
	if _, err := p.Start(bg, core.RunOptions{}); err != nil {
		panic(err)
	}
	fmt.Println("held")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// TestLock: a second process is told who runs the pipeline, until that one ends, however it ends.
func TestLock(t *testing.T) {
	t.Parallel()
	file := pipelineFile(t, fmt.Sprintf(toFile, serving(t, "1\n")))
	cmd := exec.Command(os.Args[0], "hold", file)
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	kill := func() {
		if !killed {
			_ = cmd.Process.Kill() // an error says that it has ended already
			_ = cmd.Wait()         // it was killed, and says so
		}
		killed = true
	}
	defer kill()
	if _, err := fmt.Fscanln(out, new(string)); err != nil {
		t.Fatal(err)
	}
	p := load(t, file, options(io.Discard, nil))
	_, err = p.Start(t.Context(), core.RunOptions{})
	var locked *core.LockedError
	if !errors.As(err, &locked) || locked.Holder.PID != cmd.Process.Pid || locked.Holder.Started.IsZero() {
		t.Fatalf("got %v, want a *LockedError with the holder %d", err, cmd.Process.Pid)
	}
	if want := fmt.Sprintf("pipeline web is being run by process %d on ",
		cmd.Process.Pid); !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%q does not begin with %q", err, want)
	}
	if err := p.Reset(t.Context()); !errors.As(err, &locked) {
		t.Errorf("the state was reset beside a run: %v", err)
	}
	kill()
	if report, err := run(t, p, core.RunOptions{}); err != nil || report.Outcome != core.Complete {
		t.Errorf("after its end: %+v (%v)", report, err)
	}
}

// A file that a source asks to keep lies in the folder that the pipeline file names, and is fetched
// once for all runs.
func TestKeptFiles(t *testing.T) {
	t.Parallel()
	const content = "1\nkeep\n"
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = io.WriteString(w, content)
	}))
	t.Cleanup(server.Close)
	file := pipelineFile(t, fmt.Sprintf(`
source "web" {
  url = %q
  files {
    path = "kept"
  }
}
sink "jsonl" { path = "out/{stream}.jsonl" }
`, server.URL))
	for n := range 2 {
		if _, err := run(t, load(t, file, options(io.Discard, nil)), core.RunOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := asked.Load(); got != int64(2+n) {
			t.Errorf("run %d: %d requests so far, want %d", n, got, 2+n)
		}
	}
	dir := filepath.Dir(file)
	lines, err := os.ReadFile(filepath.Join(dir, "out", "lines.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var record struct{ File reply.File }
	if err := json.Unmarshal([]byte(strings.Split(string(lines), "\n")[1]), &record); err != nil {
		t.Fatal(err)
	}
	if kept, err := os.ReadFile(filepath.Join(dir, "kept", filepath.FromSlash(record.File.Path))); err != nil ||
		string(kept) != content {
		t.Errorf("kept %q (%v), record %+v", kept, err, record)
	}
}
