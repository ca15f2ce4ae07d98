// Dead letters after a power cut, a kill, or on a disk that fails: those that a token stands for
// are there, and no others.

package deadletter

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// childEnv names the folder in which the test binary, started once more, keeps dead letters.
const childEnv = "DEADLETTER_TEST_CHILD"

func TestMain(m *testing.M) {
	crashtest.Main(m, childEnv, keepLetters)
}

// keepLetters keeps four letters to a commit, long enough not to fit the buffer, and says each
// token.
func keepLetters(dir string) error {
	f := in(dir)
	if err := f.Open("r1", 0, nil); err != nil {
		return err
	}
	for n := range 16 {
		if err := f.Add(letter(fmt.Sprint(n), `"`+strings.Repeat("x", 1500)+`"`)); err != nil {
			return err
		}
		if n%4 < 3 {
			continue
		}
		token, err := f.Commit()
		if err != nil {
			return err
		}
		fmt.Println("token", string(token), n+1)
	}
	return f.Close()
}

func in(dir string) *File {
	return New(func(run string) string { return filepath.Join(dir, "runs", run) })
}

// checkLetters opens the letters with the last token that was said, and adds one.
func checkLetters(t *testing.T, when, dir string, said []string) {
	t.Helper()
	var token sdk.Token
	want := 0
	for _, line := range said {
		if words := strings.Fields(line); len(words) == 3 && words[0] == "token" {
			n, err := strconv.Atoi(words[2])
			ok(t, err)
			token, want = sdk.Token(words[1]), n
		}
	}
	f := in(dir)
	if err := f.Open("r1", 0, token); err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	add(t, f, letter(strconv.Itoa(want), `"again"`))
	_, err := f.Commit()
	ok(t, err)
	ok(t, f.Close())
	got := read(t, filepath.Join(dir, "runs", "r1", fileName(0)))
	if len(got) != want+1 {
		t.Fatalf("%s: %d letters, want %d", when, len(got), want+1)
	}
	for i, l := range got {
		if l.Reason != strconv.Itoa(i) {
			t.Errorf("%s: letter %d is %q", when, i, l.Reason)
		}
	}
}

func TestPowerCuts(t *testing.T) {
	t.Parallel()
	_, out := crashtest.Child(t, childEnv, crashtest.Fault{})
	n := 0
	for c := range out.PowerCuts(1) {
		n++
		dir := t.TempDir()
		ok(t, c.Restore(dir))
		checkLetters(t, fmt.Sprintf("power cut after %d operations, %s kept", c.After, c.How), dir, out.Said(c.After))
	}
	if out.Code != 0 || n < 20 {
		t.Errorf("code %d, %d power cuts\n%s", out.Code, n, out.Output)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for _, do := range []crashtest.Failure{crashtest.Kill, crashtest.BrokenDisk, crashtest.FullDisk} {
		for n := 1; ; n++ {
			dir, out := crashtest.Child(t, childEnv, crashtest.Fault{At: n, Do: do})
			if out.Hit == nil {
				if n < 10 {
					t.Errorf("%s: only %d operations", do, n-1)
				}
				break
			}
			when := fmt.Sprintf("%s at operation %d (%v)", do, n, out.Hit)
			if do == crashtest.BrokenDisk && out.Code == 0 {
				t.Errorf("%s: nobody said so", when)
			}
			checkLetters(t, when, dir, out.Said(len(out.Ops)))
		}
	}
}
