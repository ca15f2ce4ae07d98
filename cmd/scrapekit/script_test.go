// What a user sees: scripts of commands, with their output and exit codes, in testdata/script.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/core/plugins"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// TestScripts runs the scripts, each in a folder of its own. Beside testscript's own commands they
// have
//
//	exec exits CODE COMMAND...   run a command that must end with this code; SIGINT is passed on to it
//	jira …                       see script_jira_test.go
//	registry [USER:PASSWORD]     see script_registry_test.go
//	site DIR, github …           see script_site_test.go
//	jsonlines FILE               every line of a file, or of stdout, is JSON
//	records N FILE [TEXT]        a file has this many lines, or as many that hold a text
//
// and ./troubled, a third-party plugin that panics, in the script's folder.
func TestScripts(t *testing.T) { runScripts(t, ".") }

// TestScriptsLong runs those that take long.
//
//ci:plain
func TestScriptsLong(t *testing.T) {
	if crashtest.Raced || testing.Short() {
		t.Skip("they take long")
	}
	runScripts(t, "long")
}

// TestScriptsRegistry runs those that publish and install, against the registry that
// SCRAPEKIT_REGISTRY names too.
//
//ci:plain
//ci:registry
func TestScriptsRegistry(t *testing.T) {
	if crashtest.Raced || testing.Short() {
		t.Skip("they take long")
	}
	runScripts(t, "registry")
}

func runScripts(t *testing.T, folder string) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script", folder),
		Setup:               setUpScript,
		WorkdirRoot:         t.TempDir(), // or a folder stays behind when -run picks a script
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			if cond == "confined" {
				_, reason := core.BestSandbox()
				return reason == nil, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"jira": startJira, "jira-stop": stopJira, "jira-comment": commentOnIssue,
			"jira-hold": holdJira, "jira-held": waitForHeld, "jira-go": releaseJira,
			"registry": startRegistry, "site": startSite, "github": startGitHub,
			"hello": buildHello, "evil": buildEvil,
			"jsonlines": jsonLines, "records": countRecords, "arrives": waitForFile,
		},
	})
}

func setUpScript(e *testscript.Env) error {
	e.Values[jiraKey{}] = &scriptJira{}
	e.Setenv("GORACE", os.Getenv("GORACE"))
	e.Setenv("SCRAPEKIT_PLUGIN_STORE", filepath.Join(e.WorkDir, ".store"))
	e.Setenv(plugins.ConfigVar, filepath.Join(e.WorkDir, ".config"))
	examples, err := filepath.Abs(filepath.Join("..", "..", "examples"))
	if err != nil {
		return err
	}
	e.Setenv("EXAMPLES", examples)
	program, err := exec.LookPath("troubled")
	if err != nil {
		return err
	}
	return os.Symlink(program, filepath.Join(e.WorkDir, "troubled"))
}

// exits runs a command and is content if it ends with the code in front of it.
func exits(args []string) int {
	if len(args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: exits CODE COMMAND...")
		return 2
	}
	want, err := strconv.Atoi(args[0])
	if err != nil {
		fmt.Fprintln(os.Stderr, "exits:", err)
		return 2
	}
	got, err := exitOf(args[1], args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "exits:", err)
		return 1
	}
	if got != want {
		fmt.Fprintf(os.Stderr, "exits: %s ended with code %d, want %d\n", args[1], got, want)
		return 1
	}
	return 0
}

// exitOf runs a command, passes on what a script sends to it, and returns its exit code.
func exitOf(name string, args []string) (int, error) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt)
	cmd := exec.CommandContext(context.Background(), name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			if err := cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
				return 0, err
			}
		case err := <-ended:
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				return exit.ExitCode(), nil
			}
			return 0, err
		}
	}
}

// jsonLines checks that a file holds JSON and nothing else, one value a line.
func jsonLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: jsonlines FILE")
	}
	text := []byte(ts.ReadFile(args[0]))
	if len(text) == 0 || text[len(text)-1] != '\n' {
		ts.Fatalf("%s: empty, or its last line has no end", args[0])
	}
	for i, line := range bytes.Split(text[:len(text)-1], []byte("\n")) {
		if !json.Valid(line) {
			ts.Fatalf("%s:%d: not JSON: %s", args[0], i+1, line)
		}
	}
}

// countRecords checks how many lines a file has, without a word on what they are.
func countRecords(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: records N FILE [TEXT]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	n := 0
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		if strings.Contains(line, strings.Join(args[2:], " ")) {
			n++
		}
	}
	if n != want {
		ts.Fatalf("%s: %d records, want %d", args[1], n, want)
	}
}

// waitForFile waits until a file holds something: what a run reads ahead is not delivered yet.
func waitForFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: arrives FILE")
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if info, err := os.Stat(ts.MkAbs(args[0])); err == nil && info.Size() > 0 {
			return
		}
	}
	ts.Fatalf("nothing came to %s", args[0])
}

// troubles says what a troubled source does instead of reading.
type troubles struct {
	Trouble string `json:"trouble" enum:"panic,rejects" default:"panic" doc:"What goes wrong."`
}

// troubled is a third-party source with which something goes wrong.
func troubled() sdk.Plugin {
	return sdk.SourcePlugin(sdk.Info{Name: "troubled", Version: "0.0.1", Doc: "Something goes wrong with it."},
		func(_ context.Context, c troubles) (sdk.Source, error) { return c, nil })
}

func (troubles) Streams(context.Context) ([]sdk.Stream, error) {
	return []sdk.Stream{{Name: "things"}}, nil
}

func (troubles) Plan(context.Context, sdk.Plan) ([]sdk.Split, error) {
	return []sdk.Split{{ID: "all", Stream: "things"}}, nil
}

func (c troubles) Read(_ context.Context, _ sdk.Split, w *sdk.Writer) error {
	var replies []string
	if c.Trouble == "panic" {
		return errors.New(replies[3])
	}
	return errors.Join(
		w.EmitJSON("things", []byte(`{"id":1}`)),
		w.EmitJSON("things", []byte(`{"id":2`)),
		w.Reject("things", []byte(`{"id":3}`), "too old"),
		w.EmitJSON("things", []byte(`{"id":4}`)),
	)
}
