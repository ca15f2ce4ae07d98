// What the tests share: three plugins with settings of every sort, and a pipeline file on disk.

package config_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/settings"
)

type jiraSettings struct {
	URL      string            `json:"url" doc:"Address of the Jira server." required:"true" host:"true" example:"https://issues.apache.org/jira"`
	Mirrors  []string          `json:"mirrors" doc:"Further addresses." host:"true"`
	Projects []string          `json:"projects" doc:"Keys of the projects to read." required:"true"`
	PageSize int               `json:"page_size" doc:"Issues a request." default:"100" min:"1" max:"1000"`
	Wait     sdk.Duration      `json:"wait" doc:"How far back an incremental run looks." default:"5m"`
	Flavour  string            `json:"flavour" doc:"Kind of Jira." enum:"auto,server,cloud" default:"auto"`
	Deleted  bool              `json:"deleted" doc:"Look for deleted issues too."`
	Secret   string            `json:"secret" doc:"A key." sensitive:"true"`
	Fields   map[string]string `json:"fields" doc:"Names for custom fields."`
	Filters  []filter          `json:"filters" doc:"What to leave out."`
}

type filter struct {
	Field string   `json:"field" required:"true"`
	Any   []string `json:"any"`
	Limit int      `json:"limit" min:"0"`
}

type llmSettings struct {
	Tasks []string `json:"tasks" enum:"summarization,classification,question_answering"`
}

type jsonlSettings struct {
	Path  string   `json:"path" required:"true" path:"true"`
	Index string   `json:"index" path:"true" default:"index.json"`
	Also  []string `json:"also" path:"true"`
}

// origins parses those of a test.
func origins(t *testing.T, texts ...string) []origin.Origin {
	t.Helper()
	var out []origin.Origin
	for _, text := range texts {
		o, err := origin.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, o)
	}
	return out
}

// plugins are the first-party plugins of the tests.
func plugins() map[sdk.Kind]map[string]sdk.Info {
	info := func(name string, kind sdk.Kind, schema json.RawMessage) sdk.Info {
		return sdk.Info{Name: name, Version: "1.0.0", Kind: kind, Config: schema}
	}
	jira := info("jira", sdk.KindSource, settings.Schema[jiraSettings]())
	jira.Streams = []sdk.Stream{{Name: "issues"}, {Name: "comments"}}
	return map[sdk.Kind]map[string]sdk.Info{
		sdk.KindSource:    {"jira": jira, "github": info("github", sdk.KindSource, nil)},
		sdk.KindTransform: {"llm": info("llm", sdk.KindTransform, settings.Schema[llmSettings]())},
		sdk.KindSink:      {"jsonl": info("jsonl", sdk.KindSink, settings.Schema[jsonlSettings]())},
	}
}

// options are those of a test, with an environment of its own.
func options(vars, env map[string]string) config.Options {
	known := plugins()
	return config.Options{
		Vars: vars,
		Lookup: func(_ context.Context, b config.BlockRef) (sdk.Info, error) {
			if b.Path != "" {
				return sdk.Info{Name: b.Type, Kind: b.Kind}, nil
			}
			info, ok := known[b.Kind][b.Type]
			if !ok {
				return sdk.Info{}, fmt.Errorf("no plugin %s", b.Type)
			}
			return info, nil
		},
		Names: func(kind sdk.Kind) []string {
			var names []string
			for name := range known[kind] {
				names = append(names, name)
			}
			return names
		},
		Getenv: func(name string) (string, bool) {
			value, ok := env[name]
			return value, ok
		},
	}
}

// write puts files into a new folder and returns the path of the first. Names and texts alternate.
func write(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, filepath.FromSlash(files[i]))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, files[0])
}

// load loads a file that must be right.
func load(t *testing.T, file string, o config.Options) *config.Pipeline {
	t.Helper()
	p, diagnostics := config.Load(t.Context(), file, o)
	if diagnostics.HasErrors() {
		t.Fatalf("Load: %v", diagnostics)
	}
	if p == nil {
		t.Fatal("Load: no errors and no pipeline")
	}
	return p
}

// refuse loads a file that must be wrong, and returns all that is printed about it.
func refuse(t *testing.T, file string, o config.Options) string {
	t.Helper()
	p, diagnostics := config.Load(t.Context(), file, o)
	if !diagnostics.HasErrors() {
		t.Fatal("Load: no errors")
	}
	if p != nil {
		t.Error("Load: a pipeline in spite of errors")
	}
	var out strings.Builder
	if err := config.Write(&out, diagnostics, nil, 0); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// setting is one setting of a block, as the plugin gets it.
func setting(t *testing.T, b config.Block, name string) any {
	t.Helper()
	all := map[string]any{}
	if err := json.Unmarshal(b.Config, &all); err != nil {
		t.Fatal(err)
	}
	return all[name]
}
