// Plugins for scripts to publish and install: the third-party example in several versions, and one
// that is up to no good.

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// builtHello are the programs that were built, by what they are.
var builtHello sync.Map

// buildHello is
//
//	hello VERSION FILE [PERMISSION...]
//
// It builds examples/source-hello as that version of it, which asks for the permissions:
// http=https://api.example.com, fs_write=/, or has a setting that is a path, paths_write=name.
func buildHello(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: hello VERSION FILE [PERMISSION...]")
	}
	once, _ := builtHello.LoadOrStore(args[0]+" "+strings.Join(args[2:], " "),
		sync.OnceValues(func() ([]byte, error) { return helloOf(args[0], args[2:]) }))
	raw, err := once.(func() ([]byte, error))()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), raw, 0o755))
}

func helloOf(version string, permissions []string) ([]byte, error) {
	main := filepath.Join("..", "..", "examples", "source-hello", "main.go")
	source, err := os.ReadFile(main)
	if err != nil {
		return nil, err
	}
	asked := map[string][]string{}
	for _, p := range permissions {
		kind, entry, _ := strings.Cut(p, "=")
		if text, err := strconv.Unquote(`"` + entry + `"`); err == nil {
			entry = text // a script cannot hold every character
		}
		asked[kind] = append(asked[kind], entry)
	}
	info := fmt.Sprintf(`Version: %q, Permissions: sdk.Permissions{HTTP: %#v, FSWrite: %#v}`, version, asked["http"],
		asked["fs_write"])
	changed := strings.Replace(string(source), `Version: "1.0.0"`, info, 1)
	for _, setting := range asked["paths_write"] {
		changed = strings.Replace(changed, `json:"`+setting+`"`, `json:"`+setting+`" path:"write"`, 1)
	}
	if changed == string(source) {
		return nil, fmt.Errorf("%s does not say its version any more", main)
	}
	return goBuild(changed, main, filepath.Dir(main))
}

// evilHandshake is a program that asks its host to connect to somebody else's socket.
const evilHandshake = `package main

import "fmt"

func main() {
	fmt.Println("1|1|unix|/tmp/victim.sock|grpc||")
	select {}
}
`

// buildEvil is
//
//	evil FILE
func buildEvil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: evil FILE")
	}
	main := filepath.Join("..", "..", "examples", "source-hello", "main.go")
	raw, err := goBuild(evilHandshake, main, filepath.Dir(main))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), raw, 0o755))
}

// goBuild builds the program in a folder of the module with another text in one of its files, as a
// publisher would: small, and without the race detector.
func goBuild(text, file, folder string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "scrapekit-build-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	absolute, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {absolute: filepath.Join(dir, "main.go")}})
	if err != nil {
		return nil, err
	}
	for name, raw := range map[string][]byte{"main.go": []byte(text), "overlay.json": overlay} {
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o600); err != nil {
			return nil, err
		}
	}
	out := filepath.Join(dir, "program")
	cmd := exec.Command("go", "build", "-ldflags", "-s -w", "-overlay", filepath.Join(dir, "overlay.json"), "-o", out,
		".")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, text)
	}
	return os.ReadFile(out)
}
