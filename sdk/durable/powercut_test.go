// What is kept in one file outlasts a power cut, a kill and a disk that fails.

package durable_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/scrapekit/scrapekit/sdk/durable"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// childEnv names the folder in which the test binary, started once more, replaces a file.
const childEnv = "DISK_TEST_CHILD"

func TestMain(m *testing.M) {
	crashtest.Main(m, childEnv, func(dir string) error {
		for n := 1; n <= 3; n++ {
			if err := keep(dir, n); err != nil {
				return err
			}
			fmt.Println(n)
		}
		return nil
	})
}

// keep is what all do that keep one thing in a file: they make its folder and replace it.
func keep(dir string, n int) error {
	path := file(dir)
	if err := durable.MakeDir(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return durable.Replace(path, []byte(fmt.Sprint("number ", n)), true)
}

func file(dir string) string { return filepath.Join(dir, "a", "b", "kept") }

// check checks that what is kept is whole, and no older than what was said; and that it can be
// replaced again.
func check(t *testing.T, when, dir string, said []string) {
	t.Helper()
	least := 0
	for _, line := range said {
		if n, err := strconv.Atoi(line); err == nil {
			least = n
		}
	}
	raw, err := os.ReadFile(file(dir))
	got := slices.Index([]string{"number 1", "number 2", "number 3"}, string(raw)) + 1
	if got < least || err == nil && got == 0 || got > least+1 {
		t.Errorf("%s: %d was said to be kept, and this is there: %q (%v)", when, least, raw, err)
	}
	if err := keep(dir, 3); err != nil {
		t.Errorf("%s: %v", when, err)
	}
}

// TestOutlasts: what Replace and MakeDir have done outlasts a power cut, and is whole.
func TestOutlasts(t *testing.T) {
	t.Parallel()
	_, out := crashtest.Child(t, childEnv, crashtest.Fault{})
	n := 0
	for c := range out.PowerCuts(1) {
		n++
		dir := t.TempDir()
		if err := c.Restore(dir); err != nil {
			t.Fatal(err)
		}
		check(t, fmt.Sprintf("power cut after %d operations, %s kept", c.After, c.How), dir, out.Said(c.After))
	}
	if out.Code != 0 || n < 15 {
		t.Errorf("code %d, %d power cuts\n%s", out.Code, n, out.Output)
	}
}

// TestFails makes each of their steps fail: it is an error, and what was kept before is there.
func TestFails(t *testing.T) {
	t.Parallel()
	for _, do := range []crashtest.Failure{crashtest.Kill, crashtest.BrokenDisk, crashtest.FullDisk} {
		for n := 1; ; n++ {
			dir, out := crashtest.Child(t, childEnv, crashtest.Fault{At: n, Do: do})
			if out.Hit == nil {
				if n < 20 {
					t.Errorf("%s: only %d operations", do, n-1)
				}
				break
			}
			when := fmt.Sprintf("%s at operation %d (%v)", do, n, out.Hit)
			if out.Code == 0 && do == crashtest.BrokenDisk {
				t.Errorf("%s: nobody said so", when)
			}
			check(t, when, dir, out.Said(len(out.Ops)))
		}
	}
}
