// Killed for real: a process that writes, again and again.

package filesink

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/filesink/filesinktest"
)

// childEnv holds what the test binary, started once more, is to write: path, token, first record.
const childEnv = "FILESINK_TEST_CHILD"

func TestMain(m *testing.M) {
	if args := os.Getenv(childEnv); args != "" {
		if err := writeForever(strings.Split(args, "|")); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	if plan := os.Getenv(stepsEnv); plan != "" {
		if err := takeSteps(plan); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeForever writes numbered records to three streams, and commits now and then. It prints each
// token, with the number of the first record that it does not stand for.
func writeForever(args []string) error {
	ctx := context.Background()
	token, err := base64.StdEncoding.DecodeString(args[1])
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	sink, err := newSink(Options{Path: args[0], RotateSize: "20kB"})
	if err != nil {
		return err
	}
	start := sdk.Start{Run: "r1", Started: day}
	if len(token) > 0 {
		start.Token, start.Resume = token, true
	}
	if err := sink.Open(ctx, start); err != nil {
		return err
	}
	fmt.Println("open")
	random := rand.New(rand.NewPCG(uint64(n), 3))
	for {
		for range 1 + random.IntN(5) {
			stream := fmt.Sprint("s", random.IntN(3))
			if err := sink.Write(ctx, batch(stream, numberedRecord(n))); err != nil {
				return err
			}
			n++
		}
		token, err := sink.Commit(ctx)
		if err != nil {
			return err
		}
		fmt.Println(base64.StdEncoding.EncodeToString(token), n)
	}
}

func numberedRecord(n int) string {
	return fmt.Sprintf(`{"n":%d,"pad":"%s"}`, n, strings.Repeat("x", n%700))
}

func TestKill(t *testing.T) {
	t.Parallel()
	rounds := 30
	if testing.Short() {
		rounds = 6
	}
	for _, ext := range []string{"", ".zst"} {
		t.Run("jsonl"+ext, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "{stream}.jsonl"+ext)
			random := rand.New(rand.NewPCG(5, uint64(len(ext))))
			token, next := "", 0
			for range rounds {
				// The host may have lost the last token as well.
				if got, n := runAndKill(t, path, token, next, random.IntN(6)); got != "" && random.IntN(4) > 0 {
					token, next = got, n
				}
				holdsFirst(t, dir, path, token, next)
			}
			if next == 0 {
				t.Error("no commit was ever reached")
			}
		})
	}
}

// runAndKill runs a child, kills it while it goes on after some commits, and returns the last token
// that it printed.
func runAndKill(t *testing.T, path, token string, next int, commits int) (string, int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+strings.Join([]string{path, token, strconv.Itoa(next)}, "|"))
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var last string
	var n int
	seen := -1 // commits; the first line says that the sink is open
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		seen++
		if seen == commits {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		if seen == 0 {
			continue
		}
		if _, err := fmt.Sscan(lines.Text(), &last, &n); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
	}
	if err := cmd.Wait(); err == nil || said.Len() > 0 || seen < commits {
		t.Fatalf("the child ended by itself: %v: %s", err, said.String())
	}
	return last, n
}

// holdsFirst opens the sink with a token, which must leave exactly the first n records.
func holdsFirst(t *testing.T, dir, path, token string, n int) {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	start := sdk.Start{Run: "r1", Started: day}
	if len(raw) > 0 {
		start.Token, start.Resume = raw, true
	}
	sink, err := newSink(Options{Path: path, RotateSize: "20kB"})
	if err == nil {
		err = sink.Open(t.Context(), start)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	var want, got []string
	for i := range n {
		want = append(want, numberedRecord(i))
	}
	for i := range 3 {
		got = append(got, filesinktest.StreamLines(t, dir, fmt.Sprint("s", i))...)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%d records after a kill, want %d", len(got), len(want))
	}
}
