// README and manual, held to their word: every command in them runs, every pipeline file is right,
// every piece of Go is the example's, every link leads somewhere.

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/cmd/scrapekit/docs"
	coreplugins "github.com/scrapekit/scrapekit/core/plugins"
	"github.com/scrapekit/scrapekit/plugins/sinks/http/httpsinktest"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/jiraserver"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

var fence = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")

// manualPage is the README, or a page of the manual.
type manualPage struct {
	file string // in the module
	text string
}

func readPage(t *testing.T, file string) manualPage {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", file))
	if err != nil {
		t.Fatal(err)
	}
	return manualPage{file, string(raw)}
}

// allPages are the README and the whole manual.
func allPages(t *testing.T) []manualPage {
	t.Helper()
	out := []manualPage{readPage(t, "README.md")}
	for _, s := range docs.Subjects {
		out = append(out, readPage(t, manualFile(s)))
	}
	return out
}

func manualFile(subject string) string { return "cmd/scrapekit/docs/" + subject + ".md" }

// blocks returns the blocks of a language.
func (p manualPage) blocks(language string) []string {
	var out []string
	for _, m := range fence.FindAllStringSubmatch(p.text, -1) {
		if m[1] == language {
			out = append(out, m[2])
		}
	}
	return out
}

var code = regexp.MustCompile("`[^`\n]*`")

// prose is the text without its code.
func (p manualPage) prose() string {
	return code.ReplaceAllString(fence.ReplaceAllString(p.text, ""), "")
}

// prelude makes the commands run here: offline, small, and with the command under test. What go
// would do with the whole module is noted in $NOTED and checked by the test.
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
	dir, module, url, registry, endpoint string
	env                                  []string
}

// text is a block of a page with its hosts on this machine.
func (s readmeSite) text(block string) string {
	return strings.NewReplacer("https://jira.example.com", s.url, "registry.example.com", s.registry,
		"https://in.example.com", s.endpoint, "https://search.example.com", s.endpoint+"/es",
		"https://clickhouse.example.com", s.endpoint+"/clickhouse").Replace(block)
}

func newReadmeSite(t *testing.T) readmeSite {
	t.Helper()
	module, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	s := readmeSite{dir: t.TempDir(), module: module, url: readmeJira(t), registry: newRegistry(t),
		endpoint: httpsinktest.New(t).URL}
	for _, name := range []string{"examples/jira.hcl", "examples/jira-full.hcl", "examples/generate.hcl",
		"examples/webhook.hcl", "examples/jira-sqlite.hcl", "examples/source-hello/hello.hcl", "LICENSE"} {
		s.copy(t, name)
	}
	s.env = append(os.Environ(), "MODULE="+module, "SITE="+s.dir, "GOPROXY=off", "NOTED="+filepath.Join(s.dir, "noted"),
		"SCRAPEKIT_VAR_url="+s.url, "SCRAPEKIT_VAR_records=1000",
		"SCRAPEKIT_PLUGIN_STORE="+filepath.Join(s.dir, ".store"),
		coreplugins.ConfigVar+"="+filepath.Join(s.dir, ".config"))
	return s
}

// readmeJira has the projects that the pages name, and takes their token.
func readmeJira(t *testing.T) string {
	t.Helper()
	jira := jiraserver.New(jiraserver.Options{Seed: 3,
		Auth: jiraserver.Auth{Bearer: map[string]string{"your-token": "you"}}})
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
	s.write(t, name, strings.NewReplacer("rate        = 10 ", "rate        = 500 ", "default     = 10\n",
		"default     = 500\n").Replace(string(raw)))
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

// made are files that the commands of pages leave.
var made = map[string][]string{
	"README.md": {"scrapekit-demo/corpus/messages.jsonl", "first/issues.jsonl",
		"examples/generated/records.jsonl"},
	manualFile("databases"): {"corpus.db", "examples/jira.db"},
	manualFile("jira"): {"examples/corpus/messages.jsonl", "examples/abc/pretrain.jsonl",
		"corpus/instruct.jsonl.zst", "examples/jira-full/fields.jsonl"},
	manualFile("operating"):   {"events.jsonl", "examples/corpus/messages.jsonl"},
	manualFile("performance"): {"examples/generated/records.jsonl"},
	manualFile("writing"):     {"examples/source-hello/out/greetings.jsonl"},
	manualFile("publishing"):  {"dist/statement.json.minisig", "plugins/index.json", "site/1.0.0/SHA256SUMS"},
	manualFile("installing"):  {"greetings/greetings.jsonl"},
	manualFile("sandbox"):     {"doctor.json"},
}

// follows are pages that go on where another one ended.
var follows = map[string]string{"publishing": "writing", "installing": "publishing"}

// TestReadmeCommands runs the shell blocks of each page in their order, each line of them.
//
//ci:plain
func TestReadmeCommands(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	groups := [][]manualPage{{readPage(t, "README.md")}}
	for _, s := range docs.Subjects {
		p := readPage(t, manualFile(s))
		if follows[s] != "" {
			last := len(groups) - 1
			groups[last] = append(groups[last], p)
			continue
		}
		groups = append(groups, []manualPage{p})
	}
	for _, group := range groups {
		t.Run(filepath.Base(group[0].file), func(t *testing.T) {
			t.Parallel()
			s := newReadmeSite(t)
			for _, p := range group {
				s.follow(t, p)
			}
			s.checkNoted(t)
		})
	}
}

// follow does what a page says.
func (s readmeSite) follow(t *testing.T, p manualPage) {
	t.Helper()
	var files []string
	for i, text := range p.blocks("hcl") {
		name, named := strings.CutPrefix(strings.SplitN(text, "\n", 2)[0], "# ")
		if !named { // a part of a block
			name = fmt.Sprintf("part-%d.hcl", i)
			text = "source \"jira\" {\n  url = \"https://jira.example.com\"\n" + text +
				"}\n\nsink \"jsonl\" {\n  path = \"out/{stream}.jsonl\"\n}\n"
		}
		s.write(t, name, s.text(text))
		files = append(files, name)
	}
	for _, block := range p.blocks("sh") {
		s.sh(t, block)
	}
	for _, file := range files {
		s.sh(t, "export JIRA_TOKEN=your-token\nscrapekit validate "+file)
	}
	for _, file := range made[p.file] {
		if info, err := os.Stat(filepath.Join(s.dir, file)); err != nil || info.Size() == 0 {
			t.Errorf("after all commands of %s, %s: %v", p.file, file, err)
		}
	}
}

func (s readmeSite) sh(t *testing.T, block string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", prelude+s.text(block))
	cmd.Dir, cmd.Env = s.dir, s.env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, block, out)
	}
}

// checkNoted checks what was not run: that CI runs it, or that it names what is there.
func (s readmeSite) checkNoted(t *testing.T) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.dir, "noted"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
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
			if files, err := filepath.Glob(filepath.Join(folder, "*_test.go")); err != nil || len(files) == 0 {
				t.Errorf("go %s: no tests there: %v", line, err)
			}
		case words[0] == "run":
			if text, err := os.ReadFile(filepath.Join(s.module, words[1], "main.go")); err != nil ||
				!strings.Contains(string(text), "\npackage main\n") {
				t.Errorf("go %s: no command there: %v", line, err)
			}
		case words[0] == "build" || words[0] == "install":
			if main, err := os.ReadFile(filepath.Join(folder, "main.go")); err != nil ||
				!strings.Contains(string(main), "\npackage main\n") {
				t.Errorf("go %s: no command there: %v", line, err)
			}
		default:
			t.Errorf("go %s: nothing checks this line", line)
		}
	}
}

// TestReadmeGo checks that the Go in the pages is that of the examples, which are built and tested,
// and that their JSON is JSON.
func TestReadmeGo(t *testing.T) {
	t.Parallel()
	var source strings.Builder
	for _, file := range []string{
		"examples/source-forum/main.go", "examples/source-hello/main.go", "examples/source-hello/main_test.go",
		"sdk/example_transform_test.go", "sdk/example_sink_test.go",
	} {
		source.WriteString(readPage(t, file).text)
	}
	for _, p := range allPages(t) {
		for _, block := range p.blocks("go") {
			if !strings.Contains(source.String(), block) {
				t.Errorf("%s: not in the examples:\n%s", p.file, block)
			}
		}
		for _, block := range p.blocks("json") {
			for line := range strings.Lines(block) {
				if !json.Valid([]byte(line)) {
					t.Errorf("%s: not JSON: %s", p.file, line)
				}
			}
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)]+)\)`)

// deadLinks returns the links of a page that lead nowhere.
func (p manualPage) deadLinks(t *testing.T) (dead []string) {
	t.Helper()
	for _, m := range link.FindAllStringSubmatch(p.prose(), -1) {
		target, anchor, _ := strings.Cut(m[1], "#")
		if strings.Contains(target, "://") {
			continue
		}
		file := p.file
		if target != "" {
			file = filepath.Join(filepath.Dir(p.file), target)
		}
		if _, err := os.Stat(filepath.Join("..", "..", "..", file)); err != nil {
			dead = append(dead, err.Error())
		} else if anchor != "" && !slices.Contains(readPage(t, file).anchors(), anchor) {
			dead = append(dead, m[1]+": there is no such heading")
		}
	}
	return dead
}

var (
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	dropped = regexp.MustCompile(`[^\pL\pN _-]`)
)

// anchors are the names that GitHub gives to the headings.
func (p manualPage) anchors() (out []string) {
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(p.text, ""), -1) {
		out = append(out, strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return out
}

// TestReadmeLinks checks that links lead somewhere, that the README leads to every page, and that
// it stays short.
func TestReadmeLinks(t *testing.T) {
	t.Parallel()
	for _, p := range append(allPages(t), readPage(t, "CONTRIBUTING.md"), readPage(t, "CHANGELOG.md"),
		readPage(t, "examples/tutorial/README.md")) {
		for _, dead := range p.deadLinks(t) {
			t.Errorf("%s: a dead link: %s", p.file, dead)
		}
	}
	readme := readPage(t, "README.md").text
	for _, s := range docs.Subjects {
		if !strings.Contains(readme, "["+s+"]("+manualFile(s)+")") {
			t.Errorf("the README does not lead to %s", manualFile(s))
		}
	}
	if n := strings.Count(readme, "\n"); n > 250 {
		t.Errorf("the README has %d lines, and 250 are enough", n)
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "cmd", "scrapekit", "docs", "*.md"))
	if err != nil || len(files) != len(docs.Subjects) {
		t.Errorf("%d pages and %d subjects: %v", len(files), len(docs.Subjects), err)
	}
}

var testCommand = regexp.MustCompile(`go test[^\x60\n]* -(run|bench) ([A-Za-z0-9]+)[^\x60\n]* \./([a-z0-9/]+)`)

// TestReadmeTests checks that the tests which the pages have one run are there: go test says "ok"
// of none too.
//
//ci:plain
func TestReadmeTests(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	var all [][]string
	for _, p := range append(allPages(t), readPage(t, "CONTRIBUTING.md")) {
		all = append(all, testCommand.FindAllStringSubmatch(p.text, -1)...)
	}
	if len(all) < 15 {
		t.Errorf("%d commands", len(all))
	}
	for _, m := range all {
		kind := map[string]string{"run": "Test", "bench": "Benchmark"}[m[1]]
		declared := regexp.MustCompile(`(?m)^func ` + kind + `[A-Za-z0-9]*` + strings.TrimPrefix(m[2], kind))
		files, err := filepath.Glob(filepath.Join("..", "..", "..", filepath.FromSlash(m[3]), "*_test.go"))
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
