// Broken files: each in testdata/broken with the diagnostics that it must give.

package config_test

import (
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/config"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestBroken(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/broken/*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS == "windows" && strings.Contains(file, "plugins") {
				t.Skip("it names executables, which have other names on Windows")
			}
			_, diagnostics := config.Load(t.Context(), filepath.ToSlash(file),
				options(nil, map[string]string{"PORT": "not-a-port"}))
			dir, err := filepath.Abs(filepath.Dir(file))
			if err != nil {
				t.Fatal(err)
			}
			for i, d := range diagnostics { // before lines are broken, which depends on the folder's length
				diagnostics[i].Summary = strings.ReplaceAll(d.Summary, dir, "DIR")
				diagnostics[i].Detail = strings.ReplaceAll(d.Detail, dir, "DIR")
			}
			var out strings.Builder
			if err := config.Write(&out, diagnostics, nil, 100); err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, ".hcl")+".golden", out.String())
		})
	}
}

// golden compares a text with that of a file.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != strings.ReplaceAll(string(want), "\r\n", "\n") {
		t.Errorf("%s\n--- got\n%s--- want\n%s", file, got, want)
	}
}
