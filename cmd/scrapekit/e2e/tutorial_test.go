// The tutorial, followed to the letter: all its commands and files, in their order, in one shell.

package e2e

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// tutorialPrelude makes the tutorial's commands run here: the clone is this module, the scrapekit
// that they would build is the one under test, and the library has been started.
const tutorialPrelude = `set -eu
git() { [ "$*" = "clone https://github.com/scrapekit/scrapekit" ]; ln -s "$MODULE" scrapekit; }
go() {
	case "$*" in
	"build -C scrapekit -o $PWD/bin/ ./cmd/scrapekit ./examples/tutorial/api")
		test -f scrapekit/cmd/scrapekit/main.go ;;
	*) command go "$@" ;;
	esac
}
scrapekit() {
	case "$1 ${2-}" in
	"plugins new") # go mod tidy needs a network
		command scrapekit "$@" --tidy=false
		printf %s "$REQUIRES" >>scrapekit-source-library/go.mod
		cp "$MODULE/go.sum" scrapekit-source-library/ ;;
	"plugins keygen") command scrapekit "$@" --no-password ;; # encrypting it takes a GiB of memory
	"plugins dev") # until it has shown its records
		command scrapekit "$@" >dev.log 2>&1 & pid=$!
		until grep -q "waiting for a change" dev.log; do sleep 0.1; done
		kill $pid
		wait $pid || true
		cat dev.log ;;
	*) command scrapekit "$@" ;;
	esac
}
api() { :; }
curl() { ! command -v curl >/dev/null || command curl "$@"; }
kill() { [ "$1" = %1 ] || command kill "$@"; }
`

var fileBlock = regexp.MustCompile(`^(?:#|//) (\S+\.\w+)\n`)

// tutorialScript is everything that the tutorial has its reader do, for a library at another
// address.
func tutorialScript(t *testing.T, text, library string) string {
	t.Helper()
	script := tutorialPrelude
	for _, m := range fence.FindAllStringSubmatch(strings.ReplaceAll(text, "127.0.0.1:8099", library), -1) {
		switch name := fileBlock.FindStringSubmatch(m[2]); {
		case m[1] == "sh":
			script += m[2]
		case name != nil:
			script += "cat >" + name[1] + " <<'END OF FILE'\n" + m[2] + "END OF FILE\n"
		case m[1] == "json":
			if got := libraryReply(t, library); got != m[2] {
				t.Errorf("the library says\n%sand the tutorial\n%s", got, m[2])
			}
		default:
			t.Errorf("nobody knows what to do with this block:\n%s", m[2])
		}
	}
	return script
}

func libraryReply(t *testing.T, library string) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+library+"/books?limit=2&after=17", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer library-card")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// startLibrary starts the API of the tutorial and returns its host and port.
func startLibrary(t *testing.T, module string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "api")
	build := exec.Command("go", "build", "-o", program, "./examples/tutorial/api")
	build.Dir, build.Env = module, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	api := exec.CommandContext(t.Context(), program, "-addr", "127.0.0.1:0")
	out, err := api.StdoutPipe()
	if err == nil {
		err = api.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = api.Wait() }) // it was killed
	line := lineWith(t, bufio.NewReader(out), "answers at")
	return regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(line)
}

//ci:plain
func TestTutorial(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("its commands are those of a shell")
	}
	module, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(module, "examples", "tutorial", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	requires, _ := offlineModules(t)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", tutorialScript(t, string(text), startLibrary(t, module)))
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "MODULE="+module, "REQUIRES="+requires, "GOFLAGS=", "GOPROXY=off", "GOSUMDB=off",
		"CGO_ENABLED=0",
		"SCRAPEKIT_PLUGIN_STORE="+filepath.Join(dir, "store"), "SCRAPEKIT_CONFIG_DIR="+filepath.Join(dir, "config"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{`books  {"number":1,`, "57 out/books.jsonl", " 0 failed, ", "57 books.jsonl",
		"library 0.1.0 right", "# source library"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}
