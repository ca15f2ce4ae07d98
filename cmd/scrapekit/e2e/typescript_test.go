// Plugins in TypeScript, tested as a stranger would: built by their own build, and held to the
// conformance suite by their own CI.

package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// modulesOf returns the modules of the example, or skips the test where they cannot be had.
func modulesOf(t *testing.T) string {
	t.Helper()
	for _, tool := range []string{"node", "npm", "bash"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not there, so the source in TypeScript is not tested", tool)
		}
	}
	modules, err := filepath.Abs(filepath.Join("..", "..", "..", "examples", "source-typescript", "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, ".package-lock.json")); err != nil {
		t.Skipf("the source in TypeScript is not tested: run `npm ci` in %s, as .ci/run does", filepath.Dir(modules))
	}
	return modules
}

// TestTypeScript tests what `plugins new` makes.
//
//ci:plain
func TestTypeScript(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	modules := modulesOf(t)
	for _, kind := range []string{"source", "transform", "sink"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir, env := newTypeScript(t, kind, modules)
			runCI(t, dir, env)
		})
	}
}

// newTypeScript writes a repository whose modules are those of the example, but for the SDK, which
// is its own.
func newTypeScript(t *testing.T, kind, modules string) (dir string, env []string) {
	t.Helper()
	dir, env = newRepository(t, kind, "forum", "--lang", "typescript")
	own := filepath.Join(dir, "node_modules")
	if err := os.Mkdir(own, 0o755); err != nil {
		t.Fatal(err)
	}
	all, err := os.ReadDir(modules)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		to := filepath.Join(modules, e.Name())
		if e.Name() == "scrapekit" {
			to = filepath.Join(dir, "vendor", "scrapekit")
		}
		if err := os.Symlink(to, filepath.Join(own, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return dir, env
}

// TestTypeScriptServices tests what the suite cannot ask for, as TestPythonServices does.
//
//ci:plain
func TestTypeScriptServices(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	dir, env := newTypeScript(t, "source", modulesOf(t))
	text, err := os.ReadFile(filepath.Join("testdata", "typescript", "services.ts"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "src", "main.ts"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "npm", "run", "--silent", "build")
	build.Dir, build.Env = dir, env
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	startServices(t).run(t, dir, "bin/forum")
}

// TestTypeScriptPieces tests what a plugin is hard to bring to.
//
//ci:plain
func TestTypeScriptPieces(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	modules := modulesOf(t)
	program := filepath.Join(t.TempDir(), "pieces.js")
	build := exec.CommandContext(t.Context(), filepath.Join(modules, ".bin", "esbuild"),
		filepath.Join("testdata", "typescript", "pieces.ts"),
		"--bundle", "--platform=node", "--outfile="+program, "--log-level=warning")
	build.Env = append(os.Environ(), "NODE_PATH="+modules)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), "node", program).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestTypeScriptProtocol: what was made of the proto files is what they say.
//
//ci:plain
func TestTypeScriptProtocol(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	modules := modulesOf(t)
	kept, err := os.ReadFile(filepath.Join("..", "..", "..", "sdk", "typescript", "src", "protocol.json"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script, err := os.ReadFile(filepath.Join("..", "..", "..", "sdk", "typescript", "protocol.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Symlink(modules, filepath.Join(dir, "node_modules")),
		os.WriteFile(filepath.Join(dir, "protocol.mjs"), script, 0o600)); err != nil {
		t.Fatal(err)
	}
	proto, err := filepath.Abs(filepath.Join("..", "..", "..", "proto"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "protocol.mjs", proto, "protocol.json")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	made, err := os.ReadFile(filepath.Join(dir, "protocol.json"))
	if err != nil || !bytes.Equal(kept, made) {
		t.Errorf("sdk/typescript/src/protocol.json is not what the proto files say: run node protocol.mjs "+
			"../../proto there, with protobufjs (%v)", err)
	}
}
