// The floors of the building: imports run downward only. Each row says why.

package core_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/scrapekit/scrapekit/"

// floor is what the packages below a folder may import of this module.
type floor struct {
	folder  string
	may     []string // folders; a trailing / means everything below
	because string
}

// The first row that fits a package holds.
var floors = []floor{
	{"sdk/rpc/internal/pb", nil, "generated code knows nothing"},
	{"sdk/rpc/internal/text", []string{"sdk/printable"}, "texts on the wire are texts"},
	{"sdk/rpc/internal/chunk", nil, "buffers are bytes"},
	{"sdk/rpc/internal/line", []string{"sdk/host/turns"}, "who is next is a matter of splits, not of messages"},
	{"sdk/rpc/internal/conn", []string{"sdk/rpc/internal/chunk"}, "a connection knows nothing of gRPC"},
	{"sdk/rpc/internal/logline", []string{"sdk/rpc/internal/pb", "sdk/rpc/internal/text"},
		"lines of a log know no stream"},
	{"sdk/rpc/internal/codec", []string{"sdk/rpc/internal/chunk", "sdk/rpc/internal/pb"},
		"how messages are written is a matter of bytes"},
	{"sdk/rpc/internal/convert", []string{"sdk", "sdk/host", "sdk/host/hint", "sdk/printable", "sdk/rpc/internal/pb",
		"sdk/rpc/internal/text"}, "values become messages, and no call is made"},
	{"sdk/rpc/internal/neterr", []string{"sdk", "sdk/rpc/internal/pb", "sdk/rpc/internal/text"},
		"errors of connections are values"},
	{"sdk/printable", nil, "what may be shown is a matter of characters"},
	{"sdk/host/hint", nil, "what is said of a request is values in a context"},
	{"sdk/host/turns", nil, "who is next is a matter of splits, whatever waits"},
	{"sdk/host/keyword", nil, "the words of a settings schema are words"},
	{"sdk/host/settings", []string{"sdk/host/keyword"}, "a schema follows from a struct, whatever plugin has it"},
	{"sdk/reply", []string{"sdk/host/hint"}, "a reply is judged without making a request"},
	{"sdk/pages", []string{"sdk", "sdk/reply"}, "paging is requests and cursors, as any author has them"},
	{"sdk/host", []string{"sdk"}, "what a host calls of the contract is made of the contract"},
	{"sdk/rpc", []string{"sdk", "sdk/host", "sdk/host/hint", "sdk/printable", "sdk/reply", "sdk/rpc/internal/pb"},
		"the wire knows the contract and the generated code, nothing above"},
	{"sdk/outbox", []string{"sdk", "sdk/durable"}, "an outbox is files and a token"},
	{"sdk/filesink/objects", []string{"sdk", "sdk/reply"},
		"an object store is asked over HTTP, whatever the objects hold"},
	{"sdk/filesink", []string{"sdk", "sdk/durable", "sdk/filesink/objects"},
		"files that come back to a token know no format of records"},
	{"sdk/normal", nil, "the forms of records that many plugins share need nothing"},
	{"sdk/serve", []string{"sdk", "sdk/rpc"}, "an author's main() is the contract and the wire"},
	{"sdk/conformance", []string{"sdk", "sdk/host", "sdk/host/hint"},
		"checks know a plugin by its contract, not how it is run"},
	{"sdk/sdktest", []string{"sdk", "sdk/host", "sdk/rpc", "sdk/conformance"},
		"go test runs the checks in process and across the wire"},
	{"sdk", []string{"sdk/printable", "sdk/reply", "sdk/host/hint", "sdk/host/settings"},
		"third parties inherit what the contract imports"},
	{"plugins/sources/jira/internal/prose", nil, "invented texts need nothing"},
	{"plugins/sources/jira/internal/jiratest", []string{"plugins/sources/jira/internal/prose"},
		"a test server is no part of what it tests"},
	{"plugins/sources/jira/jirademo", []string{"plugins/sources/jira/internal/prose"},
		"nor is the demo's server, which is shipped and small"},
	{"plugins/internal/markup", nil, "texts become Markdown, whatever plugin reads them"},
	{"plugins/", []string{"sdk", "sdk/filesink", "sdk/normal", "sdk/outbox", "sdk/pages", "sdk/reply", "sdk/serve",
		"plugins/"},
		"a plugin reads as a third party's: the SDK and its own packages only"},
	{"core/internal/redact", []string{"sdk/printable"}, "hiding secrets needs nothing but to know how text is shown"},
	{"sdk/durable", nil, "what lasts on disk needs nothing"},
	{"core/internal/disk", []string{"sdk/durable"}, "a disk, to the host"},
	{"core/internal/state", nil, "where state lies is a matter of names"},
	{"core/internal/checkpoint", []string{"sdk", "core/internal/disk", "core/internal/checkpoint/"},
		"state is kept, not understood"},
	{"core/internal/address", nil, "where an address leads, not who may go there"},
	{"core/internal/dial", []string{"sdk", "core/internal/address"}, "connections know no pipeline and no process"},
	{"core/internal/robots", nil, "a file format; fetch asks for the file"},
	{"core/internal/fetch/origin", []string{"core/internal/address"}, "where a request goes is a value"},
	{"core/internal/credential", []string{"core/internal/fetch/origin", "core/internal/redact"},
		"what a scheme puts into a request knows no file and no client"},
	{"core/internal/httppolicy", []string{"core/internal/credential", "core/internal/disk",
		"core/internal/fetch/origin"},
		"what a plugin may do over HTTP is a value: the file fills it in, HTTP keeps to it"},
	{"core/internal/fetch/limits", nil, "what replies state and what follows, without a clock and without a request"},
	{"core/internal/fetch/machine", nil, "processes share numbers in a file, whatever they are for"},
	{"core/internal/fetch/apis", []string{"sdk", "sdk/reply"}, "servers as they are out there know no client"},
	{"core/observe", nil, "what happens is told in values, whoever listens"},
	{"core/internal/fetch/trip", []string{"sdk", "core/internal/fetch/origin", "core/observe"},
		"how decorators are put together, and what does not change about a request"},
	{"core/internal/fetch/fault", []string{"core/internal/fetch/limits", "core/internal/fetch/origin",
		"core/internal/fetch/trip"}, "a failure is judged without asking again"},
	{"core/internal/fetch/wire", []string{"core/internal/address", "core/internal/httppolicy",
		"core/internal/fetch/fault", "core/internal/fetch/limits", "core/internal/fetch/origin",
		"core/internal/fetch/trip"}, "connections know no retries"},
	{"core/internal/fetch/body", []string{"sdk", "core/internal/disk", "core/internal/httppolicy",
		"core/internal/fetch/fault", "core/internal/fetch/limits", "core/internal/fetch/trip"},
		"bodies know no retries"},
	{"core/internal/fetch/cookies", []string{"core/internal/credential", "core/internal/redact",
		"core/internal/fetch/trip"}, "cookies are the host's"},
	{"core/internal/fetch/auth", []string{"sdk", "sdk/host/hint", "sdk/printable", "core/internal/credential",
		"core/internal/httppolicy", "core/internal/redact", "core/internal/fetch/fault", "core/internal/fetch/origin",
		"core/internal/fetch/trip"}, "credentials are obtained by whatever HTTP they are given"},
	{"core/internal/fetch/allow", []string{"sdk", "sdk/host/hint", "core/internal/credential",
		"core/internal/httppolicy", "core/internal/redact", "core/internal/fetch/auth", "core/internal/fetch/fault",
		"core/internal/fetch/origin", "core/internal/fetch/trip", "core/internal/fetch/wire"},
		"what may go is decided before anything is sent"},
	{"core/internal/fetch/robotstxt", []string{"sdk", "sdk/host/hint", "core/internal/httppolicy",
		"core/internal/robots", "core/internal/fetch/allow", "core/internal/fetch/fault", "core/internal/fetch/limits",
		"core/internal/fetch/origin", "core/internal/fetch/trip"},
		"the file is asked for by whatever HTTP it is given"},
	{"core/internal/fetch/recording", []string{"sdk", "sdk/host/hint", "core/internal/disk", "core/internal/httppolicy",
		"core/internal/redact", "core/internal/fetch/body", "core/internal/fetch/trip"},
		"an exchange is recorded, whatever became of it"},
	{"core/internal/fetch/cache", []string{"sdk", "core/internal/disk", "core/internal/httppolicy",
		"core/internal/redact"}, "kept replies know no pace"},
	{"core/internal/fetch/stats", []string{"core/internal/fetch/cache", "core/internal/fetch/limits",
		"core/observe"}, "counts are values that events are added to"},
	{"core/internal/fetch/breaker", []string{"core/internal/fetch/fault"},
		"a host in trouble is known by what became of attempts"},
	{"core/internal/fetch/pace", []string{"core/internal/fetch/fault", "core/internal/fetch/limits"},
		"how fast a host may be asked follows from its replies, without a request"},
	{"core/internal/fetch/ratelimit", []string{"sdk", "sdk/host/hint", "sdk/host/turns", "core/internal/disk",
		"core/internal/httppolicy",
		"core/observe", "core/internal/fetch/"}, "lines know no retries"},
	{"core/internal/fetch/retry", []string{"sdk", "sdk/host/hint", "core/internal/httppolicy", "core/observe",
		"core/internal/fetch/"}, "attempts are made by whatever lines there are"},
	{"core/internal/fetch", []string{"sdk", "sdk/host/hint", "sdk/printable", "core/internal/fetch/",
		"core/internal/address", "core/internal/credential", "core/internal/httppolicy", "core/internal/disk",
		"core/observe", "core/internal/redact", "core/internal/robots"}, "HTTP knows no pipeline"},
	{"core/internal/files", []string{"sdk", "sdk/reply", "core/internal/disk"}, "files are bytes by a key"},
	{"core/internal/config", []string{"sdk", "sdk/host", "sdk/host/", "sdk/printable", "core/internal/credential",
		"core/internal/fetch/origin", "core/internal/httppolicy", "core/internal/registry/artifact",
		"core/internal/registry/hclfile", "core/internal/registry/lock"},
		"a file becomes values; nothing is started, and nothing looked for"},
	{"core/internal/registry/hclfile", nil, "the form of small files, not what they say"},
	{"core/internal/registry/store", []string{"core/internal/disk"}, "programs by digest; what they are, others know"},
	{"core/internal/registry/lock", []string{"sdk", "core/internal/disk", "core/internal/registry/artifact",
		"core/internal/registry/hclfile"}, "what is locked is known without a network and without a store"},
	{"core/internal/registry/keys", []string{"sdk", "core/internal/disk", "core/internal/registry/artifact",
		"core/internal/registry/hclfile", "core/internal/registry/lock"},
		"whose keys are trusted, and what was granted, is known without a network"},
	{"core/internal/registry/install", []string{"sdk", "core/internal/registry/"},
		"what is to be installed is decided without a process: that is asked for"},
	{"core/internal/registry/publish", []string{"core/internal/disk", "core/internal/registry/artifact"},
		"a release is made in a folder, offline"},
	{"core/internal/registry/artifact", []string{"sdk", "sdk/host", "sdk/host/", "sdk/printable"},
		"what is published is bytes; it knows no network"},
	{"core/internal/registry/remote", []string{"core/internal/disk", "core/internal/registry/artifact"},
		"what is fetched is not yet believed, let alone installed"},
	{"core/internal/sandbox", nil, "a process is confined, whatever it is for"},
	{"core/internal/probe", []string{"sdk"}, "it reads as a third party's plugin, and whoever runs it starts it"},
	{"core/internal/pluginhost", []string{"sdk", "sdk/host", "sdk/host/", "sdk/printable", "sdk/rpc", "sdk/serve",
		"core/internal/sandbox"}, "processes know no pipeline; serve is for its tests' plugins"},
	{"core/internal/plugintest", []string{"sdk", "sdk/rpc", "sdk/conformance", "core/internal/pluginhost"},
		"a plugin is tested as a process, without a pipeline"},
	{"core/internal/pipeline", []string{"sdk", "sdk/host", "sdk/host/", "core/internal/checkpoint",
		"core/internal/disk", "core/observe"}, "a run knows no gRPC, HCL or process"},
	{"core/internal/deadletter", []string{"sdk", "core/internal/disk", "core/internal/pipeline"},
		"dead letters are a kind of the pipeline's Letters"},
	{"core/internal/installed", []string{"sdk", "core/internal/config", "core/internal/registry/"},
		"from a lock file to programs, none of which is started"},
	{"core/plugins", []string{"sdk", "sdk/conformance", "core", "core/observe", "core/internal/"},
		"installing, publishing and testing plugins stands above running pipelines"},
	{"core", []string{"sdk", "sdk/host", "sdk/host/", "sdk/rpc", "sdk/conformance", "core/internal/", "core/observe"},
		"the one place where parts are put together, but no plugin"},
	{"cmd/scrapekit/internal/show", []string{"sdk/printable", "core", "core/observe"},
		"what a terminal shows knows events and no command"},
	{"cmd/", []string{"sdk", "sdk/printable", "sdk/serve", "core", "core/observe", "core/plugins", "plugins/",
		"examples", "sdk/python", "sdk/typescript"}, "the command sees the core, lists the first-party plugins, " +
		"and writes the SDKs of other languages into repositories"},
	{"examples", []string{"sdk", "sdk/pages", "sdk/serve"}, "an example is a third party's"},
	{"tools", nil, "tools know the repository by its files and its commands"},
}

// sealed are modules that only some folders may import.
var sealed = []floor{
	{"google.golang.org/grpc", []string{"sdk/rpc"}, "gRPC stays behind the wire package"},
	{"google.golang.org/protobuf", []string{"sdk/rpc"}, "protobuf types reach nobody else"},
	{"github.com/hashicorp/go-plugin", []string{"sdk/rpc", "core/internal/pluginhost"},
		"go-plugin's odd ends are turned into good messages in two places"},
	{"github.com/hashicorp/hcl/v2", []string{"core/internal/config", "core/internal/registry/hclfile"},
		"HCL ends where values begin"},
	{"github.com/santhosh-tekuri/jsonschema/v6", []string{"core/internal/config"},
		"the pipeline file alone needs its errors, see TestWhyTwoSchemaLibraries"},
	{"modernc.org/sqlite", []string{"core/internal/checkpoint", "plugins/internal/sqlsink"},
		"one store among others, and one database to write to"},
	{"github.com/go-sql-driver/mysql", []string{"plugins/internal/sqlsink", "plugins/sinks/sqltest"},
		"as above"},
	{"github.com/jackc/pgx/v5", []string{"plugins/internal/sqlsink", "plugins/sinks/sqltest"},
		"a driver is one dialect's, and that of its tests"},
}

type pkg struct {
	ImportPath   string
	Dir          string
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for dec.More() {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// within reports whether path is the folder, or below it.
func within(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, strings.TrimSuffix(folder, "/")+"/")
}

func allowed(path string, may []string) bool {
	return slices.ContainsFunc(may, func(m string) bool {
		return path == m || strings.HasSuffix(m, "/") && strings.HasPrefix(path, m)
	})
}

func TestImportsRunDownward(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		i := slices.IndexFunc(floors, func(f floor) bool { return within(path, f.folder) })
		if i < 0 {
			t.Errorf("%s stands on no floor: give it a row", path)
			continue
		}
		for _, imp := range p.Imports {
			dep, ours := strings.CutPrefix(imp, module)
			if ours && !within(dep, floors[i].folder) && !allowed(dep, floors[i].may) {
				t.Errorf("%s imports %s: %s", path, dep, floors[i].because)
			}
		}
	}
}

func TestSealedModules(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		for _, s := range sealed {
			if slices.ContainsFunc(s.may, func(m string) bool { return within(path, m) }) {
				continue
			}
			for _, imp := range p.Imports {
				if within(imp, s.folder) {
					t.Errorf("%s imports %s: %s", path, imp, s.because)
				}
			}
		}
	}
}

// TestShippedProgram: servers that tests read from are not linked into the command.
func TestShippedProgram(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("go", "list", "-deps", "./cmd/scrapekit")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	linked := strings.Fields(string(out))
	for _, path := range []string{"net/http/httptest", module + "plugins/sources/jira/internal/jiratest",
		module + "plugins/sources/jira/jiraserver"} {
		if slices.Contains(linked, path) {
			t.Errorf("the shipped program links %s", path)
		}
	}
}

// Sizes that a package and an interface have without a reason.
const (
	mostLines   = 3000 // of code that is not generated and no test
	mostMethods = 6
)

// large are packages and interfaces that have more.
var large = map[string]string{
	"plugins/sources/jira/internal/jiratest": "two products' APIs, as the source reads them; only tests import it",
	"plugins/sources/jira":                   "one walk over a Jira and its traps; what is apart is in internal",
	"cmd/scrapekit":                          "a file a command",
	"plugins/internal/sqlsink":               "six modes, and a file for each of three databases",
	"core":                                   "the façade of pipelines, and that of installing and publishing",
	"core/internal/config":                   "one language: each block's file knows the others' values",
	"core/internal/pipeline":                 "a run, from its plan to its last commit, on one set of types",
	"plugins/internal/markup":                "two readers and a writer of one tree",
	"plugins/internal/sqlsink.Dialect":       "what differs between databases, a method for each thing",
	"sdk/conformance.T":                      "it is testing.T, as far as checks use it",
}

// TestSizes: what is large says why, and says it no longer than it is.
func TestSizes(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	note := func(name string, n, most int) {
		if n <= most {
			return
		}
		if found[name] = true; large[name] == "" {
			t.Errorf("%s has %d, more than %d: split it, or give it a reason", name, n, most)
		}
	}
	for _, p := range packages(t) {
		path, lines := strings.TrimPrefix(p.ImportPath, module), 0
		for _, name := range p.GoFiles {
			f, n := parseFile(t, filepath.Join(p.Dir, name))
			if ast.IsGenerated(f) {
				continue
			}
			lines += n
			ast.Inspect(f, func(n ast.Node) bool {
				spec, ok := n.(*ast.TypeSpec)
				if !ok {
					return true
				}
				if i, ok := spec.Type.(*ast.InterfaceType); ok {
					note(path+"."+spec.Name.Name, i.Methods.NumFields(), mostMethods)
				}
				return true
			})
		}
		note(path, lines, mostLines)
	}
	for name := range large {
		if !found[name] {
			t.Errorf("%s is not large any more: take its reason away", name)
		}
	}
}

func parseFile(t *testing.T, path string) (f *ast.File, lines int) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if f, err = parser.ParseFile(token.NewFileSet(), path, raw, parser.ParseComments); err != nil {
		t.Fatal(err)
	}
	return f, bytes.Count(raw, []byte("\n"))
}
