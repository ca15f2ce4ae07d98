// The README, held to its word: every command in it runs, every pipeline file is right, every piece of Go is
// the example's.

package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/jiraserver"
)

var fence = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// blocks returns the README's blocks of a language.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range fence.FindAllStringSubmatch(string(raw), -1) {
		if m[1] == language {
			out = append(out, m[2])
		}
	}
	if len(out) == 0 {
		t.Fatalf("the README has no %s block", language)
	}
	return out
}

// prelude makes the README's commands run here: offline, small, and with the command under test. What go would
// do with the whole module is noted in $NOTED and checked by the test.
const prelude = `set -eu
scrapekit() {
	if [ "$1" = demo ]; then
		shift
		set -- demo --issues 30 --rate 0 --calm "$@"
	fi
	if [ "$1" = fetch ]; then
		path=${2#/jira} # the test server has no context path
		shift 2
		set -- fetch "$path" "$@"
	fi
	if [ "$1 ${2-}" = "plugins keygen" ]; then
		set -- "$@" --no-password # encrypting it takes a GiB of memory, and several with the race detector
	fi
	command scrapekit "$@"
}
go() {
	case "$*" in
	"run ./cmd/scrapekit "*) shift 2; scrapekit "$@" ;;
	"build -o examples/"*) (cd "$MODULE" && CGO_ENABLED=0 GOFLAGS= command go build -o "$SITE/$3" "$4") ;;
	*) echo "${SCRAPEKIT_KILLS-} go $*" >>"$NOTED" ;;
	esac
}
`

// readmeSite is a copy of what a reader has, and a Jira for whatever URL the commands name.
type readmeSite struct {
	dir, module, url, registry string
	env                        []string
}

// text is a block of the README with its hosts on this machine.
func (s readmeSite) text(block string) string {
	return strings.NewReplacer("https://jira.example.com", s.url, "registry.example.com", s.registry).Replace(block)
}

func newReadmeSite(t *testing.T) readmeSite {
	t.Helper()
	module, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	registry, stop := newRegistry("")
	t.Cleanup(stop)
	s := readmeSite{dir: t.TempDir(), module: module, url: readmeJira(t), registry: registry}
	for _, name := range []string{"examples/jira.hcl", "examples/jira-full.hcl", "examples/generate.hcl", "examples/source-hello/hello.hcl", "LICENSE"} {
		s.copy(t, name)
	}
	s.env = append(os.Environ(), "MODULE="+module, "SITE="+s.dir, "GOPROXY=off", "NOTED="+filepath.Join(s.dir, "noted"),
		"SCRAPEKIT_VAR_url="+s.url, "SCRAPEKIT_VAR_records=1000",
		"SCRAPEKIT_PLUGIN_STORE="+filepath.Join(s.dir, ".store"), core.ConfigVar+"="+filepath.Join(s.dir, ".config"))
	return s
}

// readmeJira has the projects that the README names, and takes its token.
func readmeJira(t *testing.T) string {
	t.Helper()
	jira := jiraserver.New(jiraserver.Options{Seed: 3, Auth: jiraserver.Auth{Bearer: map[string]string{"your-token": "you"}}})
	var projects []jiraserver.Project
	for _, key := range []string{"KAFKA", "SPARK", "CASSANDRA", "ABC", "XYZ"} {
		projects = append(projects, jiraserver.Project{Key: key, Issues: 5})
	}
	jira.Generate(jiraserver.Synthetic{Projects: projects})
	server := httptest.NewServer(jira)
	t.Cleanup(server.Close)
	return server.URL
}

// copy takes a file of the module over, with a rate that costs no time.
func (s readmeSite) copy(t *testing.T, name string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.module, name))
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, name, strings.NewReplacer("rate        = 10 ", "rate        = 500 ", "default     = 10\n", "default     = 500\n").Replace(string(raw)))
}

func (s readmeSite) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestReadmeCommands runs the README's shell blocks in their order, each line of them.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	s := newReadmeSite(t)
	for _, text := range blocks(t, "hcl") {
		name := strings.TrimPrefix(strings.SplitN(text, "\n", 2)[0], "# ")
		s.write(t, name, s.text(text))
	}
	for _, block := range blocks(t, "sh") {
		script := prelude + s.text(block)
		cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
		cmd.Dir, cmd.Env = s.dir, s.env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, block, out)
		}
	}
	for _, file := range []string{
		"scrapekit-demo/corpus/messages.jsonl", "examples/corpus/messages.jsonl", "examples/abc/pretrain.jsonl",
		"corpus/instruct.jsonl.zst", "events.jsonl", "examples/jira-full/fields.jsonl", "examples/generated/records.jsonl", "examples/source-hello/out/greetings.jsonl", "greetings/greetings.jsonl",
		"dist/statement.json.minisig", "plugins/index.json", "site/1.0.0/SHA256SUMS",
	} {
		if info, err := os.Stat(filepath.Join(s.dir, file)); err != nil || info.Size() == 0 {
			t.Errorf("after all commands of the README, %s: %v", file, err)
		}
	}
	s.checkNoted(t)
}

// checkNoted checks what was not run: that CI runs it, or that it names what is there.
func (s readmeSite) checkNoted(t *testing.T) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.dir, "noted"))
	if err != nil {
		t.Fatal(err)
	}
	ci, err := os.ReadFile(filepath.Join(s.module, ".ci", "run"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		_, line, _ = strings.Cut(strings.TrimSpace(line), "go ")
		words := strings.Fields(line)
		folder := filepath.Join(s.module, words[len(words)-1])
		switch {
		case line == "test ./...":
			if !strings.Contains(string(ci), "go test ./...") {
				t.Error("CI does not run go test ./...")
			}
		case words[0] == "test":
			if err := hasTests(folder, words); err != nil {
				t.Errorf("go %s: %v", line, err)
			}
		case words[0] == "run":
			if text, err := os.ReadFile(filepath.Join(s.module, words[1], "main.go")); err != nil || !strings.Contains(string(text), "\npackage main\n") {
				t.Errorf("go %s: no command there: %v", line, err)
			}
		case words[0] == "build" || words[0] == "install":
			if main, err := os.ReadFile(filepath.Join(folder, "main.go")); err != nil || !strings.Contains(string(main), "\npackage main\n") {
				t.Errorf("go %s: no command there: %v", line, err)
			}
		default:
			t.Errorf("go %s: nothing checks this line", line)
		}
	}
}

// hasTests reports what is missing of the tests and benchmarks that a go test line names.
func hasTests(folder string, words []string) error {
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no tests in %s: %w", folder, err)
	}
	var text strings.Builder
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		text.Write(raw)
	}
	for flag, before := range map[string]string{"-run": "func ", "-bench": "func Benchmark"} {
		i := slices.Index(words, flag)
		if i < 0 || words[i+1] == "^$" {
			continue
		}
		if !strings.Contains(text.String(), before+words[i+1]+"(") {
			return fmt.Errorf("%s is not in %s", words[i+1], folder)
		}
	}
	return nil
}

// TestReadmeGo checks that the Go in the README is that of the examples, which are built and tested.
func TestReadmeGo(t *testing.T) {
	t.Parallel()
	var source strings.Builder
	for _, file := range []string{"source-forum/main.go", "source-hello/main.go", "source-hello/main_test.go"} {
		raw, err := os.ReadFile(filepath.Join("..", "..", "examples", file))
		if err != nil {
			t.Fatal(err)
		}
		source.Write(raw)
	}
	for _, block := range blocks(t, "go") {
		if !strings.Contains(source.String(), block) {
			t.Errorf("not in the examples:\n%s", block)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#]+)\)`)

// TestReadmeNames checks that the files which the README links to are there, and that it tells the exit codes as the help does.
func TestReadmeNames(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		if strings.HasPrefix(m[1], "https://") {
			continue
		}
		if _, err := os.Stat(filepath.Join("..", "..", m[1])); err != nil {
			t.Errorf("a dead link: %v", err)
		}
	}
	for _, line := range strings.Split(exitCodes, "\n")[1:] {
		code, meaning, _ := strings.Cut(strings.TrimSpace(line), " ")
		if row := "| " + code + " | " + strings.TrimSpace(meaning) + " |"; !strings.Contains(text, row) {
			t.Errorf("the README has no row %q", row)
		}
	}
}

var testCommand = regexp.MustCompile(`go test[^\x60\n]* -(run|bench) ([A-Za-z0-9]+)[^\x60\n]* \./([a-z0-9/]+)`)

// TestReadmeTests checks that the tests which the README has one run are there: go test says "ok" of none too.
func TestReadmeTests(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	all := testCommand.FindAllStringSubmatch(string(raw), -1)
	if len(all) < 15 {
		t.Errorf("%d commands", len(all))
	}
	for _, m := range all {
		kind := map[string]string{"run": "Test", "bench": "Benchmark"}[m[1]]
		declared := regexp.MustCompile(`(?m)^func ` + kind + `[A-Za-z0-9]*` + strings.TrimPrefix(m[2], kind))
		files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(m[3]), "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(files, func(file string) bool {
			text, err := os.ReadFile(file)
			return err == nil && declared.Match(text)
		}) {
			t.Errorf("%s: there is no such test", m[0])
		}
	}
}
