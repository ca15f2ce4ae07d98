// A right file: every value of it, where it lands.

package config_test

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/internal/credential"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/sdk"
)

const whole = `
variable "projects" {
  type    = list(string)
  default = ["KAFKA"]
}

locals {
  both = concat(local.more, var.projects)
  more = ["SPARK"]
}
pipeline {
  name         = "apache"
  concurrency  = 3
  commit_every = "2s"
  commit_bytes = "1MiB"
  max_spool    = "1GiB"
  retention {
    runs    = 10
    rejects = "7d"
    cache   = "36h"
  }
  required_plugins {
    acme = { source = "./bin/acme" }
  }
}

source "jira" {
  url       = "https://Issues.Apache.org:443/jira"
  mirrors   = ["http://mirror.example.com:8080/x"]
  projects  = local.both
  page_size = null
  fields    = { team = "customfield_1", none = null }

  select {
    streams = ["issues"]
  }
  http {
    allow           = ["https://cdn.example.com/", "HTTPS://*.Atlassian.net"]
    rate            = 2.5
    burst           = 5
    concurrency     = 8
    limit "GET /search/*" {
      rate  = 4
      burst = 2
    }
    limit "/slow" { concurrency = 1 }
    attempts        = 6
    connect_timeout = "1s"
    header_timeout  = "2s"
    idle_timeout    = "3s"
    timeout         = "4s"
    max_wait        = "5s"
    deadline        = "6s"
    retry_budget    = 0.5
    user_agent      = "me"
    max_ratio       = 2000
    cache {
      max_size       = "2GiB"
      stale_if_error = "24h"
    }
    auth "basic" {
      user     = "bot"
      password = env("TOKEN")
      origins  = ["https://me.atlassian.net", "https://issues.apache.org"]
    }
  }
  files {
    path     = "kept"
    max_size = "1GiB"
  }
  on_error {
    max_rejects = 100
    attempts    = 5
  }
}

transform "llm" {
  tasks = ["summarization"]
}

transform "acme" {
  anything = { goes = [1, true, "x"] }
}

sink "jsonl" {
  path = "out/{stream}.jsonl"
  also = ["-", "a.txt", "folder/"]
}

sink "jsonl" "archive" {
  path  = "-"
  index = "https://example.com/index"
  select {
    streams = ["messages"]
  }
}
`

func TestLoad(t *testing.T) {
	t.Parallel()
	file := write(t, "sub/jira.hcl", whole, "sub/bin/acme", "#!/bin/sh\n")
	p := load(t, file, options(nil, map[string]string{"TOKEN": "hunter2"}))
	dir := filepath.Dir(file)

	got := *p
	got.Source, got.Transforms, got.Sinks = config.Block{}, nil, nil
	want := config.Pipeline{
		File: file, Dir: dir, Name: "apache", StateDir: filepath.Join(dir, ".scrapekit", "apache"),
		Concurrency: 3, CommitEvery: 2 * time.Second, CommitBytes: 1 << 20, MaxSpool: 1 << 30,
		Secrets:   []string{"hunter2"},
		Retention: config.Retention{Runs: 10, Rejects: 7 * 24 * time.Hour, Replies: 36 * time.Hour},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("pipeline\n got %+v\nwant %+v", got, want)
	}
	if got, want := p.Source.HTTP, (httppolicy.Policy{
		Allow: origins(t, "http://mirror.example.com:8080", "https://*.atlassian.net", "https://cdn.example.com",
			"https://issues.apache.org"),
		Methods: []string{"GET", "HEAD"},
		Auth: []credential.Credential{{
			Scheme: "basic", Value: credential.Basic{User: "bot", Password: "hunter2"}, Pos: "jira.hcl:61",
			Origins: origins(t, "https://issues.apache.org", "https://me.atlassian.net"),
		}},
		Rate: 2.5, Burst: 5, Concurrency: 8, Attempts: 6,
		Limits: []httppolicy.EndpointLimit{{Method: "GET", Path: "/search/*", Rate: 4, Burst: 2},
			{Path: "/slow", Concurrency: 1}},
		ConnectTimeout: time.Second, HeaderTimeout: 2 * time.Second, IdleTimeout: 3 * time.Second,
		Timeout: 4 * time.Second, MaxWait: 5 * time.Second,
		Deadline: 6 * time.Second, RetryBudget: 0.5,
		UserAgent: "me", MaxRatio: 2000,
		Cache: &httppolicy.Cache{MaxSize: 2 << 30, StaleIfError: 24 * time.Hour},
	}); !reflect.DeepEqual(got, want) {
		t.Errorf("http\n got %+v\nwant %+v", got, want)
	}
	if got, want := p.Source.Files, (config.Files{Path: filepath.Join(filepath.Dir(file), "kept"),
		MaxSize: 1 << 30}); got != want {
		t.Errorf("files: got %+v, want %+v", got, want)
	}
	if got, want := p.Source.OnError, (config.OnError{MaxRejects: 100, Attempts: 5}); got != want {
		t.Errorf("on_error: got %+v, want %+v", got, want)
	}
	if got := p.Transforms[0].OnError; got != (config.OnError{MaxRejects: -1}) {
		t.Errorf("no on_error: got %+v, want no limit", got)
	}
}

func TestLoadBlocks(t *testing.T) {
	t.Parallel()
	file := write(t, "sub/jira.hcl", whole, "sub/bin/acme", "#!/bin/sh\n")
	p := load(t, file, options(nil, map[string]string{"TOKEN": "hunter2"}))
	dir := filepath.Dir(file)
	for _, want := range []struct {
		block   config.Block
		kind    sdk.Kind
		typ     string
		name    string
		path    string
		pos     string
		streams []string
		config  map[string]any
	}{
		{p.Source, sdk.KindSource, "jira", "jira", "", "jira.hcl:27", []string{"issues"}, map[string]any{
			"url": "https://Issues.Apache.org:443/jira", "mirrors": []any{"http://mirror.example.com:8080/x"},
			"projects": []any{"SPARK", "KAFKA"}, "fields": map[string]any{"team": "customfield_1"},
		}},
		{p.Transforms[0], sdk.KindTransform, "llm", "llm", "", "jira.hcl:77", nil,
			map[string]any{"tasks": []any{"summarization"}}},
		{p.Transforms[1], sdk.KindTransform, "acme", "acme", filepath.Join(dir, "bin", "acme"), "jira.hcl:81", nil,
			map[string]any{
				"anything": map[string]any{"goes": []any{1.0, true, "x"}},
			}},
		{p.Sinks[0], sdk.KindSink, "jsonl", "jsonl", "", "jira.hcl:85", nil, map[string]any{
			"path":  filepath.Join(dir, "out", "{stream}.jsonl"),
			"also":  []any{"-", filepath.Join(dir, "a.txt"), filepath.Join(dir, "folder") + string(filepath.Separator)},
			"index": filepath.Join(dir, "index.json"),
		}},
		{p.Sinks[1], sdk.KindSink, "jsonl", "jsonl.archive", "", "jira.hcl:90", []string{"messages"}, map[string]any{
			"path": "-", "index": "https://example.com/index",
		}},
	} {
		b := want.block
		if b.Kind != want.kind || b.Type != want.typ || b.Name != want.name || b.Path != want.path ||
			b.Pos != want.pos || !slices.Equal(b.Streams, want.streams) {
			t.Errorf("%s: got %s %q %q path %q at %s, streams %v", want.name, b.Kind, b.Type, b.Name, b.Path, b.Pos,
				b.Streams)
		}
		if b.Info.Kind != want.kind {
			t.Errorf("%s: its info is not that of Lookup: %+v", want.name, b.Info)
		}
		for name, value := range want.config {
			if got := setting(t, b, name); !reflect.DeepEqual(got, value) {
				t.Errorf("%s: %s = %v, want %v", want.name, name, got, value)
			}
		}
		if got := setting(t, b, "page_size"); got != nil {
			t.Errorf("%s: page_size = %v, but it is null in the file", want.name, got)
		}
	}
}

// small is a file that only needs an output.
const small = `
source "jira" {
  url      = "https://example.com"
  projects = ["A"]
}
sink "jsonl" {
  path = "out.jsonl"
}
`

func TestLoadDefaults(t *testing.T) {
	t.Parallel()
	file := write(t, "my pipeline.hcl", small)
	p := load(t, file, options(nil, nil))
	if p.Name != "my pipeline" || p.Concurrency != 8 || p.CommitEvery != 5*time.Second || p.CommitBytes != 64<<20 ||
		p.MaxSpool != 16<<30 {
		t.Errorf("got %q, %d, %v, %d", p.Name, p.Concurrency, p.CommitEvery, p.CommitBytes)
	}
	if want := (config.Retention{Runs: 1000, Rejects: 90 * 24 * time.Hour,
		Replies: 30 * 24 * time.Hour}); p.Retention != want {
		t.Errorf("retention: %v, want %v", p.Retention, want)
	}
	if want := origins(t, "https://example.com"); !slices.Equal(p.Source.HTTP.Allow, want) {
		t.Errorf("allowed: %v, want %v", p.Source.HTTP.Allow, want)
	}
	if p.Secrets != nil {
		t.Errorf("secrets: %v, there are none", p.Secrets)
	}
}

// TestRobotsOfTheSource: a source that asks for it is kept to robots.txt, unless the file says
// otherwise.
func TestRobotsOfTheSource(t *testing.T) {
	t.Parallel()
	for _, asks := range []bool{false, true} {
		o := options(nil, nil)
		lookup := o.Lookup
		o.Lookup = func(ctx context.Context, b config.BlockRef) (sdk.Info, error) {
			info, err := lookup(ctx, b)
			info.Robots = asks && b.Kind == sdk.KindSource
			return info, err
		}
		for text, want := range map[string]bool{"": asks, "http {}": asks, "http { robots = true }": true,
			"http { robots = false }": false} {
			file := write(t, "jira.hcl", strings.Replace(small, "projects", text+"\n  projects", 1))
			if p := load(t, file, o); p.Source.HTTP.Robots != want || p.Sinks[0].HTTP.Robots {
				t.Errorf("asked for: %v, %q: %v", asks, text, p.Source.HTTP.Robots)
			}
		}
	}
}

func TestLoadRelativeFile(t *testing.T) {
	file := write(t, "jira.hcl", small)
	t.Chdir(filepath.Dir(file))
	p := load(t, "jira.hcl", options(nil, nil))
	if !filepath.IsAbs(p.Dir) || !filepath.IsAbs(setting(t, p.Sinks[0], "path").(string)) {
		t.Errorf("dir %q and path %v must be absolute", p.Dir, setting(t, p.Sinks[0], "path"))
	}
}

func TestLoadNoFile(t *testing.T) {
	t.Parallel()
	file := write(t, "jira.hcl", small, "folder/x.hcl", small, "locked/scrapekit.lock.hcl", "lock_version = 1\n")
	dir := filepath.Dir(file)
	for _, c := range []struct{ file, want, hint string }{
		{"jira", "no such file", "did you mean jira.hcl?"},
		{"jria.hcl", "no such file", `did you mean "jira.hcl"?`},
		{"none/jira.hcl", "no such file", ""},
		{"folder", "not a regular file", ""},
	} {
		got := refuse(t, filepath.Join(dir, c.file), options(nil, nil))
		if !strings.Contains(got, c.want) || !strings.Contains(got, c.hint) || !strings.Contains(got, c.file) {
			t.Errorf("%s: got %q, want %q and %q", c.file, got, c.want, c.hint)
		}
	}
	if got := refuse(t, filepath.Join(dir, "locked", "jira.hcl"), options(nil, nil)); strings.Contains(got, "known") {
		t.Errorf("a lock file for a pipeline file: %s", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "big.hcl"), make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := refuse(t, filepath.Join(dir, "big.hcl"), options(nil, nil)); !strings.Contains(got, "longer than") {
		t.Errorf("got %q", got)
	}
}

// TestLoadLookup shows that each plugin is asked for once, and all at the same time.
func TestLoadLookup(t *testing.T) {
	t.Parallel()
	file := write(t, "jira.hcl", small+`
transform "llm" {}
sink "jsonl" "second" { path = "b" }
`)
	o := options(nil, nil)
	inner := o.Lookup
	var mu sync.Mutex
	var asked []string
	all := make(chan struct{})
	o.Lookup = func(ctx context.Context, b config.BlockRef) (sdk.Info, error) {
		mu.Lock()
		asked = append(asked, b.Type)
		if len(asked) == 3 {
			close(all)
		}
		mu.Unlock()
		select {
		case <-all:
		case <-time.After(10 * time.Second):
			t.Error("the plugins are not asked for at the same time")
		}
		return inner(ctx, b)
	}
	load(t, file, o)
	slices.Sort(asked)
	if want := []string{"jira", "jsonl", "llm"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %v, want %v", asked, want)
	}
}

func TestLoadPluginFaults(t *testing.T) {
	t.Parallel()
	file := write(t, "jira.hcl", small+"transform \"./acme\" {\n  a = 1\n}\n", "acme", "x")
	for name, c := range map[string]struct {
		info sdk.Info
		want string
	}{
		"other kind":   {sdk.Info{Kind: sdk.KindSink}, "the plugin is a sink"},
		"no JSON":      {sdk.Info{Kind: sdk.KindTransform, Config: []byte("{")}, "schema of its settings"},
		"no object":    {sdk.Info{Kind: sdk.KindTransform, Config: []byte("5")}, "not a JSON object"},
		"wrong schema": {sdk.Info{Kind: sdk.KindTransform, Config: []byte(`{"type": 5}`)}, "schema of its settings"},
		"a file": {sdk.Info{Kind: sdk.KindTransform, Config: []byte(`{"$ref": "file:///etc/passwd"}`)},
			"it refers to file:///etc/passwd"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(nil, nil)
			inner := o.Lookup
			o.Lookup = func(ctx context.Context, b config.BlockRef) (sdk.Info, error) {
				if b.Path != "" {
					return c.info, nil
				}
				return inner(ctx, b)
			}
			if got := refuse(t, file, o); !strings.Contains(got, c.want) || !strings.Contains(got, "jira.hcl:9") {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestLoadNotExecutable(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("files have no executable bit on Windows")
	}
	file := write(t, "jira.hcl", small+`transform "./acme" {}`, "acme", "x")
	if err := os.Chmod(filepath.Join(filepath.Dir(file), "acme"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := refuse(t, file, options(nil, nil)); !strings.Contains(got, "is not executable") {
		t.Errorf("got %q", got)
	}
}

func BenchmarkLoad(b *testing.B) {
	file := filepath.Join(b.TempDir(), "jira.hcl")
	if err := os.WriteFile(file, []byte(small), 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, diagnostics := config.Load(b.Context(), file, options(nil, nil)); diagnostics.HasErrors() {
			b.Fatal(diagnostics)
		}
	}
}
