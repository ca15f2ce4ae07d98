// What was kept is there, and whole, after a power cut, a kill or a disk that fails at each thing
// that is done to the folder.

package files_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/files"
	"github.com/scrapekit/scrapekit/sdk/reply"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// childEnv names the folder in which the test binary, started once more, keeps files.
const childEnv = "FILES_TEST_CHILD"

// contents are what is kept, each under a key; one comes twice.
var contents = []string{strings.Repeat("one ", 3000), "two", strings.Repeat("one ", 3000), "three"}

func TestMain(m *testing.M) {
	crashtest.Main(m, childEnv, func(dir string) error {
		return keepAll(dir, func(f reply.File) { fmt.Println("kept", f.SHA256) })
	})
}

// keepAll keeps what is not known yet.
func keepAll(dir string, kept func(reply.File)) error {
	folder, err := files.Open(filepath.Join(dir, "files"), "the pipeline")
	if err != nil {
		return err
	}
	for i, content := range contents {
		key := fmt.Sprint("key ", i)
		file, known := folder.Known(key)
		if !known {
			if file, err = folder.Keep(key, strings.NewReader(content)); err != nil {
				return err
			}
		}
		kept(file)
	}
	return nil
}

// checkKept checks what a process that said this has left, and keeps the rest.
func checkKept(t *testing.T, when, dir string, said []string) {
	t.Helper()
	for _, line := range said {
		hash, ok := strings.CutPrefix(line, "kept ")
		if !ok {
			continue
		}
		if err := whole(dir, hash); err != nil {
			t.Errorf("%s: what was said to be kept: %v", when, err)
		}
	}
	n := 0
	err := keepAll(dir, func(f reply.File) {
		n++
		if err := whole(dir, f.SHA256); err != nil {
			t.Errorf("%s: gone on: %v", when, err)
		}
	})
	if err != nil || n != len(contents) {
		t.Errorf("%s: gone on: %d kept, %v", when, n, err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "files", ".partial-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%s: left: %v (%v)", when, left, err)
	}
}

// whole checks that a file has the content that it is named after.
func whole(dir, hash string) error {
	raw, err := os.ReadFile(filepath.Join(dir, "files", hash[:2], hash))
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != hash {
		return fmt.Errorf("%s holds %d other bytes", hash, len(raw))
	}
	return nil
}

func TestPowerCuts(t *testing.T) {
	t.Parallel()
	_, out := crashtest.Child(t, childEnv, crashtest.Fault{})
	n := 0
	for c := range out.PowerCuts(1) {
		n++
		dir := t.TempDir()
		if err := c.Restore(dir); err != nil {
			t.Fatal(err)
		}
		checkKept(t, fmt.Sprintf("power cut after %d operations, %s kept", c.After, c.How), dir, out.Said(c.After))
	}
	if out.Code != 0 || n < 50 {
		t.Errorf("code %d, %d power cuts\n%s", out.Code, n, out.Output)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for _, do := range []crashtest.Failure{crashtest.Kill, crashtest.BrokenDisk, crashtest.FullDisk} {
		for n := 1; ; n++ {
			dir, out := crashtest.Child(t, childEnv, crashtest.Fault{At: n, Do: do})
			if out.Hit == nil {
				if n < 30 {
					t.Errorf("%s: only %d operations", do, n-1)
				}
				break
			}
			checkKept(t, fmt.Sprintf("%s at operation %d (%v)", do, n, out.Hit), dir, out.Said(len(out.Ops)))
		}
	}
}
