// The source in TypeScript, tested as a stranger would: built by its own build, and held to the conformance suite by its own CI.

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// modulesOf returns the modules of the example, or skips the test where they cannot be had.
func modulesOf(t *testing.T) string {
	t.Helper()
	for _, tool := range []string{"node", "npm", "bash"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not there, so the source in TypeScript is not tested", tool)
		}
	}
	modules, err := filepath.Abs(filepath.Join("..", "..", "examples", "source-typescript", "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, ".package-lock.json")); err != nil {
		t.Skipf("the source in TypeScript is not tested: run `npm ci` in %s, as .ci/run does", filepath.Dir(modules))
	}
	return modules
}

// TestTypeScript tests the example as the repository that `plugins new` makes of it.
func TestTypeScript(t *testing.T) {
	t.Parallel()
	modules := modulesOf(t)
	dir, env := newRepository(t, "source", "forum", "--lang", "typescript")
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	runCI(t, dir, env)

	// What was made of the proto files is what they say.
	kept, err := os.ReadFile(filepath.Join(dir, "src", "protocol.json"))
	if err != nil {
		t.Fatal(err)
	}
	proto, err := filepath.Abs(filepath.Join("..", "..", "proto"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "protocol.mjs", proto)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	made, err := os.ReadFile(filepath.Join(dir, "src", "protocol.json"))
	if err != nil || !bytes.Equal(kept, made) {
		t.Errorf("examples/source-typescript/src/protocol.json is not what the proto files say: run npm run protocol there (%v)", err)
	}
}
