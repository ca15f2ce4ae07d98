// The source in TypeScript, tested as a stranger would: built by its own build, and held to the conformance suite.

package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// typescript copies the example to a folder in which it can be built, or skips the test where it cannot.
func typescript(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the source in TypeScript needs a host that speaks over unix sockets")
	}
	from, err := filepath.Abs(filepath.Join("..", "..", "examples", "source-typescript"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not there, so the source in TypeScript is not tested", tool)
		}
	}
	modules := filepath.Join(from, "node_modules")
	if _, err := os.Stat(filepath.Join(modules, ".package-lock.json")); err != nil {
		t.Skipf("the source in TypeScript is not tested: run `npm ci` in %s, as .ci/run does", from)
	}
	dir := filepath.Join(t.TempDir(), "source-typescript")
	copyTree(t, from, dir)
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// copyTree copies the files of a folder, but for those below node_modules, bin, build and out.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{"node_modules", "bin", "build", "out", ".scrapekit"}, d.Name()) {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), raw, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTypeScript(t *testing.T) {
	t.Parallel()
	dir := typescript(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "plugins", "test", dir, "--replay", filepath.Join(dir, "testdata", "replies.jsonl"))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), " 0 failed, 0 skipped, 0 not run") {
		t.Errorf("%v\n%s", err, out)
	}

	// What was made of the proto files is what they say.
	kept, err := os.ReadFile(filepath.Join(dir, "src", "protocol.json"))
	if err != nil {
		t.Fatal(err)
	}
	proto, err := filepath.Abs(filepath.Join("..", "..", "proto"))
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.CommandContext(t.Context(), "node", "protocol.mjs", proto)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	made, err := os.ReadFile(filepath.Join(dir, "src", "protocol.json"))
	if err != nil || !bytes.Equal(kept, made) {
		t.Errorf("examples/source-typescript/src/protocol.json is not what the proto files say: run npm run protocol there (%v)", err)
	}
}
