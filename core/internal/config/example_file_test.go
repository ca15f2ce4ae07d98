// The shipped example: it must load with its defaults, with the variables that the README uses, and
// fast.

package config_test

import (
	"context"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/sdk"
)

// shipped is the example, loaded with plugins that take any settings but know which are URLs and
// paths.
func shipped(t testing.TB, vars map[string]string) *config.Pipeline {
	t.Helper()
	o := options(vars, nil)
	o.Lookup = func(_ context.Context, b config.BlockRef) (sdk.Info, error) {
		open := []byte(`{"properties": {"url": {"x-scrapekit-host": true}, "path": {"x-scrapekit-path": true}}}`)
		return sdk.Info{Name: b.Type, Kind: b.Kind, Config: open}, nil
	}
	p, diagnostics := config.Load(t.Context(), filepath.FromSlash("../../../examples/jira.hcl"), o)
	if len(diagnostics) > 0 {
		t.Fatal(diagnostics)
	}
	return p
}

func TestShippedExample(t *testing.T) {
	t.Parallel()
	p := shipped(t, nil)
	if p.Name != "jira" || p.Source.Type != "jira" || len(p.Transforms) != 1 || len(p.Sinks) != 1 {
		t.Errorf("got %q with %q, %d transforms and %d sinks", p.Name, p.Source.Type, len(p.Transforms), len(p.Sinks))
	}
	if want := origins(t, "https://issues.apache.org"); !slices.Equal(p.Source.HTTP.Allow, want) {
		t.Errorf("allowed: %v, want %v", p.Source.HTTP.Allow, want)
	}
	examples, err := filepath.Abs(filepath.FromSlash("../../../examples"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := setting(t, p.Sinks[0], "path"), filepath.Join(examples, "corpus", "{stream}.jsonl"); got != want {
		t.Errorf("path: got %v, want %v", got, want)
	}
}

func TestShippedExampleElsewhere(t *testing.T) {
	t.Parallel()
	p := shipped(t, map[string]string{"url": "http://127.0.0.1:8080/jira", "projects": `["KAFKA"]`, "out": t.TempDir()})
	if want := origins(t, "http://127.0.0.1:8080"); !slices.Equal(p.Source.HTTP.Allow, want) {
		t.Errorf("allowed: %v, want %v", p.Source.HTTP.Allow, want)
	}
	if got := setting(t, p.Source, "projects"); !reflect.DeepEqual(got, []any{"KAFKA"}) {
		t.Errorf("projects: %v", got)
	}
}

func BenchmarkShippedExample(b *testing.B) {
	for b.Loop() {
		shipped(b, nil)
	}
}
