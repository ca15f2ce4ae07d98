package author

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestOutputsAreNotWatched: what the plugin writes while it runs, and what this process shows, does
// not begin the next run.
func TestOutputsAreNotWatched(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) *os.File {
		t.Helper()
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = f.WriteString(text)
		}
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for _, name := range []string{"main.go", "data.txt"} {
		if err := write(name, "x").Close(); err != nil {
			t.Fatal(err)
		}
	}
	screen := write("screen.go", "shown\n") // whatever its name is
	defer screen.Close()
	p := &Project{Dir: dir, isDir: true, build: []string{"true"}, Shown: []*os.File{screen}}
	// changed returns what is seen to change within a while, and waits for it no longer than it
	// must.
	changed := func(runs bool, within time.Duration, files ...string) string {
		t.Helper()
		before := p.Snapshot()
		for _, name := range files {
			if err := write(name, "more").Close(); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		return p.Changed(ctx, before, func() bool { return runs })
	}
	if got := changed(true, 4*watchEvery, "out.jsonl", "data.txt", "screen.go"); got != "" {
		t.Errorf("while it runs, the change of %s is seen", got)
	}
	if got := changed(false, 4*watchEvery, "out.jsonl", "screen.go"); got != "" {
		t.Errorf("the output %s is watched", got)
	}
	for _, name := range []string{"main.go", "notes.md"} {
		if got := changed(false, time.Minute, name); filepath.Base(got) != name {
			t.Errorf("after it has run: %q, want %s", got, name)
		}
	}
}
