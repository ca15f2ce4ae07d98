// All of a Jira, by the shipped pipeline and the real program: every record of every stream comes,
// and comes once.

package e2e

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/plugins/sources/jira"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/jiraserver"
	"github.com/scrapekit/scrapekit/sdk"
)

// lackedStreams is what a run says of the streams that a flavour has not.
var lackedStreams = regexp.MustCompile(`this Jira has no such streams[^\n]*streams="([^"]+)"`)

func TestAllOfAJiraIsAsItsBooksSay(t *testing.T) {
	t.Parallel()
	for _, f := range []jiraserver.Flavour{jiraserver.DataCenter, jiraserver.Cloud} {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			w := jiraserver.New(jiraserver.Options{Seed: 1, Flavour: f,
				Auth: jiraserver.Auth{Bearer: map[string]string{"secret": "root"}, NoAnonymous: true}})
			w.Generate(jiraserver.Synthetic{Projects: []jiraserver.Project{{Key: "ALPHA", Issues: 14},
				{Key: "BRAVO", Issues: 10}}})
			server := httptest.NewServer(w)
			t.Cleanup(server.Close)
			dir := t.TempDir()
			example := fullExample(t)
			if err := os.WriteFile(filepath.Join(dir, "jira-full.hcl"), example, 0o644); err != nil {
				t.Fatal(err)
			}
			ask := func(command string, more ...string) string {
				cmd := exec.Command(scrapekit,
					append([]string{command, "jira-full.hcl", "--var", "url=" + server.URL}, more...)...)
				cmd.Dir, cmd.Env = dir, append(os.Environ(), "JIRA_TOKEN=secret")
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%s: %v\n%s", command, err, out)
				}
				return string(out)
			}
			planned := ask("plan")
			out := filepath.Join(dir, "jira-full")
			told := ask("run", "--output", "plain", "--var", "rate=1000")
			lacked := map[string]bool{}
			if m := lackedStreams.FindStringSubmatch(told); m != nil {
				for name := range strings.SplitSeq(m[1], ", ") {
					lacked[name] = true
				}
			}
			before := map[string]int{}
			truth := w.Truth(server.URL, "root")
			for _, s := range streamsOfJira() {
				if !regexp.MustCompile(`(?m)^` + s.Name + ` +yes `).MatchString(planned) {
					t.Errorf("the plan does not list %s", s.Name)
				}
				want := map[string]string{}
				if !lacked[s.Name] {
					want = truth.Keyed(s.Name)
				}
				before[s.Name] = compareStream(t, filepath.Join(out, s.Name+".jsonl"), s, want)
			}
			if t.Failed() {
				t.Logf("plan:\n%s\nrun:\n%s", planned, told)
				return
			}
			ask("run", "--output", "plain", "--var", "rate=1000")
			for name, n := range before {
				if now := len(linesOf(t, filepath.Join(out, name+".jsonl"))); now != n {
					t.Errorf("%s: nothing changed, and a second run makes %d records of %d", name, now, n)
				}
			}
		})
	}
}

// fullExample is the shipped pipeline with its credential uncommented.
func fullExample(t *testing.T) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "examples", "jira-full.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	const auth = "    # auth \"bearer\" {\n    #   token = env(\"JIRA_TOKEN\")\n    # }\n"
	if raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")); bytes.Count(raw, []byte(auth)) != 1 {
		t.Fatalf("the example has no\n%s", auth)
	}
	return bytes.Replace(raw, []byte(auth), []byte(strings.ReplaceAll(auth, "# ", "")), 1)
}

func streamsOfJira() []sdk.Stream { return jira.Plugin().Streams }

// linesOf returns the lines of a file; none if there is no file.
func linesOf(t *testing.T, file string) [][]byte {
	t.Helper()
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSuffix(raw, []byte("\n")), []byte("\n"))
}

// compareStream compares the file of a stream with the server, and returns how many records it has.
func compareStream(t *testing.T, file string, s sdk.Stream, want map[string]string) int {
	t.Helper()
	lines := linesOf(t, file)
	missing := maps.Clone(want)
	for _, line := range lines {
		key, content := jiraserver.KeyedRecord(s.Name, s.PrimaryKey, line)
		expected, known := want[key]
		_, open := missing[key]
		switch {
		case !known:
			t.Errorf("%s %s came, and the server has no such record", s.Name, key)
		case !open:
			t.Errorf("%s %s came twice", s.Name, key)
		case content != expected:
			t.Errorf("%s %s: %.300s\nwant %.300s", s.Name, key, content, expected)
		}
		delete(missing, key)
	}
	for key := range missing {
		t.Errorf("%s %s is missing", s.Name, key)
	}
	return len(lines)
}
