// What the schema cannot know: settings that the plugin itself refuses, and two sinks of one path.

package config_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/sdk"
)

// builder refuses settings by what of them it is told to.
func builder(built *[]string) func(context.Context, config.BlockRef, json.RawMessage) error {
	return func(_ context.Context, b config.BlockRef, raw json.RawMessage) error {
		*built = append(*built, b.Type)
		var s struct{ Path, Secret string }
		if err := json.Unmarshal(raw, &s); err != nil {
			return err
		}
		if strings.Contains(s.Path, "{nope}") {
			return fmt.Errorf("path %q: no placeholder {nope}", s.Path)
		}
		if s.Secret != "" {
			return sdk.Permanent(fmt.Errorf("the key %q\nis refused", s.Secret))
		}
		return nil
	}
}

func TestBuild(t *testing.T) {
	t.Parallel()
	var built []string
	o := options(nil, map[string]string{"KEY": "hunter2hunter2"})
	o.Build = builder(&built)
	file := write(t, "jira.hcl", `
source "jira" {
  url      = "https://example.com"
  projects = ["A"]
  secret   = env("KEY")
}
transform "llm" {
  tasks = ["nonsense"]
}
sink "jsonl" {
  path = "/out/{nope}.jsonl"
}
`)
	got := refuse(t, file, o)
	for _, want := range []string{
		"jira.hcl:11:10", `path = "/out/{nope}.jsonl"`, `sink "jsonl": path "/out/{nope}.jsonl": no placeholder {nope}`,
		"jira.hcl:2:1", `source "jira": the key "(sensitive)"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s does not say %q", got, want)
		}
	}
	if strings.Contains(got, "hunter2") {
		t.Errorf("a secret is shown: %s", got)
	}
	if want := []string{"jira", "jsonl"}; !slices.Equal(built, want) {
		t.Errorf("built %v, want %v: what the schema refuses is not tried", built, want)
	}
}

// TestBuildOfTheUnknown: settings of which something could not be worked out are not tried.
func TestBuildOfTheUnknown(t *testing.T) {
	t.Parallel()
	o := options(nil, nil)
	o.Build = func(_ context.Context, b config.BlockRef, _ json.RawMessage) error {
		if b.Type == "jsonl" {
			return errors.New("tried")
		}
		return nil
	}
	file := write(t, "jira.hcl", strings.Replace(small, `"out.jsonl"`, `"out-${var.nowhere}.jsonl"`, 1))
	if got := refuse(t, file, o); strings.Contains(got, "tried") {
		t.Errorf("got %s", got)
	}
}

func TestTwoSinksOfOnePath(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		second string
		want   bool
	}{
		"the same":         {`sink "jsonl" "b" { path = "out.jsonl" }`, true},
		"otherwise spelt":  {`sink "jsonl" "b" { path = "./x/..//out.jsonl" }`, true},
		"another":          {`sink "jsonl" "b" { path = "out2.jsonl" }`, false},
		"of another kind":  {`sink "./acme" { path = "out.jsonl" }`, false},
		"what may be left": {`sink "jsonl" "b" { path = "b.jsonl" }`, false}, // index, a path too, is that of the first
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := write(t, "jira.hcl", small+c.second, "acme", "x")
			if !c.want {
				load(t, file, options(nil, nil))
				return
			}
			got := refuse(t, file, options(nil, nil))
			for _, want := range []string{`sink "jsonl" "b": another sink writes to the same path`, "jira.hcl:9",
				`sink "jsonl" at jira.hcl:6`} {
				if !strings.Contains(got, want) {
					t.Errorf("%s does not say %q", got, want)
				}
			}
		})
	}
	load(t, write(t, "jira.hcl", strings.Replace(small, "out.jsonl", "-", 1)+`sink "jsonl" "b" { path = "-" }`),
		options(nil, nil))
}
