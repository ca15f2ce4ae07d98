package plugintest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/pluginhost"
	"github.com/scrapekit/scrapekit/core/internal/sandbox"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/conformance"
	"github.com/scrapekit/scrapekit/sdk/rpc"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

// asPlugin is the first argument of the test binary where it is a plugin. The second is the kind,
// the third the mode.
const asPlugin = "plugin"

func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == asPlugin {
		actAs(sdk.Kind(os.Args[2]), os.Args[3])
		return
	}
	if err := os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// actAs is the main of a mutant.
func actAs(kind sdk.Kind, mode string) {
	switch {
	case mode == "prints before the handshake":
		fmt.Println("loading ...")
	case mode == "ends by hand as if all were well" && !rpc.StartedByHost():
		os.Exit(0)
	case mode == "says it speaks any version" && strings.HasPrefix(os.Getenv("PLUGIN_PROTOCOL_VERSIONS"), "999"):
		fmt.Printf("1|999|unix|%s|grpc\n", filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "s"))
		return
	}
	serve.Main(mutantPlugin(kind, mode))
}

// shortDir is a temporary folder whose name leaves room for that of a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pt")
	if err == nil {
		err = os.Chmod(dir, 0o711)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// planOf is how a mutant is tested; mode "" is right.
func planOf(t *testing.T, kind sdk.Kind, mode string) Plan {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	host, err := pluginhost.New(pluginhost.Options{RunDirs: shortDir(t), Sandbox: sandbox.System().Best()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Close(); err != nil && !mutants[mode].slow {
			t.Errorf("closing the host: %v", err)
		}
	})
	dir := shortDir(t)
	config := json.RawMessage(`{}`)
	p := Plan{Host: host, Info: mutantPlugin(kind, mode).Info, Dir: dir}
	switch kind {
	case source:
		p.Source = &conformance.SourceCase{Host: sdk.Host{Transport: mutantRemote{}}}
		config = must(json.Marshal(mutantSettings{Dir: dir}))
	case transform:
		p.Transform = mutantInput()
	case sink:
		server := ""
		if mode == "shuts nobody out" {
			server = writer(t)
		}
		p.Sink = mutantOutput(20, server)
		config = must(json.Marshal(mutantSettings{Dir: dir}))
	}
	p.Spec = pluginhost.Spec{Label: "mutant", Path: self, Args: []string{asPlugin, string(kind), mode}, Config: config,
		Write: []string{dir}}
	return p
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func describe(results []Result) string {
	var b strings.Builder
	for _, r := range results {
		fmt.Fprintf(&b, "%s: %s %.1000q\n", r.Check, r.Status, r.Messages)
	}
	return b.String()
}

// TestRightPlugins: what is wrong in no way passes every check.
func TestRightPlugins(t *testing.T) {
	t.Parallel()
	for _, kind := range []sdk.Kind{source, transform, sink} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			results := must(Run(t.Context(), planOf(t, kind, "")))
			for _, r := range results {
				if r.Status != Passed &&
					(r.Status != Skipped ||
						!slices.Contains([]string{"back to a token", "parallel", "finish", "fenced"}, r.Check)) ||
					r.Doc == "" || r.Promise == "" {
					t.Errorf("%s (%s, %s): %s %s", r.Check, r.Doc, r.Promise, r.Status, r.Messages)
				}
			}
			if len(results) != len(Checks(kind)) {
				t.Errorf("%d results of %d checks", len(results), len(Checks(kind)))
			}
		})
	}
}

// mutantsVar runs every check on each mutant, where a mutant is otherwise tested by its own.
const mutantsVar = "SCRAPEKIT_MUTANTS"

// TestMutants: each mutant is found by the check for it, and by no other.
//
//ci:plain
func TestMutants(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	whole := os.Getenv(mutantsVar) != ""
	for mode, m := range mutants {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			p := planOf(t, m.kind, mode)
			if !whole || m.slow {
				p.Only = []string{m.check}
			}
			results := must(Run(t.Context(), p))
			found := false
			for _, r := range results {
				if r.Status == Failed && !m.may(r.Check) || r.Status == Failed && len(r.Messages) == 0 {
					t.Errorf("the check %q finds something: %q", r.Check, r.Messages)
				}
				found = found || r.Check == m.check && r.Status == Failed
			}
			if !found {
				t.Errorf("the check %q finds nothing:\n%s", m.check, describe(results))
			}
		})
	}
}

// TestEveryCheckHasAMutant: a check that nothing fails proves nothing.
func TestEveryCheckHasAMutant(t *testing.T) {
	t.Parallel()
	for _, kind := range []sdk.Kind{source, transform, sink} {
		for _, c := range Checks(kind) {
			has := byWire[c.Name] != ""
			for _, m := range mutants {
				has = has || m.check == c.Name
			}
			if !has {
				t.Errorf("no mutant fails the check %q of a %s", c.Name, kind)
			}
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	if err := Names(source, []string{"resume", "killed"}); err != nil {
		t.Error(err)
	}
	err := Names(sink, []string{"resume"})
	if err == nil || !strings.Contains(err.Error(), `no check "resume" of a sink; there are: handshake, `) {
		t.Errorf("%v", err)
	}
}

// TestOnly: a check brings those along that it builds on, and no other.
func TestOnly(t *testing.T) {
	t.Parallel()
	p := planOf(t, source, "")
	p.Only = []string{"resume"}
	var names []string
	p.Done = func(r Result) { names = append(names, r.Check) }
	if _, err := Run(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if want := []string{"handshake", "plan", "read", "resume"}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}
