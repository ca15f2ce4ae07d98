// Watching a program whose every step is known, and one that leaves a step out.

package crashtest_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// childEnv holds the folder of the test binary, started once more, and what it leaves out.
const childEnv = "CRASHTEST_CHILD"

func TestMain(m *testing.M) {
	if args := os.Getenv(childEnv); args != "" {
		err := crashtest.Watch()
		if err == nil {
			dir, without, _ := strings.Cut(args, "|")
			err = replaceThrice(dir, without)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// replaceThrice replaces a file by one that holds the next number, three times, and says each
// number when it is durable.
func replaceThrice(dir, without string) error {
	for n := 1; n <= 3; n++ {
		if err := replace(dir, strconv.Itoa(n), without); err != nil {
			return err
		}
		fmt.Println(n)
	}
	return nil
}

func replace(dir, text, without string) error {
	f, err := os.Create(filepath.Join(dir, "new"))
	if err != nil {
		return err
	}
	_, err = f.WriteString(text + "\n")
	if without != "sync" {
		err = errors.Join(err, f.Sync())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, "kept")); err != nil || without == "folder" {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func run(t *testing.T, dir, without string, f crashtest.Fault, strikes ...crashtest.Strike) *crashtest.Outcome {
	t.Helper()
	if err := crashtest.Supported(); err != nil {
		t.Skip(err)
	}
	out, err := crashtest.Program{
		Path: os.Args[0], Env: append(os.Environ(), childEnv+"="+dir+"|"+without), Root: dir, Fault: f,
		Strikes: strikes, Record: true,
	}.Run(t.Context())
	if err != nil {
		t.Fatalf("%v\n%s", err, out.Output)
	}
	return out
}

func kept(t *testing.T, dir string) int {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "kept"))
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	n, bad := strconv.Atoi(strings.TrimSuffix(string(raw), "\n"))
	if err := errors.Join(err, bad); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOperations(t *testing.T) {
	t.Parallel()
	out := run(t, t.TempDir(), "", crashtest.Fault{})
	var got []string
	for _, o := range out.Ops {
		got = append(got, o.String())
	}
	want := []string{"create new", "write new, 2 bytes at 0", "sync new", "rename new to kept", "sync ."}
	var all []string
	for n := 1; n <= 3; n++ {
		all = append(append(all, want...), fmt.Sprintf("said %q", fmt.Sprintf("%d\n", n)))
	}
	if !slices.Equal(got, all) || out.Code != 0 || out.Count() != 15 || string(out.Output) != "1\n2\n3\n" {
		t.Errorf("code %d, output %q, operations\n%s", out.Code, out.Output, strings.Join(got, "\n"))
	}
	if said := out.Said(len(out.Ops)); !slices.Equal(said, []string{"1", "2", "3"}) {
		t.Errorf("said %q", said)
	}
}

func TestKillAtEachOperation(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 16; n++ {
		dir := t.TempDir()
		out := run(t, dir, "", crashtest.Fault{At: n})
		if killed := out.Hit != nil; killed != (n <= 15) || killed != (out.Code == -1) {
			t.Errorf("operation %d: hit %v, code %d", n, out.Hit, out.Code)
		}
		if got, want := kept(t, dir), (n-1)/5+(n-1)%5/4; got != want {
			t.Errorf("killed before operation %d (%v): %d is kept, want %d", n, out.Hit, got, want)
		}
	}
}

// TestStrikes: the first one is of a process that there never is, so that the second, which is due
// before, waits behind it; the other way round it lands.
func TestStrikes(t *testing.T) {
	t.Parallel()
	nobody, first := crashtest.Strike{At: 2, Of: "nobody"}, crashtest.Strike{At: 7}
	if out := run(t, t.TempDir(), "", crashtest.Fault{}, nobody, first); out.Code != 0 || len(out.Struck) != 0 {
		t.Errorf("code %d, struck %v", out.Code, out.Struck)
	}
	dir := t.TempDir()
	out := run(t, dir, "", crashtest.Fault{}, first, nobody)
	want := crashtest.Struck{Strike: first, After: 7} // six operations, and a word in between
	if out.Code != -1 || !slices.Equal(out.Struck, []crashtest.Struck{want}) || kept(t, dir) != 1 {
		t.Errorf("code %d, struck %v, kept %d", out.Code, out.Struck, kept(t, dir))
	}
}

func TestErrorAtEachOperation(t *testing.T) {
	t.Parallel()
	for _, do := range []crashtest.Failure{crashtest.BrokenDisk, crashtest.FullDisk} {
		for n := 1; n <= 15; n++ {
			dir := t.TempDir()
			out := run(t, dir, "", crashtest.Fault{At: n, Do: do})
			ended := do == crashtest.FullDisk && n == 15 // nothing needs space after it
			says := map[crashtest.Failure]string{crashtest.BrokenDisk: "input/output error",
				crashtest.FullDisk: "no space left"}[do]
			if (out.Code == 0) != ended || out.Hit == nil || !ended && !strings.Contains(string(out.Output), says) {
				t.Errorf("%s at operation %d (%v): code %d, %s", do, n, out.Hit, out.Code, out.Output)
			}
			kept(t, dir) // is a number still
		}
	}
}

// findings are the disks after a power cut that break the promise: what was said is kept, and
// whole.
func findings(t *testing.T, without string) (cuts int, wrong []string) {
	t.Helper()
	out := run(t, t.TempDir(), without, crashtest.Fault{})
	for c := range out.PowerCuts(1) {
		cuts++
		dir := t.TempDir()
		if err := c.Restore(dir); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, "kept"))
		text := strings.TrimSuffix(string(raw), "\n")
		n, bad := strconv.Atoi(text)
		if errors.Is(err, os.ErrNotExist) {
			err, bad = nil, nil
		}
		if err := errors.Join(err, bad); err != nil || n < len(out.Said(c.After)) {
			wrong = append(wrong, fmt.Sprintf("after %d, %s: %q (%v)", c.After, c.How, raw, err))
		}
	}
	return cuts, wrong
}

func TestPowerCuts(t *testing.T) {
	t.Parallel()
	if n, wrong := findings(t, ""); len(wrong) > 0 || n < 10 {
		t.Errorf("%d cuts, wrong: %s", n, strings.Join(wrong, "\n"))
	}
	for _, without := range []string{"sync", "folder"} {
		if n, wrong := findings(t, without); len(wrong) == 0 {
			t.Errorf("a program that leaves out the %s passes %d power cuts", without, n)
		}
	}
}
