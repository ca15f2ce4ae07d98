// Plugins in Python, tested as a stranger would: built by their own build, and held to the
// conformance suite by their own CI.

package e2e

import (
	"bytes"
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// pythonOf returns a Python that can build plugins, or skips the test; with
// SCRAPEKIT_PYTHON_TESTS=required it fails.
func pythonOf(t *testing.T) string {
	t.Helper()
	python := cmp.Or(os.Getenv("PYTHON"), "/usr/bin/python3")
	script := "import grpc, google.protobuf, os, sysconfig; assert " +
		"os.path.exists(sysconfig.get_path('include') + '/Python.h')"
	out, err := exec.CommandContext(t.Context(), python, "-c", script).CombinedOutput()
	if err == nil {
		_, err = exec.LookPath("cc")
	}
	if err == nil {
		return python
	}
	problem := "plugins in Python are not tested: apt install python3-grpcio python3-protobuf python3-dev gcc"
	if os.Getenv("SCRAPEKIT_PYTHON_TESTS") == "required" {
		t.Fatalf("%s: %v\n%s", problem, err, out)
	}
	t.Skip(problem)
	return ""
}

//ci:plain
func TestPython(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	python := pythonOf(t)
	for _, kind := range []string{"source", "transform", "sink"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir, env := newRepository(t, kind, "first", "--lang", "python")
			runCI(t, dir, append(env, "PYTHON="+python))
			if kind != "source" {
				return
			}
			text, err := os.ReadFile(filepath.Join(dir, "plugin.py"))
			if err != nil {
				t.Fatal(err)
			}
			lines := 0
			for line := range strings.Lines(string(text)) {
				if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") &&
					!strings.HasPrefix(line, `"""`) {
					lines++
				}
			}
			if lines > 40 {
				t.Errorf("a source takes %d lines", lines)
			}
		})
	}
}

// TestPythonServices tests what the suite cannot ask for: redirects, connections, files that the
// host keeps, classes of replies.
//
//ci:plain
func TestPythonServices(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	python := pythonOf(t)
	module, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	s := startServices(t)
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), python, "-m", "scrapekit.build",
		filepath.Join(module, "cmd", "scrapekit", "e2e", "testdata", "python", "services.py"),
		"-o", filepath.Join(dir, "services"))
	build.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONPATH="+filepath.Join(module, "sdk", "python"))
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.run(t, dir, "services")
}

// TestPythonPieces tests what a plugin is hard to bring to.
//
//ci:plain
func TestPythonPieces(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), pythonOf(t), filepath.Join("testdata", "python", "pieces.py"))
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1",
		"PYTHONPATH="+filepath.Join("..", "..", "..", "sdk", "python"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// servicesPipeline is a run of a source, in whichever language, that uses each service of the host
// once.
const servicesPipeline = `
source "./PROGRAM" {
  url  = "URL"
  echo = "ECHO"
  grant { methods = ["POST"] }
  http { rate = 1000 }
  files { path = "files" }
}
sink "jsonl" { path = "out/{stream}.jsonl" }
`

// run runs the pipeline and looks at what the source made of it.
func (s *services) run(t *testing.T, dir, program string) {
	t.Helper()
	file := strings.NewReplacer("PROGRAM", program, "URL", s.url, "ECHO", s.echo).Replace(servicesPipeline)
	if err := os.WriteFile(filepath.Join(dir, "p.hcl"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), scrapekit, "run", "p.hcl")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "SCRAPEKIT_SANDBOX=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got, err := os.ReadFile(filepath.Join(dir, "out", "answers.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`{"redirected":"the page"}`, `{"posted":"GET /page"}`, `{"loop":"more than 10 redirects"}`,
		`{"temporary":"mended"}`, `{"final":503}`,
		`{"kept":8}`, `{"other":"8 bytes came of the 9 that it has"}`, `{"none":404}`,
		`{"echo":"hello","end":""}`, `{"refused":true}`, `{"missing":"no member"}`, `{"big":1152921504606846977}`,
	} {
		if !bytes.Contains(got, []byte(want+"\n")) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if n := bytes.Count(got, []byte("\n")); n != 12 {
		t.Errorf("%d answers:\n%s", n, got)
	}
}
